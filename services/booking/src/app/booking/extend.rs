//! ExtendBooking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::time;
use parkmesh_platform::auth::Caller;

use super::change::Wish;
use super::deed::request_of;
use super::own;
use crate::app::App;
use crate::error::Error;

impl App {
    /// Lets a booking end later: its driver's own.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn extend_booking(
        &self,
        caller: &Caller,
        request: proto::ExtendBookingRequest,
    ) -> Result<proto::ExtendBookingResponse, Error> {
        let key = request_of(caller, &request.request_id, "ExtendBooking", &request)?;
        let wrong = |why: String| Error::field("end_time", why);
        let end = request.end_time.ok_or_else(|| wrong("is required".to_owned()))?;
        let end = time::from_proto(&end).map_err(|error| wrong(format!("is none: {error}")))?;
        let found = self.within(&request.booking_id, &own(caller)).await?.booking;
        let (booking_id, method) = (found.booking_id, request.payment_method);
        let booking = self.change(caller, key, booking_id, Wish::Extend(end), method).await?;
        Ok(proto::ExtendBookingResponse { booking: Some(booking) })
    }
}
