//! Clockwork: what happens without a call.

use std::time::Duration;

use jiff::Timestamp;

use crate::app::App;
use crate::error::Error;

/// How often the rows are asked when the next change settles: the net for what another process
/// wrote and did not live to settle.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Wait before another look at what somebody else had locked when it was due.
const LOCKED_WAIT: Duration = Duration::from_millis(5);
/// How often silence is looked for. A heartbeat is minutes at least.
const SILENCE_PERIOD: Duration = Duration::from_millis(500);
/// How often ground and books are compared. They may differ for minutes before anybody is told.
const COMPARE_PERIOD: Duration = Duration::from_secs(5);
/// And how many times as long as a look takes it waits at least: each look reads all spots.
const COMPARE_SHARE: u32 = 100;
/// The same where minutes pass when the clock is moved, and never longer than elsewhere.
const COMPARE_MOVED_PERIOD: Duration = Duration::from_millis(200);
const COMPARE_MOVED_SHARE: u32 = 20;
/// How often the quarantine is trimmed.
const TRIM_PERIOD: Duration = Duration::from_secs(60);

/// Starts everything; it ends with the service's tasks.
pub fn start(app: &App, silence_grace: Duration) {
    let settler = app.clone();
    app.tasks.supervise("settle", move || {
        let app = settler.clone();
        async move { settle(&app).await }
    });
    let watcher = app.clone();
    app.tasks.spawn("silence-grace", async move {
        watcher.tasks.sleep(silence_grace).await;
        let tasks = watcher.tasks.clone();
        tasks.every("silence", SILENCE_PERIOD, move |now| {
            let app = watcher.clone();
            async move { logged("silence", app.find_silent(now).await) }
        });
    });
    let comparer = app.clone();
    app.tasks.spawn("discrepancies", async move {
        let mut moves = comparer.clock.moves();
        loop {
            let begun = tokio::time::Instant::now();
            logged("discrepancies", comparer.compare(comparer.clock.now()).await);
            logged("agreement", comparer.judge(comparer.clock.now()).await);
            let took = begun.elapsed();
            let is_moved = comparer.clock.was_moved_within(Duration::MAX);
            tokio::select! {
                () = comparer.tasks.sleep(wait_to_compare(took, is_moved)) => {}
                () = moves.next() => comparer.tasks.sleep(wait_to_compare(took, true)).await,
            }
        }
    });
    let trimmer = app.clone();
    app.tasks.every("quarantine", TRIM_PERIOD, move |now| {
        let app = trimmer.clone();
        async move {
            logged("quarantine", app.trim_quarantine().await);
            logged("plates", app.forget_plate_requests(now).await);
        }
    });
}

/// Sleeps towards the next due time, lets settle what is due, and so on.
async fn settle(app: &App) -> Result<(), Error> {
    let mut looked = tokio::time::Instant::now();
    let mut moves = app.clock.moves();
    app.settle_due(app.clock.now()).await?;
    loop {
        let now = app.clock.now();
        let next = app.due.next();
        if next.is_some_and(|next| next <= now) || looked.elapsed() >= LOOK_PERIOD {
            looked = tokio::time::Instant::now();
            app.settle_due(now).await?;
            if app.due.next().is_some_and(|next| next <= now) {
                app.tasks.sleep(LOCKED_WAIT).await;
            }
            continue;
        }
        tokio::select! {
            () = app.tasks.sleep(wait_until(next, now)) => {}
            () = app.due.earlier() => {}
            () = moves.next() => {}
        }
    }
}

fn wait_until(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let until = next.map(|next| next.duration_since(now));
    until
        .and_then(|until| until.try_into().ok())
        .map_or(LOOK_PERIOD, |until: Duration| until.min(LOOK_PERIOD))
}

/// How long to wait after a look that took so long.
fn wait_to_compare(took: Duration, moved: bool) -> Duration {
    if moved {
        COMPARE_MOVED_PERIOD.max(took * COMPARE_MOVED_SHARE).min(COMPARE_PERIOD)
    } else {
        COMPARE_PERIOD.max(took * COMPARE_SHARE)
    }
}

fn logged(job: &'static str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(job, error = %parkmesh_platform::fault::chain(&error), "will be tried again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_all_spots_leave_the_database_to_others() {
        let wait = |ms, moved| wait_to_compare(Duration::from_millis(ms), moved).as_millis();
        assert_eq!((wait(3, false), wait(300, false)), (5_000, 30_000));
        assert_eq!((wait(3, true), wait(60, true), wait(3_000, true)), (200, 1_200, 5_000));
    }
}
