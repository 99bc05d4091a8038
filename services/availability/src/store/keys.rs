//! Names of the keys.

use parkmesh_contracts::ids::{FloorId, LotId};

/// Makes keys, all with one prefix.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{}avail:epoch", self.prefix)
    }

    #[must_use]
    pub fn lots(&self) -> String {
        format!("{}avail:lots", self.prefix)
    }

    #[must_use]
    pub fn lot(&self, lot_id: LotId) -> String {
        format!("{}avail:{{{lot_id}}}", self.prefix)
    }

    #[must_use]
    pub fn counters(&self, lot_id: LotId, floor_id: FloorId) -> String {
        format!("{}:{floor_id}", self.lot(lot_id))
    }

    #[must_use]
    pub fn spots(&self, lot_id: LotId, floor_id: FloorId) -> String {
        format!("{}:spots", self.counters(lot_id, floor_id))
    }
}
