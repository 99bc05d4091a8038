//! The envelope of ChirpStack v4: JSON in protobuf mapping, so that an absent field is zero.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;

use super::Unreadable;

/// Bytes of a frame at most: LoRaWAN carries 242.
const FRAME_BYTES_MAX: usize = 256;

/// An uplink, without its frame being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The network's id of the message: the same for all gateways that heard it.
    pub deduplication_id: String,
    /// When a gateway heard it: the nearest to a clock that such a device has.
    pub time: Option<Timestamp>,
    /// Counts the frames since the device joined.
    pub frame_count: u32,
    /// Which kind of frame.
    pub port: u8,
    /// The frame.
    pub data: Vec<u8>,
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
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo {
    #[serde(default)]
    dev_eui: String,
}

/// Reads the envelope of an uplink of the device `dev_eui`, which the topic has named.
///
/// # Errors
/// [`super::Cause::BadEnvelope`] for anything but an uplink; also when it names another device than
/// its
/// topic, which is the part that the broker guards.
pub fn decode(dev_eui: &str, payload: &[u8]) -> Result<Uplink, Unreadable> {
    let envelope: Envelope = serde_json::from_slice(payload)
        .map_err(|error| Unreadable::envelope(format!("JSON: {error}")))?;
    let named = &envelope.device_info.dev_eui;
    if !named.is_empty() && !named.eq_ignore_ascii_case(dev_eui) {
        return Err(Unreadable::envelope("deviceInfo.devEui is not the device of the topic"));
    }
    let data = STANDARD.decode(&envelope.data);
    let data = data.map_err(|error| Unreadable::envelope(format!("data: {error}")))?;
    if data.len() > FRAME_BYTES_MAX {
        return Err(Unreadable::envelope(format!("data has more than {FRAME_BYTES_MAX} bytes")));
    }
    Ok(Uplink {
        deduplication_id: envelope.deduplication_id,
        time: envelope.time,
        frame_count: envelope.f_cnt,
        port: envelope.f_port,
        data,
    })
}
