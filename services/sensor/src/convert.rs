//! Protos to commands, domain to protos.

mod plate;
mod readings;

use std::collections::HashSet;
use std::hash::Hash;

use jiff::Timestamp;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::fault::invalid;

use crate::domain::discrepancy::{Discrepancy, Kind};
use crate::domain::ground::{Health, State};
use crate::domain::model::{Model, Models};
use crate::domain::sensor::Sensor;
use crate::error::Error;
use crate::store::quarantine::Quarantined;
use crate::store::sensor::Occupancy;

pub use plate::{acknowledged, plate_read, plate_read_id};
pub use readings::batch;

/// A device that is to be registered.
#[derive(Clone, Debug)]
pub struct NewSensor {
    /// Its own name.
    pub device_id: String,
    /// The spot it watches.
    pub spot_id: SpotId,
    /// The floor.
    pub floor_id: FloorId,
    /// Its model.
    pub model: Model,
    /// May be empty.
    pub firmware: String,
    /// Seconds; never 0.
    pub heartbeat_seconds: i32,
}

/// A lot's id.
///
/// # Errors
/// [`Error::Invalid`].
pub fn lot_id(text: &str) -> Result<LotId, Error> {
    LotId::parse(text).map_err(|error| Error::field("lot_id", error.to_string()))
}

/// A spot's id.
///
/// # Errors
/// [`Error::Invalid`].
pub fn spot_id(text: &str) -> Result<SpotId, Error> {
    SpotId::parse(text).map_err(|error| Error::field("spot_id", error.to_string()))
}

/// The devices of a registration.
///
/// # Errors
/// [`Error::Invalid`] also when a device or a spot is named twice; [`Error::ModelUnknown`].
pub fn new_sensors(
    models: &Models,
    sensors: Vec<proto::NewSensor>,
) -> Result<Vec<NewSensor>, Error> {
    let (mut devices, mut spots) = (HashSet::new(), HashSet::new());
    let mut new = Vec::with_capacity(sensors.len());
    for (index, sensor) in sensors.into_iter().enumerate() {
        let at = |field: &str| format!("sensors[{index}].{field}");
        let wrong = |field, what: String| Error::Invalid(vec![invalid(at(field), what)]);
        let spot_id = SpotId::parse(&sensor.spot_id);
        let floor_id = FloorId::parse(&sensor.floor_id);
        let model = models.find(&sensor.model);
        let model = model.ok_or_else(|| Error::ModelUnknown(at("model")))?;
        let spot_id = spot_id.map_err(|error| wrong("spot_id", error.to_string()))?;
        once(&mut spots, spot_id).map_err(|what| wrong("spot_id", what))?;
        once(&mut devices, sensor.device_id.clone()).map_err(|what| wrong("device_id", what))?;
        if sensor.device_id.contains('\0') || sensor.firmware.contains('\0') {
            return Err(wrong("device_id", "must not hold a NUL character".to_owned()));
        }
        let heartbeat_seconds = match sensor.heartbeat_seconds {
            0 => model.heartbeat_seconds,
            seconds => seconds,
        };
        new.push(NewSensor {
            device_id: sensor.device_id,
            spot_id,
            floor_id: floor_id.map_err(|error| wrong("floor_id", error.to_string()))?,
            model,
            firmware: sensor.firmware,
            heartbeat_seconds,
        });
    }
    Ok(new)
}

fn once<T: Eq + Hash>(seen: &mut HashSet<T>, value: T) -> Result<(), String> {
    if seen.insert(value) { Ok(()) } else { Err("is named twice".to_owned()) }
}

/// Sensors as protos show them, each with how far it agrees with others.
pub fn sensors(
    sensors: &[Sensor],
    agreement: Vec<Option<i32>>,
    now: Timestamp,
) -> Vec<proto::Sensor> {
    let each = sensors.iter().zip(agreement);
    each.map(|(one, agreement)| sensor(one, agreement, now)).collect()
}

