//! Bosch TPS110: reports on change, heartbeat once a day, start-up frame after power-up.

use super::{Frame, Unreadable, bit0};

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
        (PORT_STATUS, [state, ..]) => {
            Ok(Frame { occupied: Some(bit0(*state)), ..Frame::default() })
        }
        // Earlier firmware sends no temperature.
        (PORT_HEARTBEAT, [state, rest @ ..]) => Ok(Frame {
            occupied: Some(bit0(*state)),
            temperature_celsius: rest.first().map(|byte| f64::from(byte.cast_signed())),
            ..Frame::default()
        }),
        (PORT_STARTUP, [.., state]) if bytes.len() == STARTUP_LEN => {
            Ok(Frame { occupied: Some(bit0(*state)), startup: true, ..Frame::default() })
        }
        (PORT_STARTUP, _) => Err(Unreadable::frame(format!(
            "a start-up frame has {STARTUP_LEN} bytes, not {}",
            bytes.len()
        ))),
        (port, _) => Err(Unreadable::frame(format!("a TPS110 sends nothing on port {port}"))),
    }
}
