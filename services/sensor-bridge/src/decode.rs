//! From what stands on a topic to what a device says. Pure: no input may panic, and what cannot be
//! read is named by its cause.

pub mod bosch_tps110;
pub mod chirpstack;
pub mod placepod;
pub mod plain;
mod topic;

#[cfg(test)]
mod tests;

pub use topic::{Source, Topics};

/// Why a frame could not become a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nobody registered the device.
    UnknownDevice,
    /// The device's model has no decoder here.
    UnknownModel,
    /// What is around the frame makes no sense.
    BadEnvelope,
    /// The frame makes no sense.
    BadFrame,
}

impl Cause {
    /// The word of the proto.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownDevice => "UNKNOWN_DEVICE",
            Self::UnknownModel => "UNKNOWN_MODEL",
            Self::BadEnvelope => "BAD_ENVELOPE",
            Self::BadFrame => "BAD_FRAME",
        }
    }
}

/// A cause and a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Why.
    pub cause: Cause,
    /// What exactly.
    pub detail: String,
}

impl Unreadable {
    /// What is around the frame makes no sense.
    pub fn envelope(detail: impl Into<String>) -> Self {
        Self { cause: Cause::BadEnvelope, detail: detail.into() }
    }

    /// The frame makes no sense.
    pub fn frame(detail: impl Into<String>) -> Self {
        Self { cause: Cause::BadFrame, detail: detail.into() }
    }
}

/// What a frame says, whatever the make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// A car stands there; None where the frame does not say.
    pub occupied: Option<bool>,
    /// Degrees Celsius.
    pub temperature_celsius: Option<f64>,
    /// The device has just started.
    pub startup: bool,
    /// Channels that no table lists and that were passed over.
    pub channels_unknown: usize,
}

/// Reads a frame of a device of this model. Which decoder is a matter of registration and never
/// guessed from the bytes.
///
/// # Errors
/// [`Cause::UnknownModel`], [`Cause::BadFrame`].
pub fn frame(model: &str, port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
    if bytes.is_empty() {
        // A network's own exchange with the device: a sign of life and nothing more.
        return Ok(Frame::default());
    }
    match model {
        "bosch-tps110" => bosch_tps110::decode(port, bytes),
        "placepod" => placepod::decode(bytes),
        other => Err(Unreadable {
            cause: Cause::UnknownModel,
            detail: format!("no decoder for frames of model {other:?}"),
        }),
    }
}

/// Bit 0, as most frames carry the state.
fn bit0(byte: u8) -> bool {
    byte & 1 == 1
}
