//! Who may act at which lot.

use std::time::Duration;

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{Caller, Role};

use super::App;
use crate::error::Error;
use crate::store::lot;

/// How long the first call for a lot waits for booking's word of it: whoever has just made it goes on
/// here at once.
const WORD_MAX: Duration = Duration::from_secs(2);
/// How often is looked for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl App {
    /// Lets services act at every lot, operators at the lots that they run and that their token names,
    /// if it names any; kiosks and devices at those that their token is bound to; drivers nowhere.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn check_lot(&self, caller: &Caller, lot_id: LotId) -> Result<(), Error> {
        match self.may_act(caller, lot_id).await? {
            Some(true) => Ok(()),
            _ => Err(Error::LotNotFound),
        }
    }

    /// The same for a lot that may be so new that its fact is still on its way.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn check_new_lot(&self, caller: &Caller, lot_id: LotId) -> Result<(), Error> {
        let looks = WORD_MAX.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            match self.may_act(caller, lot_id).await? {
                Some(true) => return Ok(()),
                Some(false) => return Err(Error::LotNotFound),
                None => self.tasks.sleep(LOOK_EVERY).await,
            }
        }
        self.check_lot(caller, lot_id).await
    }

    /// Whether the caller may act there; None while booking's word of the lot is needed and has not come. One look: the word may
    /// come between two.
    async fn may_act(&self, caller: &Caller, lot_id: LotId) -> Result<Option<bool>, Error> {
        match caller.role {
            Role::Service => Ok(Some(true)),
            Role::Operator if caller.may_act_at(lot_id) => {
                lot::is_run_by(&self.pool, lot_id, &caller.subject).await
            }
            Role::Kiosk | Role::Device => {
                Ok(Some(!caller.lots.is_empty() && caller.may_act_at(lot_id)))
            }
            Role::Operator | Role::Driver | Role::Guest => Ok(Some(false)),
        }
    }
}
