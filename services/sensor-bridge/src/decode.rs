//! From what stands on a topic to what a device says. Pure: no input may panic, and what cannot be
//! read is named by its cause.

mod bosch_tps110;
pub mod chirpstack;
mod frame;
pub mod gate;
mod libelium;
mod make;
mod moko_lw009;
mod nwave_nps405;
mod placepod;
pub mod plain;
pub mod sparkplug;
mod tekzipark;
pub mod things_stack;
mod topic;
mod uplink;

#[cfg(test)]
mod tests;

pub use frame::{Frame, Kind, Previous};
pub use make::{MODELS, Make};
pub use topic::{Source, Speaker, Topics};
pub use uplink::Uplink;

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
    /// It says numbers whose meaning only the birth of its node tells.
    UnknownAlias,
    /// The sensor service does not take it.
    Refused,
}

impl Cause {
    /// The word of the proto.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownDevice => "UNKNOWN_DEVICE",
            Self::UnknownModel => "UNKNOWN_MODEL",
            Self::BadEnvelope => "BAD_ENVELOPE",
            Self::BadFrame => "BAD_FRAME",
            Self::UnknownAlias => "UNKNOWN_ALIAS",
            Self::Refused => "REFUSED",
        }
    }
}

/// A cause and a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
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

/// Whether a bit is set, counted from the lowest.
fn bit(byte: u8, at: u32) -> bool {
    byte >> at & 1 == 1
}
