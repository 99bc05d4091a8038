//! Clockwork: what happens without a call.

use std::time::Duration;

use crate::app::App;
use crate::error::Error;

/// How often changes are looked for that are still pending after their settle time, at most.
const PENDING_PERIOD: Duration = Duration::from_secs(1);
/// And how many times as long as a look takes it waits at least: each look at pending changes reads all sensors, each
/// comparison all spots.
const LOOK_SHARE: u32 = 100;
/// How often silence is looked for. A heartbeat is minutes at least.
const SILENCE_PERIOD: Duration = Duration::from_millis(500);
/// How often ground and books are compared. They may differ for minutes before anybody is told.
const COMPARE_PERIOD: Duration = Duration::from_secs(5);
/// The same where minutes pass when the clock is moved, and never longer than elsewhere.
const COMPARE_MOVED_PERIOD: Duration = Duration::from_millis(200);
const COMPARE_MOVED_SHARE: u32 = 20;
/// How often the quarantine is trimmed.
const TRIM_PERIOD: Duration = Duration::from_secs(60);

/// Starts everything; it ends with the service's tasks.
pub fn start(app: &App, silence_grace: Duration) {
    let finder = app.clone();
    app.tasks.supervise("pending", move || {
        let app = finder.clone();
        async move { find_pending(&app).await }
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

/// Finds what was pending when this process started, and from then on what nobody settles.
async fn find_pending(app: &App) -> Result<(), Error> {
    let mut by = None;
    loop {
        let begun = tokio::time::Instant::now();
        app.find_pending(by).await?;
        app.tasks.sleep(PENDING_PERIOD.max(begun.elapsed() * LOOK_SHARE)).await;
        by = Some(app.clock.now());
    }
}

/// How long to wait after a look that took so long.
fn wait_to_compare(took: Duration, moved: bool) -> Duration {
    if moved {
        COMPARE_MOVED_PERIOD.max(took * COMPARE_MOVED_SHARE).min(COMPARE_PERIOD)
    } else {
        COMPARE_PERIOD.max(took * LOOK_SHARE)
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
