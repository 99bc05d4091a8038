//! CancelBooking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::failpoint;

use super::deed::{command, request_of};
use super::reach;
use crate::app::App;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking::read::Reach;

impl App {
    /// Gives a hold or a reservation back before arrival: its owner, or the operator of the lot.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn cancel_booking(
        &self,
        caller: &Caller,
        request: proto::CancelBookingRequest,
    ) -> Result<proto::CancelBookingResponse, Error> {
        let key = request_of(caller, &request.request_id, "CancelBooking", &request)?;
        let reach = Reach { kiosk: false, ..reach(caller) };
        let found = self.within(&request.booking_id, &reach).await?.booking;
        // A driver may owe a fee for it; for what the operator takes back nobody does.
        let cancel = command(match found.user_id == caller.subject {
            true => Command::Cancel(None),
            false => Command::Withdraw,
        });
        let booking = self.deed(caller, &key, found.booking_id, cancel).await?;
        failpoint::hit("booking.cancel.committed");
        Ok(proto::CancelBookingResponse { booking: Some(booking) })
    }
}
