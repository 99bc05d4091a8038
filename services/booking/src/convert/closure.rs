//! Closures: requests into closures, closures into messages.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::create_closure_request::Scope as Asked;
use parkmesh_contracts::ids::{ClosureId, LotId};
use parkmesh_contracts::time;
use parkmesh_contracts::validate::Violation;

use super::booking::window;
use super::inventory::{check_text, id, none_found};
use crate::domain::booking::Booking;
use crate::domain::closure::{Closure, Scope};
use crate::error::Error;

/// The closure that a request asks for, under this id.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::WindowInvalid`] also for a window that has ended.
pub fn closure(
    request: &proto::CreateClosureRequest,
    closure_id: ClosureId,
    lot_id: LotId,
    now: Timestamp,
) -> Result<Closure, Error> {
    let mut found: Vec<Violation> = Vec::new();
    check_text("reason", &request.reason, &mut found);
    none_found(found)?;
    let scope = match &request.scope {
        None => Scope::Lot,
        Some(Asked::FloorId(text)) => Scope::Floor(id("floor_id", text)?),
        Some(Asked::SpotId(text)) => Scope::Spot(id("spot_id", text)?),
    };
    let window = window(request.window.as_ref())?;
    if window.end() <= now {
        return Err(Error::WindowInvalid("must not have ended".to_owned()));
    }
    let reason = request.reason.clone();
    Ok(Closure { closure_id, lot_id, scope, window, reason, create_time: now })
}

impl From<&Closure> for proto::Closure {
    fn from(closure: &Closure) -> Self {
        Self {
            closure_id: closure.closure_id.to_string(),
            lot_id: closure.lot_id.to_string(),
            floor_id: closure.scope.floor_id().map(|id| id.to_string()).unwrap_or_default(),
            spot_id: closure.scope.spot_id().map(|id| id.to_string()).unwrap_or_default(),
            window: Some(closure.window.into()),
            reason: closure.reason.clone(),
            create_time: Some(time::to_proto(closure.create_time)),
        }
    }
}

/// A booking that a closure meets.
pub fn met(booking: &Booking) -> proto::MetBooking {
    proto::MetBooking {
        booking_id: booking.booking_id.to_string(),
        spot_id: booking.spot_id().map(|id| id.to_string()).unwrap_or_default(),
        window: Some(booking.window.into()),
        state: booking.state.into(),
    }
}
