//! Plain JSON, as a city's own gateways write it:
//! `{"occupied":true,"time":"2026-05-01T08:00:00Z","boot":1,"sequence":2,"battery":90,"temperature":21.5}`.
//! Others name the same facts otherwise: which name means what is configuration.

mod fields;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Unreadable;

pub use fields::{Fields, Mappings};

/// From here on a number is a time in milliseconds, below it is one in seconds (the year 5138).
const MILLISECONDS_FROM: f64 = 1e11;

/// What a device says. Everything but the state may be left out; a field that no mapping names is
/// passed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain {
    /// A car stands there; without it the message is a sign of life.
    pub occupied: Option<bool>,
    /// By the device's clock.
    pub time: Option<Timestamp>,
    /// Session of the device.
    pub boot: u64,
    /// Count within the session.
    pub sequence: Option<u64>,
    /// Percent.
    pub battery: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// The gateway's own id of the message.
    pub message_id: String,
    /// The message tells of the past and not of now.
    pub historical: bool,
    /// The device has just started.
    pub startup: bool,
}

impl Plain {
    /// Whole percent; None outside of 0 to 100.
    pub fn battery_percent(&self) -> Option<i32> {
        let percent = self.battery.filter(|percent| (0.0..=100.0).contains(percent))?.round();
        #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
        Some(percent as i32)
    }
}

/// Reads a message.
///
/// # Errors
/// [`super::Cause::BadEnvelope`] for anything but an object whose fields can be understood.
pub fn decode(fields: &Fields, payload: &[u8]) -> Result<Plain, Unreadable> {
    let object: Map<String, Value> = serde_json::from_slice(payload)
        .map_err(|error| Unreadable::envelope(format!("JSON: {error}")))?;
    read(fields, &object)
}

/// Reads an object. What orders readings must be understood; what is only measured may be passed over.
///
/// # Errors
/// As [`decode`].
pub fn read(fields: &Fields, object: &Map<String, Value>) -> Result<Plain, Unreadable> {
    let number = |names: &[String]| find(object, names).and_then(Value::as_f64);
    Ok(Plain {
        occupied: state(fields, object)?,
        time: find(object, &fields.time).map(time).transpose()?,
        boot: count(object, &fields.boot)?.unwrap_or(0),
        sequence: count(object, &fields.sequence)?,
        battery: number(&fields.battery),
        temperature: number(&fields.temperature),
        message_id: find(object, &fields.message_id)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        historical: flag(object, &fields.historical)?,
        startup: flag(object, &fields.startup)?,
    })
}

/// The first of these names that has a value.
fn find<'a>(object: &'a Map<String, Value>, names: &[String]) -> Option<&'a Value> {
    names.iter().filter_map(|name| object.get(name)).find(|value| !value.is_null())
}

/// The first field that says what stands there. A field of the same name may mean something else in another city
/// (`"status":"ok"`): it is an error only if no other field says it.
fn state(fields: &Fields, object: &Map<String, Value>) -> Result<Option<bool>, Unreadable> {
    let mut odd = None;
    for name in &fields.occupied {
        match object.get(name) {
            None | Some(Value::Null) => {}
            Some(value) => match fields.state_of(value) {
                Some(occupied) => return Ok(Some(occupied)),
                None => odd = odd.or(Some(name)),
            },
        }
    }
    match odd {
        Some(name) => Err(Unreadable::envelope(format!("{name} is neither occupied nor vacant"))),
        None => Ok(None),
    }
}

/// A time in text or in numbers.
///
/// # Errors
/// [`super::Cause::BadEnvelope`].
pub(super) fn time(value: &Value) -> Result<Timestamp, Unreadable> {
    let wrong = || Unreadable::envelope("the time is no instant");
    match value {
        Value::String(text) => text.parse().map_err(|_| wrong()),
        Value::Number(number) => {
            let number = number.as_f64().ok_or_else(wrong)?;
            let milliseconds = if number.abs() < MILLISECONDS_FROM { number * 1e3 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "what is too large is no instant")]
            Timestamp::from_millisecond(milliseconds as i64).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

fn count(object: &Map<String, Value>, names: &[String]) -> Result<Option<u64>, Unreadable> {
    let read = |value: &Value| {
        value.as_u64().ok_or_else(|| Unreadable::envelope("a count is no whole number"))
    };
    find(object, names).map(read).transpose()
}

fn flag(object: &Map<String, Value>, names: &[String]) -> Result<bool, Unreadable> {
    let read = |value: &Value| {
        value.as_bool().ok_or_else(|| Unreadable::envelope("a flag is neither true nor false"))
    };
    find(object, names).map_or(Ok(false), read)
}
