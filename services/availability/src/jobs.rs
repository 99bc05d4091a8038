//! Clockwork: time passes, streams are looked at, Redis is kept up to date.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parkmesh_eventbus::{Bus, BusError};
use parkmesh_platform::serve::Health;
use parkmesh_platform::tasks::Tasks;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::app::freshness::Feed;
use crate::app::share::Sharer;
use crate::app::warm::Warm;
use crate::events;
use crate::metrics::Metrics;
use crate::store::{SharedPicture, StoreError};

/// Longest wait between two looks at what is due. In development the clock may be moved meanwhile;
/// and a fact may have brought an earlier instant.
const DUE_LOOK_PERIOD: Duration = Duration::from_millis(100);
/// A clock that goes back by less is only another thread's.
const BACK_MIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);
/// How often the ends of the streams are looked at.
const STREAM_LOOK_PERIOD: Duration = Duration::from_secs(2);
/// Messages before the end of a stream that are looked at one by one.
const MAX_PASSED_OVER: u64 = 100;
/// Changes of the picture within this time are written to Redis together.
const SHARE_GATHER: Duration = Duration::from_millis(20);
/// Redis is looked at this often when nothing changes: an emptied one is filled again.
const SHARE_PERIOD: Duration = Duration::from_secs(1);
/// How often a starting replica looks whether it can answer.
const READY_LOOK_PERIOD: Duration = Duration::from_millis(20);
/// How often it is looked whether a quarter of an hour has begun.
const RECORD_LOOK_PERIOD: Duration = Duration::from_secs(2);
/// Wait after Redis did not answer.
const SHARE_RETRY: Duration = Duration::from_secs(1);

/// Lets time pass in the picture: holds lapse, windows come near, without any fact, and a picture
/// that hears nothing becomes stale.
pub async fn run_clock(app: Arc<App>, metrics: Metrics, tasks: Tasks) {
    let clock = tasks.clock().clone();
    let mut last = Timestamp::MIN;
    loop {
        let now = clock.now();
        if last.duration_since(now) > BACK_MIN {
            app.look_again(now);
        }
        last = now;
        metrics.is_stale(app.look_at_staleness());
        let due_in = app.tick(now).map(|due| due.duration_since(clock.now()));
        let due_in = due_in.and_then(|wait| Duration::try_from(wait).ok());
        // One millisecond at least: an instant that has just come due is looked at next time, not
        // in a spin.
        let wait = due_in.map_or(DUE_LOOK_PERIOD, |wait| wait + Duration::from_millis(1));
        tasks.sleep(wait.min(DUE_LOOK_PERIOD)).await;
    }
}

/// Looks at the ends of the streams, which tells how fresh the picture is.
pub fn start_looks(app: &Arc<App>, bus: &Bus, tasks: &Tasks) {
    let (app, bus) = (Arc::clone(app), bus.clone());
    let mut seen = HashMap::new();
    tasks.every("stream-looks", STREAM_LOOK_PERIOD, move |_now| {
        let (app, bus, before) = (Arc::clone(&app), bus.clone(), seen.clone());
        seen = Feed::ALL.into_iter().map(|feed| (feed, app.position(feed))).collect();
        async move {
            for feed in Feed::ALL {
                let look = look(&app, &bus, feed, before.get(&feed).copied());
                match timeout(STREAM_LOOK_PERIOD, look).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(?feed, %error, "the stream does not answer"),
                    Err(_) => tracing::debug!(?feed, "the stream does not answer"),
                }
            }
        }
    });
}

async fn look(app: &App, bus: &Bus, feed: Feed, before: Option<u64>) -> Result<(), BusError> {
    let last = bus.last_sequence(feed.stream()).await?;
    app.look_at_end(feed, last);
    let position = app.position(feed);
    if position >= last || before != Some(position) || last - position > MAX_PASSED_OVER {
        return Ok(());
    }
    // It stands still before the end: what lies between may be nothing for us. Letters that were
    // delivered again to one consumer lie there, and facts that only a newer version knows.
    let ours = events::fact_types(feed.stream());
    for sequence in position + 1..=last {
        let fact = bus.fact_at(feed.stream(), sequence).await?;
        if fact.is_some_and(|fact| ours.contains(&fact.fact_type.as_str())) {
            return Ok(());
        }
    }
    app.pass(feed, last);
    Ok(())
}

/// Takes over what Redis holds, once, to have something to answer with until the picture stands.
pub async fn warm_up(app: Arc<App>, shared: SharedPicture) {
    match shared.load().await {
        Ok(loaded) => {
            let lots = loaded.len();
            app.warm_up(Warm::of(loaded));
            tracing::info!(lots, "begun with what the shared picture held");
        }
        Err(error) => tracing::warn!(%error, "the shared picture is out of reach"),
    }
}

/// Writes the picture through to Redis, for ever. Redis away changes nothing but Redis.
pub async fn share(
    app: Arc<App>,
    mut sharer: Sharer,
    metrics: Metrics,
    rewrite: Duration,
    tasks: Tasks,
) {
    let mut stirred = app.stirred();
    let mut failing = false;
    let mut rewritten_at = tokio::time::Instant::now();
    loop {
        if rewritten_at.elapsed() >= rewrite {
            // Nothing in Redis is compared with anything: it is written again, and what is older
            // there gives way.
            sharer.forget();
            rewritten_at = tokio::time::Instant::now();
        }
        match sharer.step().await {
            Ok(()) => {
                if std::mem::replace(&mut failing, false) {
                    tracing::info!("the shared picture is within reach again");
                }
                tasks.sleep(SHARE_GATHER).await;
                // Whichever is first; a closed channel means that the service ends.
                let _moved = timeout(SHARE_PERIOD, stirred.changed()).await;
            }
            Err(error) => {
                metrics.shared_failed();
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "the shared picture cannot be written; reads go on");
                }
                tasks.sleep(SHARE_RETRY).await;
            }
        }
    }
}

/// Notes how full lots are, for ever, and looks in Redis for what was noted of them before.
pub fn start_recording(app: &Arc<App>, shared: &SharedPicture, metrics: &Metrics, tasks: &Tasks) {
    let (app, shared, metrics) = (Arc::clone(app), shared.clone(), metrics.clone());
    tasks.every("record", RECORD_LOOK_PERIOD, move |_now| {
        let (app, shared, metrics) = (Arc::clone(&app), shared.clone(), metrics.clone());
        async move {
            if let Err(error) = record(&app, &shared).await {
                metrics.shared_failed();
                tracing::debug!(%error, "what was recorded stays in memory");
            }
        }
    });
}

async fn record(app: &App, shared: &SharedPicture) -> Result<(), StoreError> {
    app.note_occupancy();
    for lot_id in app.unloaded_histories() {
        app.take_history(lot_id, shared.load_history(lot_id).await?);
    }
    for unwritten in app.unwritten_histories() {
        shared.write_history(&unwritten).await?;
        app.history_written(&unwritten);
    }
    Ok(())
}

/// Says SERVING as soon as there is anything to answer with.
pub async fn say_serving(app: Arc<App>, health: Health, stopping: CancellationToken, tasks: Tasks) {
    while !app.is_readable() {
        tasks.sleep(READY_LOOK_PERIOD).await;
    }
    if !stopping.is_cancelled() {
        health.serving().await;
    }
}
