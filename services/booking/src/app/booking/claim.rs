//! ClaimSpot: the car stands on another spot than its booking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::constraint_of;

use super::arrive::arrive;
use super::change::is_free;
use super::deed::{Deed, request_of};
use super::hold::check_permit;
use super::{cause, own};
use crate::app::App;
use crate::convert::inventory::id;
use crate::domain::booking::{Booking, Command, Step, Target};
use crate::domain::closure::closed_until;
use crate::error::Error;
use crate::store::booking::{self as store};
use crate::store::inventory::{lot, spot};

impl App {
    /// Moves a booking that is due to the spot on which its driver stands, and begins the session.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn claim_spot(
        &self,
        caller: &Caller,
        request: proto::ClaimSpotRequest,
    ) -> Result<proto::ClaimSpotResponse, Error> {
        let key = request_of(caller, &request.request_id, "ClaimSpot", &request)?;
        let spot_id: SpotId = id("spot_id", &request.spot_id)?;
        let found = self.within(&request.booking_id, &own(caller)).await?.booking;
        let (permit, cause) = (request.disability_permit, cause(caller));
        let claiming = self.deed(caller, &key, found.booking_id, move |deed: Deed<'_>| {
            Box::pin(async move { claim(deed, spot_id, permit, cause).await })
        });
        match claiming.await {
            Ok(booking) => Ok(proto::ClaimSpotResponse { booking: Some(booking) }),
            // Somebody was faster at this very moment.
            Err(Error::Store(error)) if constraint_of(&error) == Some("booking_no_overlap") => {
                Err(Error::SpotTaken { extra: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }
}

/// The booking moves there, at the price that it has, and its car has come.
async fn claim(
    deed: Deed<'_>,
    spot_id: SpotId,
    disability_permit: bool,
    cause: proto::Cause,
) -> Result<Booking, Error> {
    let Deed { connection, ids, kept, now } = deed;
    let booking = &kept.booking;
    let mine = booking.spot_id().ok_or(Error::TicketFixed)?;
    if mine != spot_id {
        let from = booking.arrival_from(&kept.terms.policy);
        if booking.state == proto::BookingState::Reserved && now < from {
            return Err(Error::ArrivalTooEarly { from });
        }
        let spot = spot::lock(connection, spot_id).await?;
        if spot.lot_id != booking.lot_id {
            return Err(Error::SpotNotFound);
        }
        check_permit(spot.spot_type, disability_permit)?;
        let (window, price) = (booking.window, booking.price.clone());
        let target = Target { place: spot.place(), window, price };
        let command = Command::Move(Box::new(target), None);
        let Step::Changed(next, _) = booking.transition(&command, &kept.terms.policy, now)? else {
            return Err(Error::Broken("a claim changes nothing".to_owned()));
        };
        let lot = lot::get(&mut *connection, booking.lot_id).await?;
        let here = |scope: crate::domain::closure::Scope| scope.contains((spot.floor_id, spot_id));
        if let Some(until) = closed_until(&lot.closures, &window, here) {
            return Err(Error::SpotClosed(until));
        }
        // The car is there now, also before the window.
        let from = Window::try_new(now.min(window.start()), window.end()).unwrap_or(window);
        let from_now = Booking { window: from, ..(*next).clone() };
        if !is_free(connection, ids, kept, &from_now, now).await? {
            return Err(Error::SpotTaken { extra: Vec::new() });
        }
        if spot.out_of_service {
            return Err(Error::SpotOutOfService);
        }
        super::carry_out(connection, ids, kept, &command, now).await?;
    }
    let moved = store::lock(connection, booking.booking_id).await?;
    arrive(connection, ids, &moved, now, cause, now).await
}
