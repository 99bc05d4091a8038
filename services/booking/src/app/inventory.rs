//! Making, reading and changing lots, floors and spots.

mod act;
mod allotments;
mod audit;
mod closure;
mod create_floor;
mod create_lot;
mod create_spots;
mod create_tariff;
mod discounts;
mod import;
mod read;
mod read_tariff;
mod retell;
mod set_spot_status;
mod update;

use parkmesh_contracts::ids::{LotId, UserId};
use parkmesh_platform::auth::{Caller, Role};

use crate::error::Error;

/// An operator who may change own lots: the right to change is part of the type.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The subject, which own lots carry as `operator_id`.
    pub subject: UserId,
    lots: Vec<LotId>,
}

impl Operator {
    /// The operator who calls.
    ///
    /// # Errors
    /// [`Error::OperatorRequired`] for every other role, whatever its scopes.
    pub fn of(caller: &Caller) -> Result<Self, Error> {
        match caller.role {
            Role::Operator => {
                Ok(Self { subject: caller.subject.clone(), lots: caller.lots.clone() })
            }
            _ => Err(Error::OperatorRequired),
        }
    }

    /// Whether the token is bound to lots that exist: such a token makes no new one.
    fn is_bound(&self) -> bool {
        !self.lots.is_empty()
    }

    /// Whether the token lets the operator act at this lot. Ownership is checked beside it.
    pub fn may_act_at(&self, lot_id: LotId) -> bool {
        self.lots.is_empty() || self.lots.contains(&lot_id)
    }
}
