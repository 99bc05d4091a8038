//! The envelope of ChirpStack v4: JSON in protobuf mapping, so that an absent field is zero.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Unreadable;
use super::uplink::{Uplink, bytes_of};

/// What an event tells. The others (`ack`, `txack`, `log`, `location`) say nothing of a spot and are not subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A frame came.
    Up,
    /// The device joined: from now on it counts its frames anew.
    Join,
    /// The device answered how its battery is.
    Status,
}

impl Event {
    /// All that we listen to.
    pub const ALL: [Self; 3] = [Self::Up, Self::Join, Self::Status];

    /// Its name in a topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Join => "join",
            Self::Status => "status",
        }
    }

    /// The event of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    deduplication_id: String,
    time: Option<Timestamp>,
    #[serde(default)]
    device_info: DeviceInfo,
    #[serde(default)]
    f_cnt: u32,
    #[serde(default)]
    f_port: u8,
    #[serde(default)]
    data: String,
    object: Option<Map<String, Value>>,
    #[serde(default)]
    battery_level: f64,
    #[serde(default)]
    battery_level_unavailable: bool,
    #[serde(default)]
    external_power_source: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo {
    #[serde(default)]
    dev_eui: String,
}

/// Reads the envelope of an event of the device `dev_eui`, which the topic has named.
///
/// # Errors
/// [`super::Cause::BadEnvelope`] for anything but such an event; also when it names another device than
/// its topic, which is the part that the broker guards.
pub fn decode(event: Event, dev_eui: &str, payload: &[u8]) -> Result<Uplink, Unreadable> {
    let envelope: Envelope = serde_json::from_slice(payload)
        .map_err(|error| Unreadable::envelope(format!("JSON: {error}")))?;
    let named = &envelope.device_info.dev_eui;
    if !named.is_empty() && !named.eq_ignore_ascii_case(dev_eui) {
        return Err(Unreadable::envelope("deviceInfo.devEui is not the device of the topic"));
    }
    let battery_percent = envelope.battery_percent();
    let told = Uplink {
        deduplication_id: envelope.deduplication_id,
        time: envelope.time,
        ..Uplink::default()
    };
    Ok(match event {
        Event::Up => Uplink {
            frame_count: Some(envelope.f_cnt),
            port: envelope.f_port,
            data: bytes_of(&envelope.data)?,
            object: envelope.object,
            ..told
        },
        Event::Join => told,
        Event::Status => Uplink { battery_percent, ..told },
    })
}

impl Envelope {
    fn battery_percent(&self) -> Option<u8> {
        let told = !self.battery_level_unavailable && !self.external_power_source;
        let level = self.battery_level.round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        (told && (0.0..=100.0).contains(&level)).then_some(level as u8)
    }
}
