//! What stands in Redis, as values.

use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use serde::{Deserialize, Serialize};

use crate::domain::lot::LotPicture;
use crate::domain::spot::{SpotPicture, Stamp};

/// A lot.
#[derive(Clone, Debug, PartialEq)]
pub struct LotRecord {
    /// The lot.
    pub lot_id: LotId,
    /// Name that drivers see.
    pub name: String,
    /// Its floors, by number.
    pub floors: Vec<FloorRecord>,
}

/// A floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorRecord {
    /// The floor.
    pub floor_id: FloorId,
    /// 0 is the street's level.
    pub floor_number: i32,
}

impl LotRecord {
    /// What is written of a lot.
    #[must_use]
    pub fn of(lot: &LotPicture) -> Self {
        let mut floors: Vec<FloorRecord> = lot
            .floors
            .values()
            .map(|floor| FloorRecord { floor_id: floor.floor_id, floor_number: floor.floor_number })
            .collect();
        floors.sort_by_key(|floor| floor.floor_number);
        Self { lot_id: lot.info.lot_id, name: lot.info.name.clone(), floors }
    }
}

/// A spot's last known state.
#[derive(Clone, Debug, PartialEq)]
pub struct SpotRecord {
    /// The spot.
    pub spot_id: SpotId,
    /// How far it had come in the two streams.
    pub stamp: Stamp,
    /// When the state was looked at, milliseconds since 1970.
    pub at_ms: i64,
    /// What stood there.
    pub state: SpotJson,
}

/// The part that scripts do not look into. Enums as the numbers of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotJson {
    /// What is painted on it.
    pub number: String,
    /// What it is made for.
    pub spot_type: i32,
    /// What stands there.
    pub status: i32,
    /// The version to hold it with.
    pub version: i64,
    /// Place on the floor's plan.
    pub x: f64,
    /// Place on the floor's plan.
    pub y: f64,
}

impl SpotJson {
    /// What stood there. A status that a newer replica knows and this one does not is unknown.
    #[must_use]
    pub fn status(&self) -> SpotStatus {
        SpotStatus::try_from(self.status).unwrap_or(SpotStatus::Unknown)
    }
}

impl SpotRecord {
    /// What is written of a spot.
    #[must_use]
    pub fn of(spot: &SpotPicture, at_ms: i64) -> Self {
        Self {
            spot_id: spot.info.spot_id,
            stamp: spot.stamp,
            at_ms,
            state: SpotJson {
                number: spot.info.spot_number.clone(),
                spot_type: i32::from(spot.info.spot_type),
                status: i32::from(spot.status),
                version: spot.info.version,
                x: spot.info.plan.0,
                y: spot.info.plan.1,
            },
        }
    }

    /// Whether it counts as free.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.state.status == i32::from(SpotStatus::Available)
    }

    /// Reads a field of the hash; `None` for one that nobody of us wrote.
    #[must_use]
    pub fn read(spot_id: &str, text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let booking = parts.next()?.parse().ok()?;
        let sensor = parts.next()?.parse().ok()?;
        let at_ms = parts.next()?.parse().ok()?;
        let state = serde_json::from_str(parts.nth(2)?).ok()?;
        let spot_id = SpotId::parse(spot_id).ok()?;
        Some(Self { spot_id, stamp: Stamp { booking, sensor }, at_ms, state })
    }
}
