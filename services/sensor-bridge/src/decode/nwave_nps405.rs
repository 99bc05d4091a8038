//! Nwave NPS405: reports on change with the time that the state before had lasted. One byte holds both; in which order
//! depends on the firmware.

use super::{Cause, Frame, Kind, Previous, Unreadable, bit};

/// Changes.
const PORT_STATUS: u8 = 1;
/// It is time again.
const PORT_HEARTBEAT: u8 = 2;
/// After a start.
const PORT_STARTUP: u8 = 3;
/// The first firmware with the state in bit 0, as major and minor number. The vendor publishes no list of changes; its
/// documents show the new order with 2.4.9.
const STATE_FIRST: (u32, u32) = (2, 4);

/// Where a status byte keeps the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// State in bit 0, code above: present firmware.
    StateInBit0,
    /// State in bit 7, code below: older firmware.
    StateInBit7,
}

impl Order {
    /// The order of this firmware: a version such as `2.4.9` (an unnamed one is the present one), or the word `old`.
    ///
    /// # Errors
    /// [`Cause::UnknownModel`] for anything else: the wrong order turns free into occupied.
    pub fn of(firmware: &str) -> Result<Self, Unreadable> {
        match firmware {
            "" | "new" => return Ok(Self::StateInBit0),
            "old" => return Ok(Self::StateInBit7),
            _ => {}
        }
        let mut numbers = firmware.trim_start_matches('v').split('.').map(str::parse::<u32>);
        let (major, minor) = (numbers.next(), numbers.next());
        // `2` alone means the whole family, the newest of it included.
        let minor = minor.unwrap_or(Ok(u32::MAX));
        match (major, minor) {
            (Some(Ok(major)), Ok(minor)) if numbers.all(|number| number.is_ok()) => {
                let older = (major, minor) < STATE_FIRST;
                Ok(if older { Self::StateInBit7 } else { Self::StateInBit0 })
            }
            _ => Err(Unreadable {
                cause: Cause::UnknownModel,
                detail: format!("firmware {firmware:?} is neither a version nor `old`"),
            }),
        }
    }

    fn split(self, status: u8) -> (bool, u8) {
        match self {
            Self::StateInBit0 => (bit(status, 0), status >> 1),
            Self::StateInBit7 => (bit(status, 7), status & 0x7f),
        }
    }
}

/// Reads a frame.
///
/// # Errors
/// For a port that the device does not use, and for a frame that is cut off.
pub fn decode(order: Order, port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
    match (port, bytes) {
        (PORT_STATUS, [status, rest @ ..]) => {
            let (occupied, code) = order.split(*status);
            Ok(Frame {
                previous: Some(previous(code)),
                unknown_parts: rest.len(),
                ..Frame::of(Kind::Change, occupied)
            })
        }
        (PORT_HEARTBEAT, [state, volts, temperature, rest @ ..]) => Ok(Frame {
            battery_volts: Some(f64::from(2_500 + u32::from(*volts) * 4) / 1_000.0),
            temperature_celsius: Some(f64::from(temperature.cast_signed()) / 2.0 + 10.0),
            unknown_parts: rest.len(),
            ..Frame::of(Kind::Heartbeat, bit(*state, 0))
        }),
        (PORT_STARTUP, [major, minor, patch, cause, state, rest @ ..]) => Ok(Frame {
            device_firmware: Some(format!("{major}.{minor}.{patch}")),
            reset_cause: Some(reset_cause(*cause)),
            unknown_parts: rest.len(),
            ..Frame::of(Kind::Startup, bit(*state, 0))
        }),
        (PORT_STATUS..=PORT_STARTUP, _) => {
            let length = bytes.len();
            Err(Unreadable::frame(format!("{length} bytes are too few on port {port}")))
        }
        _ => Err(Unreadable::frame(format!("an NPS405 tells nothing of its spot on port {port}"))),
    }
}

/// Minutes are counted the more coarsely the more they are.
fn previous(code: u8) -> Previous {
    let code = u16::from(code);
    let (minutes, slack_minutes) = match code {
        0..90 => (code, Some(0)),
        90..120 => (90 + (code - 90) * 5, Some(4)),
        120..127 => (240 + (code - 120) * 60, Some(59)),
        _ => (660, None),
    };
    Previous { minutes, slack_minutes }
}

fn reset_cause(code: u8) -> &'static str {
    match code {
        0 => "joined again",
        1 => "watchdog",
        2 => "power-on",
        3 => "user request",
        6 => "brown-out",
        _ => "other",
    }
}
