//! A plate as a camera sends it: made into marks at the door, so that nothing behind it knows the plate.

use parkmesh_contracts::ids::{LotId, PlateReadId};
use parkmesh_contracts::plate::PlateKey;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::{from_proto, to_proto};
use parkmesh_platform::auth::Caller;
use prost::Message;

use super::lot_id;
use super::readings::storable;
use crate::domain::plate::PlateRead;
use crate::error::Error;
use crate::store::plate::{Acknowledged, Asked};

/// What is asked, and the reading.
///
/// # Errors
/// [`Error::Invalid`]; it never tells the plate.
pub fn plate_read(
    key: &PlateKey,
    caller: &Caller,
    request: proto::SubmitPlateReadRequest,
) -> Result<(Asked, PlateRead), Error> {
    let request_id = request.request_id.parse();
    let asked = Asked {
        subject: caller.subject.clone(),
        request_id: request_id.map_err(|_| Error::field("request_id", "must be a UUID"))?,
        body_mark: key.mark("request", &request.encode_to_vec()),
    };
    let marks = key.marks(&request.plate);
    let read_time = request.read_time.as_ref().map(from_proto).transpose();
    if request.gate_id.contains('\0') {
        return Err(Error::field("gate_id", "must not hold a NUL character"));
    }
    let read = PlateRead {
        lot_id: lot_id(&request.lot_id)?,
        direction: request.direction(),
        marks: marks.ok_or_else(|| Error::field("plate", "must have 2 to 12 letters or digits"))?,
        confidence_percent: request.confidence_percent,
        read_time: read_time.map_err(|error| Error::field("read_time", error.to_string()))?,
        gate_id: request.gate_id,
    };
    Ok((asked, read))
}

/// The plates of a batch.
///
/// # Errors
/// [`Error::Invalid`]; it never tells the plate.
pub fn sightings(
    key: &PlateKey,
    caller: &Caller,
    seen: Vec<proto::PlateSighting>,
) -> Result<Vec<(Asked, PlateRead)>, Error> {
    let seen = seen.into_iter().enumerate();
    seen.map(|(index, one)| sighting(key, caller, index, one)).collect()
}

fn sighting(
    key: &PlateKey,
    caller: &Caller,
    index: usize,
    mut seen: proto::PlateSighting,
) -> Result<(Asked, PlateRead), Error> {
    let wrong = |field: &str, what: String| Error::field(format!("plates[{index}].{field}"), what);
    let told = seen.read_time.or(seen.receive_time);
    // A message that comes again is heard again, at another time.
    if seen.read_time.is_some() || !seen.message_id.is_empty() {
        seen.receive_time = None;
    }
    let body_mark = key.mark("sighting", &seen.encode_to_vec());
    let asked = Asked {
        subject: caller.subject.clone(),
        request_id: uuid::Uuid::from_bytes(body_mark).into(),
        body_mark,
    };
    let read_time = told.as_ref().map(from_proto).transpose();
    let marks = key.marks(&seen.plate);
    let what = "must have 2 to 12 letters or digits";
    let read = PlateRead {
        lot_id: LotId::parse(&seen.lot_id).map_err(|e| wrong("lot_id", e.to_string()))?,
        direction: seen.direction(),
        marks: marks.ok_or_else(|| wrong("plate", what.to_owned()))?,
        confidence_percent: seen.confidence_percent,
        read_time: read_time.map_err(|e| wrong("read_time", e.to_string()))?,
        gate_id: storable(seen.gate_id),
    };
    Ok((asked, read))
}

/// The id of a reading.
///
/// # Errors
/// [`Error::Invalid`].
pub fn plate_read_id(text: &str) -> Result<PlateReadId, Error> {
    PlateReadId::parse(text).map_err(|error| Error::field("plate_read_id", error.to_string()))
}

/// What a barrier said, as protos show it.
pub fn acknowledged(said: &Acknowledged) -> proto::AcknowledgePassageResponse {
    proto::AcknowledgePassageResponse {
        opened: said.opened,
        acknowledge_time: Some(to_proto(said.time)),
    }
}
