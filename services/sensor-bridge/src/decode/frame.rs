//! What a frame says, whatever the make.

use jiff::Timestamp;
use serde::Serialize;

/// Why a device sent a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A network's own exchange with the device: a sign of life and nothing more.
    #[default]
    SignOfLife,
    /// Something has changed.
    Change,
    /// It is time again.
    Heartbeat,
    /// The device has just started: what it says next is of low confidence.
    Startup,
    /// Something else than its spot: a fault, an answer, a measurement.
    Notice,
}

/// How long the state before the present one lasted, as the device counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Previous {
    /// At least so long.
    #[serde(rename = "previous_state_minutes")]
    pub minutes: u16,
    /// And at most so much longer; None: nobody knows how much.
    #[serde(rename = "previous_state_slack_minutes")]
    pub slack_minutes: Option<u16>,
}

/// What a frame says. As JSON it has `kind` and `occupied` always, the rest where the frame tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Frame {
    /// Why it was sent.
    pub kind: Kind,
    /// A car stands there; None where the frame does not say.
    pub occupied: Option<bool>,
    /// Degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_celsius: Option<f64>,
    /// Relative, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humidity_percent: Option<u8>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<u8>,
    /// Volts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_volts: Option<f64>,
    /// The device wants a new battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_low: Option<bool>,
    /// By the device's own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_time: Option<Timestamp>,
    /// The device's own count of its frames; begins anew after its greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_count: Option<u16>,
    /// Of the state before this one.
    #[serde(flatten)]
    pub previous: Option<Previous>,
    /// Cars that the device has counted; begins anew after its greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_count: Option<u8>,
    /// The version that the device says it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_firmware: Option<String>,
    /// Why it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_cause: Option<&'static str>,
    /// The device says that it does not measure right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub faulty: bool,
    /// What else it reports, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<&'static str>,
    /// Parts that no table lists and that were passed over: channels, tags, bytes at the end.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown_parts: usize,
}

impl Frame {
    /// A frame that says what stands there.
    pub fn of(kind: Kind, occupied: bool) -> Self {
        Self { kind, occupied: Some(occupied), ..Self::default() }
    }

    /// Whether what the device says next is of low confidence.
    pub fn is_startup(&self) -> bool {
        self.kind == Kind::Startup
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
