//! What callers ask for, checked and turned into what is looked for.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::availability::v1::LotOrder;
use parkmesh_contracts::common::v1 as common;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId};
use parkmesh_contracts::time;
use parkmesh_contracts::window::{Window, WindowError};
use parkmesh_platform::fault::invalid;

use super::lot::words;
use crate::app::find::Find;
use crate::domain::places::Point;
use crate::error::Error;

/// Metres around a point where the caller does not say.
const RADIUS_DEFAULT_M: i32 = 2_000;

/// Minutes of a report's step where the caller does not say.
const STEP_DEFAULT_MINUTES: i64 = 60;

fn field(field: &str, why: impl ToString) -> Error {
    Error::Invalid(vec![invalid(field, why.to_string())])
}

/// A lot's id.
///
/// # Errors
/// [`Error::Invalid`].
pub fn lot_id(text: &str) -> Result<LotId, Error> {
    LotId::parse(text).map_err(|_| field("lot_id", "must be a UUID"))
}

/// A floor's id; none for an empty text.
///
/// # Errors
/// [`Error::Invalid`].
pub fn floor_id(text: &str) -> Result<Option<FloorId>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    FloorId::parse(text).map(Some).map_err(|_| field("floor_id", "must be a UUID"))
}

/// A window.
///
/// # Errors
/// [`Error::Invalid`].
pub fn window(asked: Option<&common::Window>) -> Result<Window, Error> {
    let asked = asked.ok_or(WindowError::Missing("start_time")).and_then(Window::try_from);
    asked.map_err(|error| field("window", error))
}

/// An instant.
///
/// # Errors
/// [`Error::Invalid`].
pub fn instant(name: &str, asked: Option<&prost_types::Timestamp>) -> Result<Timestamp, Error> {
    let asked = asked.ok_or_else(|| field(name, "is required"))?;
    time::from_proto(asked).map_err(|error| field(name, error))
}

/// Steps of a report; the rules of the request let only some lengths through.
#[must_use]
pub fn step(minutes: i32) -> SignedDuration {
    SignedDuration::from_mins(if minutes == 0 { STEP_DEFAULT_MINUTES } else { minutes.into() })
}

/// A type; none where it is not said.
#[must_use]
pub fn spot_type(asked: SpotType) -> Option<SpotType> {
    Some(asked).filter(|asked| *asked != SpotType::Unspecified)
}

/// Which lots are to be found, all but the page.
///
/// # Errors
/// [`Error::Invalid`] for a window that is none, and for an order by distance from nowhere.
pub fn find(request: &proto::FindLotsRequest, size: usize) -> Result<Find, Error> {
    let near = request.near.map(|near| {
        let radius =
            if request.radius_meters == 0 { RADIUS_DEFAULT_M } else { request.radius_meters };
        (Point { latitude: near.latitude, longitude: near.longitude }, f64::from(radius))
    });
    let order = match (request.order(), near) {
        (LotOrder::Distance, None) => {
            return Err(field("near", "is needed for an order by distance"));
        }
        (LotOrder::Unspecified, None) => LotOrder::Name,
        (LotOrder::Unspecified, Some(_)) => LotOrder::Distance,
        (order, _) => order,
    };
    Ok(Find {
        near,
        words: words(&request.text).collect(),
        window: request.window.as_ref().map(|asked| window(Some(asked))).transpose()?,
        spot_type: spot_type(request.spot_type()),
        order,
        free_only: request.free_only,
        after: None,
        size,
    })
}
