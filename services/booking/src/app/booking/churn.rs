//! Hold churn: whoever holds, lets lapse and holds again keeps spots from others without ever paying.
//!
//! The database knows how many holds of a driver came to nothing, but asking it before each hold would
//! cost everybody a round trip for the few who do so. So every process lets a driver's first few holds
//! of an hour pass unasked, an eighth of what the lot allows, and asks before each one after them: with
//! up to eight replicas nobody gets more than the lot allows, save what is asked at the same moment,
//! which the cap on live holds bounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::{LotId, UserId};

use crate::app::App;
use crate::domain::booking::after;
use crate::error::Error;
use crate::store::booking::churn;

/// The time that is looked back on.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Share of what the lot allows that passes unasked.
const UNASKED_SHARE: i32 = 8;
/// Drivers that are remembered. Beyond it all begin anew, which only lets some more pass unasked.
const DRIVERS_MAX: usize = 100_000;

/// What drivers have asked of this process. Clones share it.
#[derive(Clone, Default)]
pub struct Churn(Arc<Mutex<HashMap<(UserId, LotId), Asked>>>);

/// Holds asked for since a moment.
struct Asked {
    since: Timestamp,
    holds: i32,
}

impl Churn {
    /// Notes that a driver asks for a hold. Whether that passes without asking the database.
    fn passes(&self, user_id: &UserId, lot_id: LotId, most: i32, now: Timestamp) -> bool {
        let mut drivers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drivers.len() >= DRIVERS_MAX {
            drivers.clear();
        }
        let asked = drivers
            .entry((user_id.clone(), lot_id))
            .or_insert_with(|| Asked { since: now, holds: 0 });
        if now.duration_since(asked.since) >= HOUR {
            *asked = Asked { since: now, holds: 0 };
        }
        asked.holds = asked.holds.saturating_add(1);
        asked.holds <= most / UNASKED_SHARE
    }
}

impl App {
    /// Refuses a hold to a driver of whose holds too many have come to nothing in this lot.
    ///
    /// # Errors
    /// [`Error::HoldChurnExceeded`], or the store's.
    pub(super) async fn check_churn(&self, user_id: &UserId, lot_id: LotId) -> Result<(), Error> {
        let most = self.known.lot(&self.pool, lot_id).await?.rules.resolved().unpaid_holds_per_hour;
        let now = self.clock.now();
        if self.churn.passes(user_id, lot_id, most, now) {
            return Ok(());
        }
        let since = now.saturating_sub(HOUR).unwrap_or(Timestamp::MIN);
        let Some(oldest) = churn::unpaid(&self.pool, user_id, lot_id, since, most).await? else {
            return Ok(());
        };
        let from = after(oldest, HOUR);
        let wait = from.duration_since(now).try_into().unwrap_or_default();
        Err(Error::HoldChurnExceeded { most, from, wait })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_holds_of_each_hour_pass_unasked_in_each_lot() {
        let (churn, now) = (Churn::default(), Timestamp::UNIX_EPOCH);
        let user: UserId = "anna".parse().expect("a user id");
        let [here, there] = [1, 2].map(|n| LotId::from(uuid::Uuid::from_u128(n)));
        let passes = |lot_id, now| churn.passes(&user, lot_id, 16, now);
        assert_eq!([passes(here, now), passes(here, now), passes(here, now)], [true, true, false]);
        assert!(passes(there, now));
        assert!(!passes(here, after(now, SignedDuration::from_mins(59))));
        assert!(passes(here, after(now, HOUR)));
    }
}
