//! What a LoRaWAN network tells of a device, whichever network it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Unreadable;

/// Bytes of a frame at most: LoRaWAN carries 242.
const FRAME_BYTES_MAX: usize = 256;

/// A message of a network server, without its frame being read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uplink {
    /// The network's id of the message: the same for all gateways that heard it. May be empty.
    pub deduplication_id: String,
    /// When the network heard it: the nearest to a clock that such a device has.
    pub time: Option<Timestamp>,
    /// Counts the frames since the device joined; None where no frame came (a join, a status).
    pub frame_count: Option<u32>,
    /// Which kind of frame.
    pub port: u8,
    /// The frame; empty is a sign of life.
    pub data: Vec<u8>,
    /// What the network's own codec made of it.
    pub object: Option<Map<String, Value>>,
    /// Percent, as the network asked the device.
    pub battery_percent: Option<u8>,
    /// Made up for a test of the network: never moves the state.
    pub simulated: bool,
}

/// The bytes of a frame.
///
/// # Errors
/// When it is no base64, or longer than any network carries.
pub fn bytes_of(base64: &str) -> Result<Vec<u8>, Unreadable> {
    let data = STANDARD.decode(base64);
    let data = data.map_err(|error| Unreadable::envelope(format!("base64: {error}")))?;
    if data.len() > FRAME_BYTES_MAX {
        return Err(Unreadable::envelope(format!("a frame of more than {FRAME_BYTES_MAX} bytes")));
    }
    Ok(data)
}
