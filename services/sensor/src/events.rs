//! What becomes of a spot, as public facts: the one translator.

use bytes::Bytes;
use jiff::Timestamp;
use parkmesh_contracts::facts::Fact as _;
use parkmesh_contracts::ids::{LotId, PlateReadId};
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::{
    DiscrepancyClosed, DiscrepancyOpened, OccupancyState, ReadingBatch, SensorRecovered,
    SensorSilent, SensorSuspect, SpotOccupancy, SpotOccupied, SpotVacated, SuspicionCause,
};
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_platform::ids::Ids;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::convert::kind;
use crate::domain::discrepancy::Discrepancy;
use crate::domain::ground::{Change, Suspicion};
use crate::domain::plate::PlateRead;
use crate::domain::sensor::Told;
use crate::store::plate::Acknowledged;

/// Every fact that says what stands on a spot.
pub const GROUND_TYPES: &[&str] =
    &[SpotOccupied::TYPE, SpotVacated::TYPE, SensorSilent::TYPE, SensorRecovered::TYPE];

/// What stands on a spot after a fact; None for a fact that does not say.
///
/// # Errors
/// When it is not what its type says.
pub fn occupancy_of(fact: &Delivered) -> Result<Option<SpotOccupancy>, Failure> {
    use OccupancyState::{Occupied, Unknown, Vacant};
    let lot_id = fact.lot_id.clone();
    let of = |spot_id, floor_id, state: OccupancyState, change_time, version| {
        let change_time: Option<prost_types::Timestamp> = change_time;
        let change_time = change_time.or_else(|| Some(to_proto(fact.time)));
        let state = state.into();
        Ok(Some(SpotOccupancy { spot_id, lot_id, floor_id, state, change_time, version }))
    };
    match fact.fact_type.as_str() {
        SpotOccupied::TYPE => {
            let told: SpotOccupied = fact.decode()?;
            of(told.spot_id, told.floor_id, Occupied, told.change_time, told.version)
        }
        SpotVacated::TYPE => {
            let told: SpotVacated = fact.decode()?;
            of(told.spot_id, told.floor_id, Vacant, told.change_time, told.version)
        }
        SensorSilent::TYPE => {
            let told: SensorSilent = fact.decode()?;
            of(told.spot_id, told.floor_id, Unknown, None, told.version)
        }
        SensorRecovered::TYPE => {
            let told: SensorRecovered = fact.decode()?;
            let state = if told.occupied { Occupied } else { Vacant };
            of(told.spot_id, told.floor_id, state, told.change_time, told.version)
        }
        _ => Ok(None),
    }
}

/// Readings as they came, as one [`ReadingBatch`](parkmesh_contracts::sensor::v1::ReadingBatch), without reading them again.
pub fn reading_batch(lot_id: LotId, readings: &[Vec<u8>]) -> Bytes {
    const READINGS: u32 = 2;
    let batch = ReadingBatch { lot_id: lot_id.to_string(), readings: Vec::new() };
    let mut body = batch.encode_to_vec();
    for reading in readings {
        encode_key(READINGS, WireType::LengthDelimited, &mut body);
        encode_varint(u64::try_from(reading.len()).unwrap_or(u64::MAX), &mut body);
        body.extend_from_slice(reading);
    }
    body.into()
}

fn cause(why: Option<Suspicion>) -> i32 {
    let cause = match why {
        None => SuspicionCause::Unspecified,
        Some(Suspicion::Flapping) => SuspicionCause::Flapping,
        Some(Suspicion::Faulty) => SuspicionCause::Faulty,
    };
    cause.into()
}