/// A sensor as protos show it.
pub fn sensor(sensor: &Sensor, agreement: Option<i32>, now: Timestamp) -> proto::Sensor {
    let health = match sensor.ground.health(now) {
        Health::Ok => proto::SensorHealth::Ok,
        Health::Silent => proto::SensorHealth::Silent,
        Health::Suspect => proto::SensorHealth::Suspect,
    };
    proto::Sensor {
        sensor_id: sensor.sensor_id.to_string(),
        device_id: sensor.device_id.clone(),
        spot_id: sensor.spot_id.to_string(),
        lot_id: sensor.lot_id.to_string(),
        floor_id: sensor.floor_id.to_string(),
        model: sensor.model.clone(),
        firmware: sensor.firmware.clone(),
        heartbeat_seconds: sensor.heartbeat_seconds,
        health: health.into(),
        last_seen_time: sensor.ground.mark.as_ref().map(|mark| to_proto(mark.receive_time)),
        battery_percent: sensor.ground.battery_percent.map_or(-1, i32::from),
        battery_low: sensor.ground.battery_low,
        faulty: sensor.ground.faulty,
        low_confidence: sensor.ground.low_confidence > 0,
        agreement_percent: agreement.unwrap_or(-1),
    }
}

/// What the bridge needs of a sensor.
pub fn device(sensor: Sensor) -> proto::resolve_devices_response::Device {
    proto::resolve_devices_response::Device {
        device_id: sensor.device_id,
        model: sensor.model,
        firmware: sensor.firmware,
    }
}

fn state(state: State) -> proto::OccupancyState {
    match state {
        State::Vacant => proto::OccupancyState::Vacant,
        State::Occupied => proto::OccupancyState::Occupied,
        State::Unknown => proto::OccupancyState::Unknown,
    }
}

/// What is known of a sensor's spot.
pub fn occupancy(sensor: &Sensor) -> proto::SpotOccupancy {
    proto::SpotOccupancy {
        spot_id: sensor.spot_id.to_string(),
        lot_id: sensor.lot_id.to_string(),
        floor_id: sensor.floor_id.to_string(),
        state: state(sensor.ground.state).into(),
        change_time: Some(to_proto(sensor.ground.change_time)),
        version: sensor.ground.version,
    }
}

impl From<&Occupancy> for proto::SpotOccupancy {
    fn from(row: &Occupancy) -> Self {
        Self {
            spot_id: row.spot_id.to_string(),
            lot_id: row.lot_id.to_string(),
            floor_id: row.floor_id.to_string(),
            state: state(row.state).into(),
            change_time: Some(to_proto(row.change_time)),
            version: row.version,
        }
    }
}

/// A device in quarantine as protos show it.
pub fn quarantined(device: Quarantined) -> proto::QuarantinedDevice {
    proto::QuarantinedDevice {
        device_id: device.last.device_id,
        reason: device.last.reason,
        detail: device.last.detail,
        topic: device.last.topic,
        frames: device.frames,
        first_seen_time: Some(to_proto(device.first_seen_time)),
        last_seen_time: Some(to_proto(device.last.receive_time)),
    }
}

/// In what ground and books differ, as protos say it.
pub fn kind(kind: Kind) -> proto::DiscrepancyKind {
    match kind {
        Kind::CarWithoutSession => proto::DiscrepancyKind::CarWithoutSession,
        Kind::SessionWithoutCar => proto::DiscrepancyKind::SessionWithoutCar,
        Kind::GroundUnknown => proto::DiscrepancyKind::GroundUnknown,
    }
}

/// A discrepancy as protos show it.
pub fn discrepancy(told: &Discrepancy, now: Timestamp) -> proto::Discrepancy {
    let both = &told.both;
    proto::Discrepancy {
        discrepancy_id: told.discrepancy_id.to_string(),
        lot_id: both.lot_id.to_string(),
        floor_id: both.floor_id.to_string(),
        spot_id: both.spot_id.to_string(),
        kind: kind(told.kind).into(),
        since_time: Some(to_proto(both.since_time)),
        age_seconds: told.age(now).as_secs(),
        ground: state(both.ground).into(),
        in_session: both.in_session,
        booking_id: both.booking_id.map(|id| id.to_string()).unwrap_or_default(),
        close_time: told.close_time.map(to_proto),
    }
}
