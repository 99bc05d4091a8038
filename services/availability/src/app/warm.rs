//! What Redis held when this replica started: answers to serve, flagged stale, until the picture
//! stands.

use std::collections::HashMap;

use jiff::Timestamp;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId};

use crate::convert;
use crate::domain::lot::{FloorInfo, LotInfo, LotPicture};
use crate::domain::spot::SpotInfo;
use crate::store::FloorSpots;
use crate::store::record::{LotRecord, SpotRecord};

/// Answers by lot.
#[derive(Default)]
pub struct Warm {
    lots: HashMap<LotId, WarmLot>,
}

/// The last answers of one lot.
pub struct WarmLot {
    /// The counters, without their freshness.
    pub counts: proto::GetAvailabilityResponse,
    /// Every spot, with the number of its floor, in no order.
    pub spots: Vec<(i32, proto::SpotState)>,
    /// The newest state among them.
    as_of: Timestamp,
}

impl Warm {
    /// Turns what Redis holds into answers.
    #[must_use]
    pub fn of(loaded: Vec<(LotRecord, FloorSpots)>) -> Self {
        let lots = loaded.into_iter().map(|(lot, spots)| (lot.lot_id, warm_lot(&lot, &spots)));
        Self { lots: lots.collect() }
    }

    /// The newest state among all lots.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.lots.values().map(|lot| lot.as_of).max().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Whether there is nothing to answer with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty()
    }

    /// What was known of a lot.
    #[must_use]
    pub fn lot(&self, lot_id: LotId) -> Option<&WarmLot> {
        self.lots.get(&lot_id)
    }
}

fn warm_lot(lot: &LotRecord, floors: &FloorSpots) -> WarmLot {
    let mut picture = LotPicture::new(LotInfo::named(lot.lot_id, lot.name.clone()));
    let mut as_of = Timestamp::UNIX_EPOCH;
    let mut spots = Vec::new();
    for floor in &lot.floors {
        picture.put_floor(FloorInfo { floor_id: floor.floor_id, floor_number: floor.floor_number });
        for record in floors.get(&floor.floor_id).into_iter().flatten() {
            as_of = as_of.max(Timestamp::from_millisecond(record.at_ms).unwrap_or(as_of));
            let state = spot_state(record, floor.floor_id.to_string());
            picture.put_frozen(spot_info(record, floor.floor_id), record.state.status());
            spots.push((floor.floor_number, state));
        }
    }
    WarmLot { counts: convert::counts(&picture), spots, as_of }
}

fn spot_info(record: &SpotRecord, floor_id: FloorId) -> SpotInfo {
    SpotInfo {
        spot_id: record.spot_id,
        floor_id,
        spot_number: record.state.number.clone(),
        spot_type: SpotType::try_from(record.state.spot_type).unwrap_or(SpotType::Unspecified),
        out_of_service: false,
        version: record.state.version,
        plan: (record.state.x, record.state.y),
    }
}

fn spot_state(record: &SpotRecord, floor_id: String) -> proto::SpotState {
    proto::SpotState {
        spot_id: record.spot_id.to_string(),
        floor_id,
        spot_number: record.state.number.clone(),
        spot_type: record.state.spot_type,
        status: record.state.status,
        spot_version: record.state.version,
        plan_x: record.state.x,
        plan_y: record.state.y,
    }
}
