//! PNI PlacePod: triples of channel, type and value, like Cayenne LPP.

use super::{Frame, Unreadable};

/// Parking status.
const STATUS: (u8, u8) = (0x15, 0x66);
/// Keep-alive with status.
const KEEP_ALIVE: (u8, u8) = (0x37, 0x66);
/// Temperature in tenths of a degree.
const TEMPERATURE: (u8, u8) = (0x02, 0x67);
/// Battery in hundredths of a volt, which says nothing of percent.
const VOLTAGE: (u8, u8) = (0x03, 0x02);
/// Vehicles counted, alone and with the keep-alive.
const COUNTS: [(u8, u8); 2] = [(0x21, 0x00), (0x37, 0x00)];
/// Recalibrated; deactivated.
const NOTICES: [(u8, u8); 2] = [(0x01, 0x01), (0x1c, 0x01)];
/// Started again.
const REBOOT: (u8, u8) = (0x3f, 0x01);

/// Reads a frame. Real devices send channels that no table lists: they are passed over by the
/// length of their type and counted.
///
/// # Errors
/// When a value is cut off, when a type has no known length and nothing was read before it, and for
/// a
/// status that is neither vacant nor occupied.
pub fn decode(bytes: &[u8]) -> Result<Frame, Unreadable> {
    let (mut frame, mut rest, mut read) = (Frame::default(), bytes, 0_usize);
    while let [channel, kind, after @ ..] = rest {
        let Some(length) = length_of(*kind) else {
            // What follows cannot be found; what came before stands.
            frame.channels_unknown += 1;
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
        (STATUS | KEEP_ALIVE, [state @ (0 | 1)]) => frame.occupied = Some(*state == 1),
        (STATUS | KEEP_ALIVE, _) => {
            return Err(Unreadable::frame("a status is neither vacant nor occupied"));
        }
        (TEMPERATURE, [high, low]) => {
            let tenths = i16::from_be_bytes([*high, *low]);
            frame.temperature_celsius = Some(f64::from(tenths) / 10.0);
        }
        (REBOOT, _) => frame.startup = true,
        (VOLTAGE, _) => {}
        (key, _) if COUNTS.contains(&key) || NOTICES.contains(&key) => {}
        _ => frame.channels_unknown += 1,
    }
    Ok(())
}
