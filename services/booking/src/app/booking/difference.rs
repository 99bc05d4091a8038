//! Price differences that no change has claimed: their money is found out about, and given back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::payment::Authorized;
use crate::app::App;
use crate::error::Error;
use crate::store::booking::difference::{self, Difference};
use crate::store::booking::{self as store};
use crate::store::replay::KEEP;

/// Differences that one tick looks after.
const BATCH_MAX: i64 = 50;
/// How often they are looked after.
pub const PERIOD: Duration = Duration::from_secs(5);

impl App {
    /// Gives back what was set aside for changes that did not come: their process died, or payment
    /// was silent. Returns how many were looked after.
    ///
    /// # Errors
    /// The store's.
    pub async fn drop_differences(&self, now: Timestamp) -> Result<usize, Error> {
        let due = difference::claim_due(&self.pool, BATCH_MAX).await?;
        for difference in &due {
            self.drop_difference(difference).await?;
        }
        let kept = SignedDuration::try_from(KEEP).unwrap_or(SignedDuration::MAX);
        difference::sweep(&self.pool, now.saturating_sub(kept).unwrap_or(Timestamp::MIN)).await?;
        Ok(due.len())
    }

    async fn drop_difference(&self, difference: &Difference) -> Result<(), Error> {
        let booking = store::get(&self.pool, difference.booking_id).await?.booking;
        match self.authorize_difference(&booking, difference).await {
            Authorized::Yes(payment_id) if self.void(payment_id).await => {
                difference::end(&self.pool, difference.attempt, false).await
            }
            Authorized::No(_) => difference::end(&self.pool, difference.attempt, false).await,
            // The next turn asks again.
            Authorized::Yes(_) | Authorized::Acts(_) | Authorized::Unknown => Ok(()),
        }
    }
}
