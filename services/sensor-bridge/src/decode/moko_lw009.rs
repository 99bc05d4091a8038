//! MOKO LW009-SM and -IG: a header with the device's own clock and count, then triples of tag, length and value.

use jiff::Timestamp;

use super::{Frame, Kind, Unreadable};

/// Begins and ends every frame.
const MARK: u8 = 0x7e;
/// Bytes before the triples.
const HEAD_LEN: usize = 12;
/// Bytes after the triples: a checksum of unknown making (seen as zero), and the mark.
const TAIL_LEN: usize = 3;

const TAG_MESSAGE: u8 = 0x02;
const TAG_FIRMWARE: u8 = 0x05;
const TAG_TEMPERATURE: u8 = 0x0b;
const TAG_BATTERY_PERCENT: u8 = 0x24;
const TAG_BATTERY_MILLIVOLTS: u8 = 0x29;
const TAG_STATUS: u8 = 0x32;
const TAG_HUMIDITY: u8 = 0x35;

const MESSAGE_HEARTBEAT: u8 = 0x00;
const MESSAGE_EMPTY: u8 = 0x0b;
const MESSAGE_OCCUPIED: u8 = 0x0c;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// On the surface, with radar: says what stands there in every frame.
    Sm,
    /// In the ground: says only when a car comes or goes.
    Ig,
}

/// Reads a frame. Tags that no table lists are passed over by their length and counted.
///
/// # Errors
/// When its marks or lengths do not fit together, when it is encrypted, and for a status that is
/// neither vacant nor occupied.
pub fn decode(make: Make, bytes: &[u8]) -> Result<Frame, Unreadable> {
    let (head, triples) = open(bytes)?;
    let seconds = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let mut frame = Frame {
        kind: Kind::Notice,
        device_time: Timestamp::from_second(i64::from(seconds)).ok(),
        frame_count: Some(u16::from_be_bytes([head[6], head[7]])),
        ..Frame::default()
    };
    let (mut event, mut rest) = (None, triples);
    while let [tag, length, after @ ..] = rest {
        let Some((value, next)) = after.split_at_checked(usize::from(*length)) else {
            return Err(Unreadable::frame(format!("tag {tag:#04x} is cut off")));
        };
        match (*tag, value) {
            (TAG_MESSAGE, [message]) => event = message_type(&mut frame, *message),
            (TAG_STATUS, [state @ (0 | 1)]) if make == Make::Sm => {
                frame.occupied = Some(*state == 1);
            }
            (TAG_STATUS, [_]) if make == Make::Sm => {
                return Err(Unreadable::frame("a status is neither vacant nor occupied"));
            }
            (tag, value) => measured(&mut frame, tag, value),
        }
        rest = next;
    }
    if !rest.is_empty() {
        return Err(Unreadable::frame("a byte is left over between the tags"));
    }
    // What a frame says of now stands above what it says has happened.
    frame.occupied = frame.occupied.or(event);
    Ok(frame)
}

/// Head and triples of a frame whose marks and lengths fit together.
fn open(bytes: &[u8]) -> Result<(&[u8; HEAD_LEN], &[u8]), Unreadable> {
    let short = || Unreadable::frame(format!("{} bytes are no whole frame", bytes.len()));
    let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>().ok_or_else(short)?;
    let (triples, tail) = rest.split_last_chunk::<TAIL_LEN>().ok_or_else(short)?;
    if head[0] != MARK || tail[TAIL_LEN - 1] != MARK {
        return Err(Unreadable::frame("the mark 7E is missing at the beginning or the end"));
    }
    let told = usize::from(u16::from_be_bytes([head[8], head[9]]));
    if told != triples.len() {
        let there = triples.len();
        return Err(Unreadable::frame(format!("{told} bytes of tags are told, {there} are there")));
    }
    if head[11] != 0 {
        return Err(Unreadable::frame("the frame is encrypted"));
    }
    Ok((head, triples))
}

/// What the frame was sent for. Gives what stands there after a car came or went.
fn message_type(frame: &mut Frame, message: u8) -> Option<bool> {
    let notice = match message {
        MESSAGE_HEARTBEAT => {
            frame.kind = Kind::Heartbeat;
            return None;
        }
        MESSAGE_EMPTY | MESSAGE_OCCUPIED => {
            frame.kind = Kind::Change;
            return Some(message == MESSAGE_OCCUPIED);
        }
        0x0d => "magnetic interference",
        0x0e => "battery low",
        0x0f | 0x10 => "magnetic sensor failed",
        0x12 => "radar failed",
        _ => "message type not listed",
    };
    frame.notices.push(notice);
    frame.battery_low = (message == 0x0e).then_some(true);
    frame.faulty = matches!(message, 0x0f | 0x10 | 0x12);
    None
}

/// A tag that says nothing of the spot.
fn measured(frame: &mut Frame, tag: u8, value: &[u8]) {
    let percent = |byte: u8| Some(byte).filter(|byte| *byte <= 100);
    match (tag, value) {
        (TAG_TEMPERATURE, [celsius]) => {
            frame.temperature_celsius = Some(f64::from(celsius.cast_signed()));
        }
        (TAG_TEMPERATURE, [high, low]) => {
            frame.temperature_celsius = Some(f64::from(i16::from_be_bytes([*high, *low])));
        }
        (TAG_BATTERY_PERCENT, [byte]) => frame.battery_percent = percent(*byte),
        (TAG_BATTERY_MILLIVOLTS, [high, low]) => {
            let millivolts = u16::from_be_bytes([*high, *low]);
            frame.battery_volts = Some(f64::from(millivolts) / 1_000.0);
        }
        (TAG_HUMIDITY, [byte]) => frame.humidity_percent = percent(*byte),
        (TAG_FIRMWARE, value @ [_, ..]) if value.len() <= 4 => {
            let digits: Vec<String> = value.iter().map(|byte| format!("{byte:x}")).collect();
            frame.device_firmware = Some(digits.join("."));
        }
        _ => frame.unknown_parts += 1,
    }
}
