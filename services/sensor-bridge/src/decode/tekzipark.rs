//! Tekzitel TekziPark: radar and magnet; the first byte is flags.

use super::{Frame, Kind, Unreadable, bit};

/// Ports with the same first three bytes: status, and the same with measurements.
const PORTS: std::ops::RangeInclusive<u8> = 1..=2;

/// Reads a frame.
///
/// # Errors
/// For a port that the device does not use, and for a frame that is cut off.
pub fn decode(port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
    if !PORTS.contains(&port) {
        return Err(Unreadable::frame(format!("a TekziPark sends nothing on port {port}")));
    }
    let [flags, temperature, cycles, rest @ ..] = bytes else {
        let length = bytes.len();
        return Err(Unreadable::frame(format!("a frame has at least 3 bytes, not {length}")));
    };
    let kind = match (bit(*flags, 1), bit(*flags, 0)) {
        (true, _) => Kind::Startup,
        (_, true) => Kind::Heartbeat,
        _ => Kind::Change,
    };
    let mut frame = Frame {
        temperature_celsius: Some(f64::from(temperature.cast_signed())),
        vehicle_count: Some(*cycles),
        battery_low: Some(!bit(*flags, 5)),
        // Beacons and measurements, which say nothing of the spot.
        unknown_parts: rest.len(),
        ..Frame::of(kind, bit(*flags, 7))
    };
    let words = [(3, "radar"), (4, "obstruction")];
    frame.notices.extend(words.iter().filter(|(at, _)| bit(*flags, *at)).map(|(_, word)| *word));
    Ok(frame)
}
