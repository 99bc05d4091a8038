//! What a replay has made.

use std::collections::BTreeMap;

/// The bays of a lot, with the ids that they were given.
#[derive(Debug, Clone)]
pub struct MadeLot {
    /// The lot.
    pub lot_id: String,
    /// Bay id by spot id.
    pub bays: BTreeMap<String, String>,
}
