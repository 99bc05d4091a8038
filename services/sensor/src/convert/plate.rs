//! A plate as a camera sends it: made into marks at the door, so that nothing behind it knows the plate.

use parkmesh_contracts::ids::PlateReadId;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::time::{from_proto, to_proto};
use parkmesh_platform::auth::Caller;
use prost::Message;

use super::lot_id;
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
