//! The record of what operators did.

use jiff::Timestamp;
use parkmesh_contracts::ids::{AuditEntryId, LotId, UserId};
use uuid::Uuid;

/// What kind of thing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A lot.
    Lot,
    /// A floor; also for spots that were made on it in one go.
    Floor,
    /// A spot.
    Spot,
    /// A closure.
    Closure,
    /// A version of a tariff.
    Tariff,
    /// An allotment.
    Allotment,
    /// A discount.
    Discount,
}

impl Object {
    /// The word that the record keeps.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lot => "lot",
            Self::Floor => "floor",
            Self::Spot => "spot",
            Self::Closure => "closure",
            Self::Tariff => "tariff",
            Self::Allotment => "allotment",
            Self::Discount => "discount",
        }
    }
}

/// One thing that an operator did to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id; ascends with time.
    pub entry_id: AuditEntryId,
    /// The lot it belongs to.
    pub lot_id: LotId,
    /// The operator.
    pub actor: UserId,
    /// The RPC.
    pub action: String,
    /// Kind of the object, see [`Object::word`].
    pub object_type: String,
    /// The object.
    pub object_id: Uuid,
    /// JSON of the object as it was; None for what was made.
    pub before: Option<String>,
    /// JSON of the object as it is then; None for what was removed.
    pub after: Option<String>,
    /// When.
    pub create_time: Timestamp,
}
