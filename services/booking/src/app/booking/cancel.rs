//! CancelBooking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::transaction;

use super::{again, carry_out, reach, remember, sign};
use crate::app::App;
use crate::convert::inventory::id;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking::{self as store, read};
use crate::store::replay::{self, Request};

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
        let booking_id = id("booking_id", &request.booking_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&caller.subject, request_id, "CancelBooking", &request);
        let mut reach = reach(caller);
        reach.kiosk = false;
        let found = read::find(&self.pool, booking_id, &reach).await?;
        let found = found.ok_or(Error::BookingNotFound)?;
        // A driver may owe a fee for it; for what the operator takes back nobody does.
        let command = match found.booking.user_id == caller.subject {
            true => Command::Cancel(None),
            false => Command::Withdraw,
        };
        let answer = again(|| {
            let (ids, key, command) = (self.ids.clone(), key.clone(), command.clone());
            let caller = caller.clone();
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let kept = store::lock(connection, booking_id).await?;
                    if let Some(before) = replay::find(connection, &key).await? {
                        return Ok(before);
                    }
                    let now = store::now(&mut *connection).await?;
                    sign(connection, &caller).await?;
                    let booking = carry_out(connection, &ids, &kept, &command, now).await?;
                    let response =
                        proto::CancelBookingResponse { booking: Some((&booking).into()) };
                    remember(connection, &key, &response, now).await?;
                    Ok(response)
                })
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
