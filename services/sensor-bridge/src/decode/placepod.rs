//! PNI PlacePod: triples of channel, type and value, like Cayenne LPP.

use super::{Frame, Kind, Unreadable};

/// Parking status.
const STATUS: (u8, u8) = (0x15, 0x66);
/// Keep-alive with status.
const KEEP_ALIVE: (u8, u8) = (0x37, 0x66);
/// Temperature in tenths of a degree.
const TEMPERATURE: (u8, u8) = (0x02, 0x67);
/// Battery in hundredths of a volt, which says nothing of percent.
const VOLTAGE: (u8, u8) = (0x03, 0x02);
/// Vehicles counted.
const COUNT: (u8, u8) = (0x21, 0x00);
/// Vehicles counted, with the keep-alive.
const KEEP_ALIVE_COUNT: (u8, u8) = (0x37, 0x00);
/// A greater count says that counting began anew: a reboot or a recalibration.
const COUNT_MAX: u8 = 0x80;
/// Recalibrated.
const RECALIBRATED: (u8, u8) = (0x01, 0x01);
/// Deactivated.
const DEACTIVATED: (u8, u8) = (0x1c, 0x01);
/// Started again.
const REBOOT: (u8, u8) = (0x3f, 0x01);

/// Reads a frame. Real devices send channels that no table lists: they are passed over by the
/// length of their type and counted.
///
/// # Errors
/// When a value is cut off, when a type has no known length and nothing was read before it, and for
/// a status that is neither vacant nor occupied.
pub fn decode(bytes: &[u8]) -> Result<Frame, Unreadable> {
    let mut frame = Frame { kind: Kind::Notice, ..Frame::default() };
    let (mut rest, mut read) = (bytes, 0_usize);
    while let [channel, kind, after @ ..] = rest {
        let Some(length) = length_of(*kind) else {
            // What follows cannot be found; what came before stands.
            frame.unknown_parts += 1;
            return if read > 0 {
                Ok(frame)
            } else {
                Err(Unreadable::frame(format!("type {kind:#04x} is not known")))
            };
        };
        let Some((value, next)) = after.split_at_checked(length) else {
            return Err(Unreadable::frame(format!("channel {channel:#04x} is cut off")));
        };
        take(&mut frame, (*channel, *kind), value)?;
        read += 1;
        rest = next;
    }
    if rest.is_empty() { Ok(frame) } else { Err(Unreadable::frame("a byte is left over")) }
}

fn length_of(kind: u8) -> Option<usize> {
    match kind {
        0x00 | 0x01 | 0x66 => Some(1),
        0x02 | 0x67 => Some(2),
        _ => None,
    }
}

fn take(frame: &mut Frame, key: (u8, u8), value: &[u8]) -> Result<(), Unreadable> {
    match (key, value) {
        (STATUS | KEEP_ALIVE, [state @ (0 | 1)]) => {
            frame.occupied = Some(*state == 1);
            become_kind(frame, if key == STATUS { Kind::Change } else { Kind::Heartbeat });
        }
        (STATUS | KEEP_ALIVE, _) => {
            return Err(Unreadable::frame("a status is neither vacant nor occupied"));
        }
        (TEMPERATURE, [high, low]) => {
            frame.temperature_celsius = Some(f64::from(i16::from_be_bytes([*high, *low])) / 10.0);
        }
        (VOLTAGE, [high, low]) => {
            frame.battery_volts = Some(f64::from(i16::from_be_bytes([*high, *low])) / 100.0);
        }
        (COUNT | KEEP_ALIVE_COUNT, [count]) => {
            let again = *count > COUNT_MAX;
            frame.vehicle_count = Some(*count).filter(|_| !again);
            let kind = if key == COUNT { Kind::Change } else { Kind::Heartbeat };
            become_kind(frame, if again { Kind::Startup } else { kind });
        }
        (RECALIBRATED, _) => frame.notices.push("recalibrated"),
        (DEACTIVATED, _) => frame.notices.push("deactivated"),
        (REBOOT, _) => become_kind(frame, Kind::Startup),
        _ => frame.unknown_parts += 1,
    }
    Ok(())
}

/// Of several channels the most telling names the frame; a start is never hidden.
fn become_kind(frame: &mut Frame, kind: Kind) {
    if frame.kind != Kind::Startup {
        frame.kind = kind;
    }
}
