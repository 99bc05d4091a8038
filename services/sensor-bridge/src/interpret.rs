//! A message and what is known of its device, as the contract says it. Pure.

use jiff::Timestamp;
use parkmesh_contracts::sensor::v1::{Reading, UnreadableFrame};
use parkmesh_contracts::time::to_proto;
use parkmesh_contracts::validate::Validate;

use crate::decode::chirpstack::{self, Uplink};
use crate::decode::plain::{self, Plain};
use crate::decode::{Cause, Kind, Make, Source, Topics, Unreadable};
use crate::devices::Registered;

/// Limits of the contract.
const DEVICE_CHARS_MAX: usize = 256;
const DETAIL_CHARS_MAX: usize = 512;
const TOPIC_CHARS_MAX: usize = 512;
const PAYLOAD_BYTES_MAX: usize = 256;
const MESSAGE_ID_CHARS_MAX: usize = 128;

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// Where.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Kept by the broker from earlier.
    pub retained: bool,
    /// When.
    pub receive_time: Timestamp,
}

/// A message whose envelope is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// All is said.
    Plain(String, Plain),
    /// The frame inside needs the device's model.
    Frame(String, Uplink),
    /// It makes no sense; the device's name, as far as the topic tells it.
    Unreadable(String, Unreadable),
}

/// What goes to the sensor service.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A reading.
    Reading(Box<Reading>),
    /// A frame for the quarantine.
    Unreadable(Box<UnreadableFrame>),
}

/// Opens the envelope.
pub fn open(topics: &Topics, raw: &Raw<'_>) -> Opened {
    match topics.source(raw.topic) {
        Source::Plain { device_id } => match plain::decode(raw.payload) {
            Ok(plain) => Opened::Plain(device_id, plain),
            Err(error) => Opened::Unreadable(device_id, error),
        },
        Source::ChirpStack { device_id } => match chirpstack::decode(&device_id, raw.payload) {
            Ok(uplink) => Opened::Frame(device_id, uplink),
            Err(error) => Opened::Unreadable(device_id, error),
        },
        Source::Other => {
            let error = Unreadable::envelope("the topic names no device");
            Opened::Unreadable(String::new(), error)
        }
    }
}

/// Reads what is inside. `model` is what is registered of the device; None: nobody registered it.
pub fn read(raw: &Raw<'_>, opened: Opened, device: Option<&Registered>) -> Said {
    let (device_id, outcome) = match opened {
        Opened::Plain(device_id, plain) => {
            let reading = of_plain(raw, &device_id, plain);
            (device_id, Ok(reading))
        }
        Opened::Frame(device_id, uplink) => {
            let reading = of_uplink(raw, &device_id, uplink, device);
            (device_id, reading)
        }
        Opened::Unreadable(device_id, error) => (device_id, Err(error)),
    };
    // What breaks a rule of the contract would have the whole batch refused, for ever.
    let valid = outcome.and_then(|reading| match reading.validate() {
        Ok(()) => Ok(reading),
        Err(found) => Err(Unreadable::envelope(parkmesh_platform::fault::sentence(&found))),
    });
    match valid {
        Ok(reading) => Said::Reading(Box::new(reading)),
        Err(error) => Said::Unreadable(Box::new(unreadable(raw, &device_id, &error))),
    }
}

fn of_plain(raw: &Raw<'_>, device_id: &str, plain: Plain) -> Reading {
    Reading {
        device_id: device_id.to_owned(),
        occupied: plain.occupied,
        device_time: plain.time.map(to_proto),
        receive_time: Some(to_proto(raw.receive_time)),
        boot: plain.boot,
        sequence: plain.sequence,
        battery_percent: plain.battery_percent(),
        temperature_celsius: plain.temperature,
        retained: raw.retained || plain.historical,
        message_id: cut(&plain.message_id, MESSAGE_ID_CHARS_MAX),
        startup: plain.startup,
        ..Reading::default()
    }
}

