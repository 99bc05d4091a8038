//! New settings from the file: when it changes, and when somebody says so (SIGHUP).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parkmesh_platform::fault;
use parkmesh_platform::tasks::Tasks;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use crate::config::{Config, Source};
use crate::live::Live;

/// Between two looks at the file. It is small, and a mounted one gives no better sign.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// How often settings were taken, and refused.
#[derive(Debug, Default)]
pub struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    /// Taken and refused.
    pub fn counts(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

/// Follows the file until `tasks` ends.
pub fn follow(live: &Arc<Live>, source: &Arc<Source>, tasks: &Tasks) {
    let (live, source) = (Arc::clone(live), Arc::clone(source));
    // Before the task first runs: until somebody hears it, the signal ends the process.
    let mut told = match signal(SignalKind::hangup()) {
        Ok(told) => told,
        Err(error) => return tracing::error!(%error, "SIGHUP cannot be heard"),
    };
    tasks.spawn("gateway-reload", async move {
        let mut last = Some(source.text.clone());
        let mut looks = interval(LOOK_PERIOD);
        loop {
            let asked = tokio::select! {
                _ = looks.tick() => false,
                _ = told.recv() => true,
            };
            let now = std::fs::read_to_string(&source.path).ok();
            // A file that is being replaced may be missing for a moment.
            if asked || (now.is_some() && now != last) {
                take(&live, &source, now.as_deref()).await;
                last = now;
            }
        }
    });
}

async fn take(live: &Live, source: &Arc<Source>, text: Option<&str>) {
    let reloads = &live.reloads;
    let path = source.path.display().to_string();
    let refused = |why: String| {
        reloads.refused.fetch_add(1, Ordering::Relaxed);
        tracing::error!(path, why, "the new settings are not taken; the old ones stay");
    };
    let Some(text) = text else { return refused("it is not readable".to_owned()) };
    let config = match Config::from_text(Arc::clone(source), text) {
        Ok(config) => config,
        Err(error) => return refused(fault::chain(&error)),
    };
    match live.apply(config).await {
        Ok(()) => {
            reloads.taken.fetch_add(1, Ordering::Relaxed);
            tracing::info!(path, "new settings taken");
        }
        Err(error) => refused(fault::chain(&error)),
    }
}
