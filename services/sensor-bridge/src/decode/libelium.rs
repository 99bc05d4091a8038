//! Libelium Smart Parking v2 and v3: 11 bytes, of which the first one says what stands there.

use super::{Frame, Kind, Unreadable, bit};

/// Bytes of every frame.
const LEN: usize = 11;

/// Types of frames, bits 0 to 3.
const INFO: u8 = 0;
const KEEP_ALIVE: u8 = 1;
const DAILY: u8 = 2;
const ERROR: u8 = 3;
const START_1: u8 = 4;
const START_2: u8 = 5;
const SERVICE: u8 = 6;
const DOWNLINK: u8 = 7;
const RSSI: u8 = 8;

/// Reads a frame.
///
/// # Errors
/// When it has another length, or a type that no version of the vendor's guide lists.
pub fn decode(bytes: &[u8]) -> Result<Frame, Unreadable> {
    let [header, counter, sensor_error, temperature, ..] = bytes else { return Err(length(bytes)) };
    if bytes.len() != LEN {
        return Err(length(bytes));
    }
    let kind = match header & 0x0f {
        INFO => Kind::Change,
        KEEP_ALIVE | DAILY => Kind::Heartbeat,
        START_1 | START_2 => Kind::Startup,
        ERROR | SERVICE | DOWNLINK | RSSI => Kind::Notice,
        unlisted => return Err(Unreadable::frame(format!("frame type {unlisted} is not listed"))),
    };
    let occupied = bit(*header, 7);
    let mut frame = Frame {
        kind,
        // A device that has just started has not measured yet: its "free" is only an empty field.
        occupied: Some(occupied).filter(|occupied| *occupied || kind != Kind::Startup),
        battery_low: Some(bit(*header, 6)),
        frame_count: Some(u16::from(*counter)),
        ..Frame::default()
    };
    let flags = [(5, "configuration refused"), (4, "recalibrated")];
    frame.notices.extend(flags.iter().filter(|(at, _)| bit(*header, *at)).map(|(_, word)| *word));
    match header & 0x0f {
        INFO | KEEP_ALIVE => {
            frame.temperature_celsius = Some(f64::from(temperature.cast_signed()));
            frame.faulty = *sensor_error != 0;
        }
        ERROR => frame.faulty = true,
        _ => {}
    }
    if frame.faulty {
        frame.notices.push("sensor error");
    }
    Ok(frame)
}

fn length(bytes: &[u8]) -> Unreadable {
    Unreadable::frame(format!("a frame has {LEN} bytes, not {}", bytes.len()))
}
