//! Names of the keys.

use parkmesh_contracts::ids::{FloorId, LotId};

/// Makes keys, all with one prefix.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// `prefix` stands before every key.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The trusted epoch.
    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{}avail:epoch", self.prefix)
    }

    /// The set of lots.
    #[must_use]
    pub fn lots(&self) -> String {
        format!("{}avail:lots", self.prefix)
    }

    /// The record of a lot.
    #[must_use]
    pub fn lot(&self, lot_id: LotId) -> String {
        format!("{}avail:{{{lot_id}}}", self.prefix)
    }

    /// The counters of a floor.
    #[must_use]
    pub fn counters(&self, lot_id: LotId, floor_id: FloorId) -> String {
        format!("{}:{floor_id}", self.lot(lot_id))
    }

    /// The spots of a floor.
    #[must_use]
    pub fn spots(&self, lot_id: LotId, floor_id: FloorId) -> String {
        format!("{}:spots", self.counters(lot_id, floor_id))
    }
}
