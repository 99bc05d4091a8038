//! Batches of readings.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::plate::PlateKey;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::from_proto;
use parkmesh_platform::auth::Caller;
use prost::Message as _;

use super::plate::sightings;
use crate::app::apply::{Batch, Reading};
use crate::domain::order::{Heard, Previous};
use crate::domain::sensor::Stray;
use crate::error::Error;

/// What a batch says.
///
/// # Errors
/// [`Error::Invalid`] for a time that is no instant.
pub fn batch(
    key: &PlateKey,
    caller: &Caller,
    request: proto::StreamReadingsRequest,
) -> Result<Batch, Error> {
    let readings = request.readings.into_iter().enumerate();
    let strays = request.unreadable.into_iter().enumerate();
    Ok(Batch {
        readings: readings.map(|(index, said)| reading(index, said)).collect::<Result<_, _>>()?,
        strays: strays.map(|(index, frame)| stray(index, frame)).collect::<Result<_, _>>()?,
        plates: sightings(key, caller, request.plates)?,
    })
}

fn reading(index: usize, said: proto::Reading) -> Result<Reading, Error> {
    let time = |field: &str, time: Option<prost_types::Timestamp>| {
        instant(time, || format!("readings[{index}].{field}"))
    };
    let receive_time = time("receive_time", said.receive_time)?;
    let previous = said.previous_state_seconds.map(|seconds| Previous {
        least: SignedDuration::from_secs(i64::from(seconds)),
        slack: said.previous_state_slack_seconds.map(|s| SignedDuration::from_secs(i64::from(s))),
    });
    let raw = said.encode_to_vec();
    let heard = Heard {
        occupied: said.occupied,
        device_time: time("device_time", said.device_time)?,
        receive_time: receive_time.ok_or_else(|| missing("readings", index))?,
        boot: said.boot,
        sequence: said.sequence,
        battery_percent: said.battery_percent.and_then(|percent| percent.try_into().ok()),
        retained: said.retained,
        message: (!said.message_id.is_empty()).then(|| hash(said.message_id.as_bytes())),
        began: time("change_time", said.change_time)?,
        previous,
        unreachable: said.unreachable,
        startup: said.startup,
        faulty: said.faulty,
        battery_low: said.battery_low,
    };
    Ok(Reading { device_id: storable(said.device_id), heard, raw })
}

fn stray(index: usize, frame: proto::UnreadableFrame) -> Result<Stray, Error> {
    let receive_time = instant(frame.receive_time, || format!("unreadable[{index}].receive_time"))?;
    // A frame without a name is known by where it came.
    let (named, topic) = (!frame.device_id.is_empty(), storable(frame.topic));
    let device_id = match (named, topic.is_empty()) {
        (true, _) => storable(frame.device_id),
        (false, false) => topic.clone(),
        (false, true) => "?".to_owned(),
    };
    Ok(Stray {
        device_id,
        reason: storable(frame.reason),
        detail: storable(frame.detail),
        topic,
        payload: frame.payload,
        receive_time: receive_time.ok_or_else(|| missing("unreadable", index))?,
    })
}

fn missing(list: &str, index: usize) -> Error {
    Error::field(format!("{list}[{index}].receive_time"), "must be set")
}

fn instant(
    time: Option<prost_types::Timestamp>,
    field: impl Fn() -> String,
) -> Result<Option<Timestamp>, Error> {
    let time = time.as_ref().map(from_proto).transpose();
    time.map_err(|error| Error::field(field(), error.to_string()))
}

/// Postgres keeps no NUL in a text. No device that could be registered has one in its name, so
/// nobody is confused.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// FNV-1a: a message id needs no more than to differ from the last few of its device.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn a_name_with_nul_does_not_reach_the_database() {
        let said =
            proto::Reading { device_id: "a\0b".into(), receive_time: at(1), ..Default::default() };
        assert_eq!(reading(0, said).expect("a reading").device_id, "a\u{fffd}b");
    }

    #[test]
    fn a_frame_without_a_name_is_known_by_its_topic() {
        let frame = proto::UnreadableFrame {
            topic: "a/b".into(),
            receive_time: at(1),
            ..Default::default()
        };
        assert_eq!(stray(0, frame).expect("a frame").device_id, "a/b");
    }

    #[test]
    fn a_time_that_is_none_is_refused_by_its_field() {
        let device_time = Some(prost_types::Timestamp { seconds: 1, nanos: -1 });
        let said = proto::Reading { device_time, receive_time: at(1), ..Default::default() };
        let Err(Error::Invalid(found)) = reading(4, said) else { panic!("refused") };
        assert_eq!(found[0].field, "readings[4].device_time");
    }
}
