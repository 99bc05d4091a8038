//! The words of the contract.

use parkmesh_contracts::sensor::v1::{PlateSighting, Reading, UnreadableFrame};
use parkmesh_contracts::time::to_proto;

use super::Raw;
use crate::decode::gate::{Gate, Sighting};
use crate::decode::plain::Plain;
use crate::decode::{Frame, Kind, Unreadable, Uplink};

/// Limits of the contract.
const DEVICE_CHARS_MAX: usize = 256;
const DETAIL_CHARS_MAX: usize = 512;
const TOPIC_CHARS_MAX: usize = 512;
const PAYLOAD_BYTES_MAX: usize = 256;
const MESSAGE_ID_CHARS_MAX: usize = 128;

/// What a device says in words.
pub fn plain(raw: &Raw<'_>, device_id: &str, plain: Plain) -> Reading {
    Reading {
        occupied: plain.occupied,
        device_time: plain.time.map(to_proto),
        boot: plain.boot,
        sequence: plain.sequence,
        battery_percent: plain.battery_percent(),
        temperature_celsius: plain.temperature,
        retained: raw.retained || plain.historical,
        message_id: cut(&plain.message_id, MESSAGE_ID_CHARS_MAX),
        startup: plain.startup,
        ..heard(raw, device_id)
    }
}

/// What a frame says, with what its network tells around it.
pub fn uplink(raw: &Raw<'_>, device_id: &str, uplink: &Uplink, frame: Frame) -> Reading {
    let percent = frame.battery_percent.or(uplink.battery_percent);
    Reading {
        occupied: frame.occupied,
        device_time: uplink.time.map(to_proto),
        // A LoRaWAN device has no session number that grows; the network's times tell a new one.
        boot: 0,
        sequence: uplink.frame_count.map(u64::from),
        battery_percent: percent.map(i32::from),
        temperature_celsius: frame.temperature_celsius,
        retained: raw.retained || uplink.simulated,
        message_id: cut(&uplink.deduplication_id, MESSAGE_ID_CHARS_MAX),
        startup: frame.is_startup(),
        // A heartbeat's own time is not that of a change.
        change_time: frame.device_time.filter(|_| frame.kind == Kind::Change).map(to_proto),
        previous_state_seconds: frame.previous.map(|previous| seconds(previous.minutes)),
        previous_state_slack_seconds: frame.previous.and_then(|p| p.slack_minutes).map(seconds),
        battery_volts: frame.battery_volts,
        battery_low: frame.battery_low,
        faulty: frame.faulty,
        ..heard(raw, device_id)
    }
}

/// A device whose network has lost it.
pub fn unreachable(raw: &Raw<'_>, device_id: &str) -> Reading {
    Reading { unreachable: true, retained: raw.retained, ..heard(raw, device_id) }
}

/// A plate.
pub fn plate(raw: &Raw<'_>, gate: &Gate, sighting: Sighting) -> PlateSighting {
    PlateSighting {
        lot_id: gate.lot_id.clone(),
        gate_id: gate.gate_id.clone(),
        direction: sighting.direction.into(),
        plate: sighting.plate,
        confidence_percent: sighting.confidence_percent,
        read_time: sighting.time.map(to_proto),
        receive_time: Some(to_proto(raw.receive_time)),
        message_id: cut(&sighting.message_id, MESSAGE_ID_CHARS_MAX),
    }
}

/// A frame for the quarantine.
pub fn unreadable(raw: &Raw<'_>, device_id: &str, error: &Unreadable) -> UnreadableFrame {
    let payload = raw.payload.get(..PAYLOAD_BYTES_MAX).unwrap_or(raw.payload);
    UnreadableFrame {
        device_id: cut(device_id, DEVICE_CHARS_MAX),
        reason: error.cause.as_str().to_owned(),
        detail: cut(&error.detail, DETAIL_CHARS_MAX),
        topic: cut(raw.topic, TOPIC_CHARS_MAX),
        payload: payload.to_vec(),
        receive_time: Some(to_proto(raw.receive_time)),
    }
}

fn heard(raw: &Raw<'_>, device_id: &str) -> Reading {
    Reading {
        device_id: device_id.to_owned(),
        receive_time: Some(to_proto(raw.receive_time)),
        ..Reading::default()
    }
}

fn seconds(minutes: u16) -> i32 {
    i32::from(minutes) * 60
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}
