//! MoveBooking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::auth::Caller;

use super::change::Wish;
use super::deed::request_of;
use super::own;
use crate::app::App;
use crate::convert::booking::window;
use crate::convert::inventory::id;
use crate::error::Error;

impl App {
    /// Gives a booking another spot or window before arrival: its driver's own.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn move_booking(
        &self,
        caller: &Caller,
        request: proto::MoveBookingRequest,
    ) -> Result<proto::MoveBookingResponse, Error> {
        let key = request_of(caller, &request.request_id, "MoveBooking", &request)?;
        let spot = match &request.spot {
            Some(spot) => Some((id("spot.spot_id", &spot.spot_id)?, spot.spot_version)),
            None => None,
        };
        let window = request.window.as_ref().map(|asked| window(Some(asked))).transpose()?;
        if spot.is_none() && window.is_none() {
            return Err(Error::field("spot", "or window is required"));
        }
        let found = self.within(&request.booking_id, &own(caller)).await?.booking;
        let disability_permit = request.disability_permit;
        let wish = Wish::Move { spot, window, disability_permit };
        let (booking_id, method) = (found.booking_id, request.payment_method);
        let booking = self.change(caller, key, booking_id, wish, method).await?;
        Ok(proto::MoveBookingResponse { booking: Some(booking) })
    }
}
