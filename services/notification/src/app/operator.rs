//! Who speaks for which lots, as their tokens say when they call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::{LotId, UserId};
use parkmesh_platform::auth::{Caller, Role};
use parkmesh_platform::postgres;

use super::App;
use crate::error::Error;
use crate::store;

/// What was written is believed for so long.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Operators that a process remembers; then it forgets all, and writes what it knew once more.
const REMEMBERED_MAX: usize = 10_000;

type Known = HashMap<UserId, (Vec<LotId>, Timestamp)>;

/// What a process has written of operators. Clones are the same.
#[derive(Clone, Default)]
pub struct Operators(Arc<Mutex<Known>>);

impl Operators {
    fn is_known(&self, caller: &Caller, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &Timestamp| now.duration_since(*at) < FRESH;
        known.get(&caller.subject).is_some_and(|(lots, at)| *lots == caller.lots && fresh(at))
    }

    fn note(&self, caller: &Caller, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(caller.subject.clone(), (caller.lots.clone(), now));
    }
}

impl App {
    /// The lots that an operator runs and that the token names, if it names any; for anybody else none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn own_lots(&self, caller: &Caller) -> Result<Vec<LotId>, Error> {
        if caller.role != Role::Operator {
            return Ok(Vec::new());
        }
        let mut lots = store::operator::lots_of(&self.pool, &caller.subject).await?;
        lots.retain(|lot_id| caller.may_act_at(*lot_id));
        Ok(lots)
    }

    /// Notes which lots a caller speaks for, if it is an operator: alerts of them go there from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn greet(&self, caller: &Caller) -> Result<(), Error> {
        let now = self.clock.now();
        if caller.role != Role::Operator || self.operators.is_known(caller, now) {
            return Ok(());
        }
        let (user_id, lots) = (caller.subject.clone(), caller.lots.clone());
        postgres::transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(
                async move { Ok(store::operator::keep(connection, &user_id, &lots, now).await?) },
            )
        })
        .await?;
        self.operators.note(caller, now);
        Ok(())
    }
}
