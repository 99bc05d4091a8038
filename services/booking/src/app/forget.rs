//! Answers that nobody will ask for again are forgotten.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::fault;

use crate::app::App;
use crate::store::replay;

/// How often.
pub const PERIOD: Duration = Duration::from_secs(10 * 60);
/// Sweeps of one tick at most; what is left waits for the next.
const SWEEPS_MAX: usize = 200;

impl App {
    /// Forgets the answers of requests that are old enough.
    pub async fn forget_requests(&self, now: Timestamp) {
        for _ in 0..SWEEPS_MAX {
            match replay::sweep(&self.pool, now).await {
                Ok(0) => return,
                Ok(rows) => tracing::debug!(rows, "forgot answered requests"),
                Err(error) => {
                    let error = fault::chain(&error);
                    tracing::warn!(error, "answered requests could not be forgotten");
                    return;
                }
            }
        }
    }
}
