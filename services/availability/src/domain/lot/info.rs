//! What the inventory says of a lot and its floors, as far as the picture needs it.

use std::sync::Arc;

use jiff::SignedDuration;
use parkmesh_contracts::ids::{FloorId, LotId, UserId};

use crate::domain::places::Point;
use crate::domain::price::LotTariff;
use crate::domain::search::rules::WindowRules;
use crate::domain::spot::Closure;

/// How long before its start a window keeps others away, where the lot does not say.
pub const EARLY_ARRIVAL: SignedDuration = SignedDuration::from_mins(15);

/// What the inventory says of a lot, as far as the picture needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct LotInfo {
    /// The lot.
    pub lot_id: LotId,
    /// Who runs it; None where that could not be read.
    pub operator_id: Option<UserId>,
    /// Name that drivers see.
    pub name: String,
    /// How long before its start a window keeps others away.
    pub early_arrival: SignedDuration,
    /// Where it is, for people.
    pub place: LotPlace,
    /// What windows it takes.
    pub rules: WindowRules,
    /// What a stay costs; None where that could not be read.
    pub tariff: Option<Arc<LotTariff>>,
    /// Closures that had not ended when it was told.
    pub closures: Vec<Closure>,
    /// The lot's own version.
    pub version: i64,
}

impl LotInfo {
    /// A lot of which nothing but the name was told, at version 0.
    #[must_use]
    pub fn named(lot_id: LotId, name: String) -> Self {
        Self {
            lot_id,
            operator_id: None,
            name,
            early_arrival: EARLY_ARRIVAL,
            place: LotPlace::default(),
            rules: WindowRules::default(),
            tariff: None,
            closures: Vec::new(),
            version: 0,
        }
    }
}

/// Where a lot is, and by which words it is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LotPlace {
    /// Street address.
    pub address: String,
    /// On the globe.
    pub point: Point,
    /// The words of name and address, lower case.
    pub words: Vec<String>,
}

/// A level of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloorInfo {
    /// The floor.
    pub floor_id: FloorId,
    /// 0 is the street's level.
    pub floor_number: i32,
}
