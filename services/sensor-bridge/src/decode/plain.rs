//! Plain JSON, as a city's own gateways write it:
//! `{"occupied":true,"time":"2026-05-01T08:00:00Z","boot":1,"sequence":2,"battery":90,"temperature":21.5}`.

use jiff::Timestamp;
use serde::Deserialize;

use super::Unreadable;

/// What a device says. Everything but the state may be left out; a field that is not listed is
/// passed over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Plain {
    /// A car stands there; without it the message is a sign of life.
    pub occupied: Option<bool>,
    /// By the device's clock.
    pub time: Option<Timestamp>,
    /// Session of the device.
    #[serde(default)]
    pub boot: u64,
    /// Count within the session.
    pub sequence: Option<u64>,
    /// Percent.
    pub battery: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// The gateway's own id of the message.
    #[serde(default)]
    pub message_id: String,
    /// The message tells of the past and not of now.
    #[serde(default)]
    pub historical: bool,
    /// The device has just started.
    #[serde(default)]
    pub startup: bool,
}

impl Plain {
    /// Whole percent; None outside of 0 to 100.
    pub fn battery_percent(&self) -> Option<i32> {
        let percent = self.battery.filter(|percent| (0.0..=100.0).contains(percent))?.round();
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
        Some(percent as i32)
    }
}

/// Reads a message.
///
/// # Errors
/// [`super::Cause::BadEnvelope`] for anything but an object with these types.
pub fn decode(payload: &[u8]) -> Result<Plain, Unreadable> {
    serde_json::from_slice(payload).map_err(|error| Unreadable::envelope(format!("JSON: {error}")))
}
