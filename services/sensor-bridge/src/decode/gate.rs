//! What a camera at a gate tells:
//! `{"plate":"B-PM 123","direction":"entry","confidence":93,"time":"2026-05-01T08:00:00Z","id":"7"}`.
//!
//! No error tells what stood there: a plate is personal.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::GateDirection;
use serde_json::{Map, Value};

use super::Unreadable;
use super::plain::time;

/// Where a camera stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The lot.
    pub lot_id: String,
    /// The gate, as the lot names it.
    pub gate_id: String,
}

impl Gate {
    /// What the operator knows it by.
    pub fn name(&self) -> String {
        format!("{}/{}", self.lot_id, self.gate_id)
    }
}

/// A plate, as a camera tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The plate.
    pub plate: String,
    /// Which way the car goes.
    pub direction: GateDirection,
    /// How sure the camera is.
    pub confidence_percent: Option<i32>,
    /// By the camera's clock.
    pub time: Option<Timestamp>,
    /// The camera's own id of the reading.
    pub message_id: String,
}

impl std::fmt::Debug for Sighting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sighting").field("direction", &self.direction).finish_non_exhaustive()
    }
}

/// Reads a message.
///
/// # Errors
/// [`super::Cause::BadEnvelope`].
pub fn decode(payload: &[u8]) -> Result<Sighting, Unreadable> {
    let object: Map<String, Value> = serde_json::from_slice(payload)
        .map_err(|_| Unreadable::envelope("what a camera says must be an object of JSON"))?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let plate = text("plate").ok_or_else(|| Unreadable::envelope("there is no plate"))?;
    let direction = match text("direction").map(str::to_ascii_lowercase).as_deref() {
        Some("entry" | "in") => GateDirection::Entry,
        Some("exit" | "out") => GateDirection::Exit,
        _ => return Err(Unreadable::envelope("the direction is neither entry nor exit")),
    };
    let id = object.get("id").filter(|id| !id.is_null());
    Ok(Sighting {
        plate: plate.to_owned(),
        direction,
        confidence_percent: object.get("confidence").and_then(Value::as_f64).and_then(percent),
        time: object.get("time").filter(|time| !time.is_null()).map(time).transpose()?,
        message_id: id
            .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
            .unwrap_or_default(),
    })
}

/// Whole percent, of percent or of a share of one; None outside of 0 to 100.
fn percent(number: f64) -> Option<i32> {
    let percent = if (0.0..=1.0).contains(&number) { number * 100.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
    (0.0..=100.0).contains(&percent).then_some(percent.round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sighting, Unreadable> {
        decode(text.as_bytes())
    }

    #[test]
    fn a_camera_says_plate_direction_confidence_time_and_id() {
        let said = read(
            r#"{"plate":"B-PM 123","direction":"Exit","confidence":0.934,"time":"2026-05-01T08:00:00Z","id":7}"#,
        );
        let said = said.expect("a sighting");
        assert_eq!((said.plate.as_str(), said.direction), ("B-PM 123", GateDirection::Exit));
        assert_eq!((said.confidence_percent, said.message_id.as_str()), (Some(93), "7"));
        assert!(said.time.is_some());
        let least = read(r#"{"plate":"B-PM 123","direction":"in","confidence":240}"#);
        let least = least.expect("a sighting");
        assert_eq!(
            (least.confidence_percent, least.time, least.message_id.as_str()),
            (None, None, "")
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_telling_the_plate() {
        for text in [
            "",
            "B-PM 123",
            r#"["B-PM 123"]"#,
            r#"{"direction":"entry"}"#,
            r#"{"plate":"B-PM 123"}"#,
            r#"{"plate":"B-PM 123","direction":"B-PM 123"}"#,
            r#"{"plate":"B-PM 123","direction":"in","time":"B-PM 123"}"#,
        ] {
            let error = read(text).expect_err(text);
            assert!(!error.detail.contains("PM"), "{}", error.detail);
        }
        let said = read(r#"{"plate":"B-PM 123","direction":"in"}"#).expect("a sighting");
        assert!(!format!("{said:?}").contains("PM"));
    }
}
