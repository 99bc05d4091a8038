//! Bosch TPS110: reports on change, heartbeat once a day, start-up frame after power-up.

use super::{Frame, Kind, Unreadable, bit};

/// Changes.
const PORT_STATUS: u8 = 1;
/// Once a day.
const PORT_HEARTBEAT: u8 = 2;
/// After power-up.
const PORT_STARTUP: u8 = 3;
/// Bytes of a start-up frame: 12 of debugging, firmware, reset cause, state.
const STARTUP_LEN: usize = 17;

/// Reads a frame.
///
/// # Errors
/// For a port that the device does not use, and for a start-up frame of another length.
pub fn decode(port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
    match (port, bytes) {
        (PORT_STATUS, [state, rest @ ..]) => {
            Ok(Frame { unknown_parts: rest.len(), ..Frame::of(Kind::Change, bit(*state, 0)) })
        }
        // Earlier firmware sends no temperature.
        (PORT_HEARTBEAT, [state, rest @ ..]) => Ok(Frame {
            temperature_celsius: rest.first().map(|byte| f64::from(byte.cast_signed())),
            unknown_parts: rest.len().saturating_sub(1),
            ..Frame::of(Kind::Heartbeat, bit(*state, 0))
        }),
        (PORT_STARTUP, [.., major, minor, patch, cause, state]) if bytes.len() == STARTUP_LEN => {
            Ok(Frame {
                device_firmware: Some(format!("{major}.{minor}.{patch}")),
                reset_cause: Some(reset_cause(*cause)),
                ..Frame::of(Kind::Startup, bit(*state, 0))
            })
        }
        (PORT_STARTUP, _) => Err(Unreadable::frame(format!(
            "a start-up frame has {STARTUP_LEN} bytes, not {}",
            bytes.len()
        ))),
        (port, _) => Err(Unreadable::frame(format!("a TPS110 sends nothing on port {port}"))),
    }
}

fn reset_cause(code: u8) -> &'static str {
    match code {
        1 => "watchdog",
        2 => "power-on",
        3 => "system request",
        _ => "other",
    }
}
