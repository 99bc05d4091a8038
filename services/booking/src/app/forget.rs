//! Answers that nobody will ask for again are forgotten, and plates of cars that are long gone.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::fault;

use crate::app::App;
use crate::domain::plate::SEALED_AS;
use crate::error::Error;
use crate::store::booking::plate;
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

    /// Forgets the plates of bookings and places in line that ended long enough ago, and seals those of before
    /// anything was sealed.
    pub async fn forget_plates(&self, now: Timestamp) {
        let before = now.checked_sub(self.plate_keep).unwrap_or(Timestamp::MIN);
        for _ in 0..SWEEPS_MAX {
            match plate::forget(&self.pool, before).await {
                Ok(0) => break,
                Ok(rows) => tracing::debug!(rows, "forgot plates"),
                Err(error) => {
                    let error = fault::chain(&error);
                    tracing::warn!(error, "plates could not be forgotten");
                    return;
                }
            }
        }
        if let Err(error) = self.seal_plates().await {
            let error = fault::chain(&error);
            tracing::warn!(error, "plates of before could not be sealed");
        }
    }

    async fn seal_plates(&self) -> Result<(), Error> {
        for (of, which) in [("booking", plate::Of::Booking), ("waitlist", plate::Of::Waitlist)] {
            let mut sealed = 0;
            loop {
                let bare = plate::bare(&self.pool, which).await?;
                if bare.is_empty() {
                    break;
                }
                for (id, text) in bare {
                    let hidden = self.sealer.seal_text(SEALED_AS, &text);
                    plate::seal(&self.pool, which, id, (&text, &hidden)).await?;
                    sealed += 1;
                }
            }
            if sealed > 0 {
                tracing::info!(of, sealed, "plates of before were sealed");
            }
        }
        Ok(())
    }
}