fn of_uplink(
    raw: &Raw<'_>,
    device_id: &str,
    uplink: Uplink,
    device: Option<&Registered>,
) -> Result<Reading, Unreadable> {
    let device = device.ok_or_else(|| Unreadable {
        cause: Cause::UnknownDevice,
        detail: "not registered".to_owned(),
    })?;
    let make = Make::choose(&device.model, &device.firmware)?;
    let frame = make.decode(uplink.port, &uplink.data)?;
    if frame.unknown_parts > 0 {
        tracing::debug!(device_id, parts = frame.unknown_parts, "parts of a frame passed over");
    }
    Ok(Reading {
        device_id: device_id.to_owned(),
        occupied: frame.occupied,
        device_time: uplink.time.map(to_proto),
        receive_time: Some(to_proto(raw.receive_time)),
        // A LoRaWAN device has no session number that grows; its times tell a new one.
        boot: 0,
        sequence: Some(u64::from(uplink.frame_count)),
        battery_percent: frame.battery_percent.map(i32::from),
        temperature_celsius: frame.temperature_celsius,
        retained: raw.retained,
        message_id: cut(&uplink.deduplication_id, MESSAGE_ID_CHARS_MAX),
        startup: frame.is_startup(),
        // A heartbeat's own time is not that of a change.
        change_time: frame.device_time.filter(|_| frame.kind == Kind::Change).map(to_proto),
        previous_state_seconds: frame.previous.map(|previous| seconds(previous.minutes)),
        previous_state_slack_seconds: frame.previous.and_then(|p| p.slack_minutes).map(seconds),
        unreachable: false,
        battery_volts: frame.battery_volts,
        battery_low: frame.battery_low,
        faulty: frame.faulty,
    })
}

fn seconds(minutes: u16) -> i32 {
    i32::from(minutes) * 60
}

fn unreadable(raw: &Raw<'_>, device_id: &str, error: &Unreadable) -> UnreadableFrame {
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

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EUI_TOPIC: &str = "application/a/device/0004A30B001A2B3C/event/up";

    fn said(topic: &str, payload: &[u8], model: Option<&str>) -> Said {
        let receive_time = Timestamp::UNIX_EPOCH;
        let raw = Raw { topic, payload, retained: false, receive_time };
        let device = model.map(|model| Registered::new(model, ""));
        read(&raw, open(&Topics::new("", None), &raw), device.as_ref())
    }

    fn reason(said: Said) -> Option<String> {
        match said {
            Said::Unreadable(frame) => Some(frame.reason),
            Said::Reading(_) => None,
        }
    }

    #[test]
    fn a_frame_is_read_as_its_registered_model_says() {
        let payload = br#"{"fCnt":9,"fPort":2,"data":"Af8=","deduplicationId":"d"}"#;
        let Said::Reading(reading) = said(EUI_TOPIC, payload, Some("bosch-tps110")) else {
            panic!("readable")
        };
        assert_eq!(reading.device_id, "0004a30b001a2b3c");
        assert_eq!((reading.occupied, reading.sequence), (Some(true), Some(9)));
        assert_eq!((reading.temperature_celsius, reading.message_id.as_str()), (Some(-1.0), "d"));
    }

    #[test]
    fn every_cause_is_named() {
        let frame = br#"{"fPort":9,"data":"Af8="}"#;
        let is = |said, cause: Cause| assert_eq!(reason(said).as_deref(), Some(cause.as_str()));
        is(said(EUI_TOPIC, frame, None), Cause::UnknownDevice);
        is(said(EUI_TOPIC, frame, Some("of-tomorrow")), Cause::UnknownModel);
        is(said(EUI_TOPIC, frame, Some("bosch-tps110")), Cause::BadFrame);
        is(said(EUI_TOPIC, b"?", None), Cause::BadEnvelope);
        is(said("application/a/device/x/event/up", frame, None), Cause::BadEnvelope);
        let long = format!("parkmesh/devices/{}/up", "x".repeat(65));
        is(said(&long, b"{}", None), Cause::BadEnvelope);
    }

    #[test]
    fn what_tells_of_the_past_is_marked_so() {
        let Said::Reading(reading) =
            said("parkmesh/devices/a/up", br#"{"occupied":true,"historical":true}"#, None)
        else {
            panic!("readable")
        };
        assert!(reading.retained);
    }

    proptest! {
        /// One message that breaks a rule would have its whole batch refused.
        #[test]
        fn whatever_comes_keeps_the_rules_of_the_contract(
            device in ".{0,300}", text in ".{0,600}", payload: Vec<u8>, frame: bool,
        ) {
            let plain = format!("parkmesh/devices/{device}/up");
            let json = serde_json::json!({"message_id": text, "occupied": true}).to_string();
            for topic in [plain.as_str(), EUI_TOPIC, &text] {
                for payload in [payload.as_slice(), json.as_bytes()] {
                    match said(topic, payload, frame.then_some("placepod")) {
                        Said::Reading(reading) => prop_assert_eq!(reading.validate(), Ok(())),
                        Said::Unreadable(frame) => prop_assert_eq!(frame.validate(), Ok(())),
                    }
                }
            }
        }
    }
}
