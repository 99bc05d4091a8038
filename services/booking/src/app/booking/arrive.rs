//! Arrivals: CheckIn, and what every arrival has in common, however it was noticed.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::constraint_of;
use sqlx::PgConnection;

use super::assign::assign;
use super::change::is_free;
use super::deed::{Deed, request_of};
use super::{carry_out, cause, reach};
use crate::app::App;
use crate::domain::booking::{Booking, Command, typed_code};
use crate::error::Error;
use crate::store::booking::{self as store, Kept, read};

impl App {
    /// Tells that the car is there: the driver by id or code, a kiosk or the operator of the lot by
    /// code or id. An arrival that the sensor has noticed already is answered with as it stands.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn check_in(
        &self,
        caller: &Caller,
        request: proto::CheckInRequest,
    ) -> Result<proto::CheckInResponse, Error> {
        let booking_id = self.key_of(caller, &request).await?;
        let key = request_of(caller, &request.request_id, "CheckIn", &request)?;
        let cause = cause(caller);
        let arriving = self.deed(caller, &key, booking_id, move |deed: Deed<'_>| {
            Box::pin(async move {
                let Deed { connection, ids, kept, now } = deed;
                arrive(connection, ids, kept, now, cause, now).await
            })
        });
        match arriving.await {
            Ok(booking) => Ok(proto::CheckInResponse { booking: Some(booking) }),
            // Somebody held the spot for the minutes before the start at this very moment.
            Err(Error::Store(error)) if constraint_of(&error) == Some("booking_no_overlap") => {
                let from = store::get(&self.pool, booking_id).await?.booking.start_time;
                Err(Error::ArrivalTooEarly { from })
            }
            Err(error) => Err(error),
        }
    }

    async fn key_of(
        &self,
        caller: &Caller,
        request: &proto::CheckInRequest,
    ) -> Result<BookingId, Error> {
        use proto::check_in_request::Key;
        let reach = reach(caller);
        let found = match &request.key {
            Some(Key::BookingId(text)) => {
                return Ok(self.within(text, &reach).await?.booking.booking_id);
            }
            Some(Key::Code(text)) => {
                read::find_by_code(&self.pool, &typed_code(text), &reach).await?
            }
            None => return Err(Error::field("key", "is required")),
        };
        found.ok_or(Error::BookingNotFound)
    }
}

/// Lets the car of a locked booking have come `at` that moment. A car that is early keeps the spot
/// from then on, if nobody else has it until the start.
///
/// # Errors
/// [`Error::ArrivalTooEarly`] also while somebody else has the spot; what the rules refuse; or the
/// store's.
pub async fn arrive(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    at: Timestamp,
    cause: Cause,
    now: Timestamp,
) -> Result<Booking, Error> {
    let given;
    let counts = kept.booking.state == BookingState::Reserved
        && at >= kept.booking.arrival_from(&kept.terms.policy);
    let kept = match counts && kept.booking.is_pending() {
        true => {
            given = assign(connection, ids, kept.clone(), at, now).await?;
            &given
        }
        false => kept,
    };
    let booking = &kept.booking;
    let early = Window::try_new(at, booking.window.start());
    if let (true, Ok(early)) = (counts, early) {
        let early = Booking { window: early, ..booking.clone() };
        if !is_free(connection, ids, kept, &early, now).await? {
            return Err(Error::ArrivalTooEarly { from: booking.window.start() });
        }
    }
    carry_out(connection, ids, kept, &Command::Arrive(at, cause), now).await
}