/// The outbox row that tells of this change. Its aggregate is the spot; of what only concerns the sensor, the sensor.
pub fn row(ids: &Ids, now: Timestamp, told: &Told) -> Row {
    let (lot_id, spot_id) = (told.lot_id.to_string(), told.spot_id.to_string());
    let (floor_id, sensor_id) = (told.floor_id.to_string(), told.sensor_id.to_string());
    let version = told.changed.version;
    let change_time = Some(to_proto(told.changed.change_time));
    let spot = told.spot_id.as_uuid();
    match told.changed.change {
        Change::Settled { occupied: true, receive_time } => {
            let receive_time = Some(to_proto(receive_time));
            let fact =
                SpotOccupied { lot_id, version, spot_id, floor_id, change_time, receive_time };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Settled { occupied: false, receive_time } => {
            let receive_time = Some(to_proto(receive_time));
            let fact = SpotVacated {
                lot_id,
                version,
                spot_id,
                floor_id,
                change_time,
                receive_time,
                suspicion: cause(told.suspicion),
            };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Silent { last_seen_time } => {
            let last_seen_time = last_seen_time.map(to_proto);
            let fact =
                SensorSilent { lot_id, version, spot_id, floor_id, sensor_id, last_seen_time };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Suspected(why) => {
            let sensor = told.sensor_id.as_uuid();
            let (cause, suspect_time) = (cause(Some(why)), change_time);
            let fact = SensorSuspect {
                lot_id,
                version,
                spot_id,
                floor_id,
                sensor_id,
                cause,
                suspect_time,
            };
            Row::of(ids, now, sensor, version, &fact)
        }
        Change::Recovered { occupied, receive_time } => {
            let fact = SensorRecovered {
                lot_id,
                version,
                spot_id,
                floor_id,
                sensor_id,
                occupied,
                change_time,
                receive_time: Some(to_proto(receive_time)),
                suspicion: cause(told.suspicion),
            };
            Row::of(ids, now, spot, version, &fact)
        }
    }
}

/// The outbox row that tells that a discrepancy has begun, or has ended.
pub fn discrepancy(ids: &Ids, now: Timestamp, told: &Discrepancy) -> Row {
    let both = &told.both;
    let (lot_id, discrepancy_id) = (both.lot_id.to_string(), told.discrepancy_id.to_string());
    let (spot_id, floor_id) = (both.spot_id.to_string(), both.floor_id.to_string());
    let (kind, since_time) = (kind(told.kind).into(), Some(to_proto(both.since_time)));
    let aggregate = told.discrepancy_id.as_uuid();
    match told.close_time {
        None => {
            let version = 1;
            let fact = DiscrepancyOpened {
                lot_id,
                version,
                discrepancy_id,
                spot_id,
                floor_id,
                kind,
                since_time,
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
        Some(close_time) => {
            let (version, close_time) = (2, Some(to_proto(close_time)));
            let fact = DiscrepancyClosed {
                lot_id,
                version,
                discrepancy_id,
                spot_id,
                floor_id,
                kind,
                since_time,
                close_time,
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
    }
}

/// The outbox row that tells that a plate was read, by its marks.
pub fn plate_read(ids: &Ids, now: Timestamp, plate_read_id: PlateReadId, read: &PlateRead) -> Row {
    let fact = proto::PlateRead {
        lot_id: read.lot_id.to_string(),
        version: 1,
        plate_read_id: plate_read_id.to_string(),
        gate_id: read.gate_id.clone(),
        direction: read.direction.into(),
        exact_mark: read.marks.exact.to_vec(),
        shape_mark: read.marks.shape.to_vec(),
        near_marks: read.marks.near.iter().map(|mark| mark.to_vec()).collect(),
        confidence_percent: read.confidence_percent,
        read_time: Some(to_proto(read.read_time.map_or(now, |read| read.min(now)))),
    };
    Row::of(ids, now, plate_read_id.as_uuid(), 1, &fact)
}

/// The outbox row that tells what a barrier did.
pub fn passage_acknowledged(ids: &Ids, now: Timestamp, said: &Acknowledged) -> Row {
    let fact = proto::PassageAcknowledged {
        lot_id: said.lot_id.to_string(),
        version: 2,
        plate_read_id: said.plate_read_id.to_string(),
        gate_id: said.gate_id.clone(),
        opened: said.opened,
        acknowledge_time: Some(to_proto(said.time)),
    };
    Row::of(ids, now, said.plate_read_id.as_uuid(), 2, &fact)
}
