//! CreateBooking: hold and confirm in one call.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::BookingId;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::transaction;

use super::confirm::{Goal, IfAsked};
use super::deed::request_of;
use super::payment::method_refused;
use super::{carry_out, own};
use crate::app::App;
use crate::convert::booking::{Wanted, hold_of};
use crate::convert::inventory::id;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking as store;
use crate::store::booking::read::Reach;
use crate::store::replay::{self, Request};

/// Stands in place of a provider's decline where payment would not even ask the provider.
const METHOD_REFUSED: &str = "payment_method_refused";

impl App {
    /// Holds and confirms. A decline gives the spot back at once.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn create_booking(
        &self,
        caller: &Caller,
        request: proto::CreateBookingRequest,
    ) -> Result<proto::CreateBookingResponse, Error> {
        let wanted = Wanted::try_from(&hold_of(&request))?;
        let key = request_of(caller, &request.request_id, "CreateBooking", &request)?;
        let (app, reach) = (self.clone(), own(caller));
        let creating = self.tasks.detached(async move {
            let method = &request.payment_method;
            let goal = Goal::Reservation(IfAsked::WaitOrGiveBack);
            app.create(&reach, &key, &wanted, method, &goal).await
        });
        let confirmed = creating.await.map_err(|error| Error::Broken(error.to_string()))??;
        let proto::ConfirmBookingResponse { booking, payment_action } = confirmed;
        Ok(proto::CreateBookingResponse { booking, payment_action })
    }

    /// Holds, and makes of the hold what is wanted. The request's own row remembers the hold; a second
    /// one, whose id is derived, the confirmation. A repetition finds both, or goes on where the first call stopped.
    pub(super) async fn create(
        &self,
        reach: &Reach,
        key: &Request,
        wanted: &Wanted,
        payment_method: &str,
        goal: &Goal,
    ) -> Result<proto::ConfirmBookingResponse, Error> {
        let held = self.hold(key, wanted).await?;
        let booking_id: BookingId = id("booking_id", &held.booking_id)?;
        let confirmed = replay::step(key.request_id, goal.step());
        let confirm = Request { request_id: confirmed, ..key.clone() };
        match self.confirm(reach, &confirm, booking_id, payment_method, goal).await {
            Err(Error::PaymentDeclined { code }) => {
                self.give_up(booking_id, &code).await?;
                Err(Error::PaymentDeclined { code })
            }
            // Whoever corrects it asks with another id, and must not find the spot taken by this one.
            Err(Error::Invalid(found)) => {
                self.give_up(booking_id, METHOD_REFUSED).await?;
                Err(Error::Invalid(found))
            }
            Err(Error::BookingStateWrong(BookingState::Cancelled)) => {
                // The first call may have ended with a decline: then that is the answer.
                let declined = self.stands(&held).await?.booking.decline_code;
                Err(match declined {
                    Some(code) if code == METHOD_REFUSED => method_refused(),
                    Some(code) => Error::PaymentDeclined { code },
                    None => Error::BookingStateWrong(BookingState::Cancelled),
                })
            }
            other => other,
        }
    }

    async fn give_up(&self, booking_id: BookingId, decline_code: &str) -> Result<(), Error> {
        let (ids, command) = (self.ids.clone(), Command::Cancel(Some(decline_code.to_owned())));
        let outcome = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let kept = store::lock(connection, booking_id).await?;
                let now = store::now(&mut *connection).await?;
                carry_out(connection, &ids, &kept, &command, now).await
            })
        })
        .await;
        self.relay.wake();
        match outcome {
            // It has ended by itself meanwhile, which gives the spot back as well.
            Ok(_) | Err(Error::BookingStateWrong(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
