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

    /// What was recorded of the occupancy of a lot.
    #[must_use]
    pub fn history(&self, lot_id: LotId) -> String {
        format!("{}:history", self.lot(lot_id))
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn all_keys_of_a_lot_share_its_hash_tag() {
        let (keys, floor_id) = (Keys::new("t:"), FloorId::from(Uuid::from_u128(2)));
        let lot_id = LotId::from(Uuid::from_u128(1));
        let of_lot = [
            keys.lot(lot_id),
            keys.history(lot_id),
            keys.counters(lot_id, floor_id),
            keys.spots(lot_id, floor_id),
        ];
        // What Redis Cluster hashes: from the first brace to the one after it.
        let tag = |key: &str| {
            let (_, rest) = key.split_once('{').expect("a tag");
            rest.split_once('}').expect("its end").0.to_owned()
        };
        for key in of_lot {
            assert_eq!(tag(&key), lot_id.to_string(), "{key}");
        }
    }
}
