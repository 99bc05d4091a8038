//! ConfirmBooking: the money is set aside, then the hold becomes a reservation; that of a walk-in
//! becomes a session.
//!
//! Three steps, each of which may be the last that this process takes: the hold is marked (and kept
//! for the answer), payment is asked, the booking is reserved. No lock is held while payment answers.
//! Whoever repeats the call with the same id goes on where it stopped.

use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, PaymentId};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::failpoint;
use parkmesh_platform::postgres::{is_retryable, is_unavailable};
use uuid::Uuid;

use super::deed::{Deed, request_of};
use super::payment::Authorized;
use super::{cause, own};
use crate::app::App;
use crate::convert::inventory::id;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking::action::Waiting;
use crate::store::booking::read::Reach;
use crate::store::booking::{self as store, change, read};
use crate::store::replay::{self, Request};

/// Times that the last step is tried when the database is away: the money is set aside already.
const RESERVE_TRIES_MAX: u32 = 4;
pub(super) const RESERVE_WAIT: Duration = Duration::from_millis(200);

/// What a hold becomes when the money is there.
#[derive(Clone)]
pub(super) enum Goal {
    /// A reservation.
    Reservation(IfAsked),
    /// The session that this caller starts.
    Session(Caller),
}

/// What becomes of a hold whose card's bank wants its owner to act first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IfAsked {
    /// The card is refused: nobody is there to act.
    Refuse,
    /// It waits for the driver, and stands for another card when they refuse.
    Wait,
    /// It waits for the driver, and is given back when they refuse.
    WaitOrGiveBack,
}

impl Goal {
    /// What is done where the card's bank wants its owner to act first. At a barrier nobody can.
    const fn if_asked(&self) -> IfAsked {
        match self {
            Self::Reservation(if_asked) => *if_asked,
            Self::Session(_) => IfAsked::Refuse,
        }
    }

    /// Names the step of a request that brings it about.
    pub(super) const fn step(&self) -> &'static [u8] {
        match self {
            Self::Reservation(_) => b"confirm",
            Self::Session(_) => b"start",
        }
    }

    /// Who starts the session.
    const fn starter(&self) -> Option<&Caller> {
        match self {
            Self::Reservation(_) => None,
            Self::Session(caller) => Some(caller),
        }
    }

    fn command(&self, payment_id: Option<PaymentId>) -> Command {
        match self {
            Self::Reservation(_) => Command::Confirm(payment_id),
            Self::Session(caller) => Command::Start(payment_id, cause(caller)),
        }
    }
}

impl App {
    /// Sets the money aside and reserves.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn confirm_booking(
        &self,
        caller: &Caller,
        request: proto::ConfirmBookingRequest,
    ) -> Result<proto::ConfirmBookingResponse, Error> {
        let booking_id = id("booking_id", &request.booking_id)?;
        let key = request_of(caller, &request.request_id, "ConfirmBooking", &request)?;
        let (app, reach) = (self.clone(), own(caller));
        // A client that goes away while the provider thinks must not cut this in half.
        let confirming = self.tasks.detached(async move {
            let method = &request.payment_method;
            let goal = Goal::Reservation(IfAsked::Wait);
            app.confirm(&reach, &key, booking_id, method, &goal).await
        });
        confirming.await.map_err(|error| Error::Broken(error.to_string()))?
    }

    pub(super) async fn confirm(
        &self,
        reach: &Reach,
        key: &Request,
        booking_id: BookingId,
        payment_method: &str,
        goal: &Goal,
    ) -> Result<proto::ConfirmBookingResponse, Error> {
        if let Some(before) = self.confirmed(key).await? {
            return Ok(before);
        }
        let kept = read::find(&self.pool, booking_id, reach).await?;
        let mut booking = kept.ok_or(Error::BookingNotFound)?.booking;
        let attempt = attempt_of(booking_id, key, payment_method);
        if payment_method.is_empty() && booking.price.amount.minor > 0 {
            return Err(Error::field(
                "payment_method",
                "is required where there is something to pay",
            ));
        }
        let begun = change::begin_confirm(&self.pool, booking_id, &key.subject, attempt).await?;
        match begun {
            // A promo code may have made it cheaper since it was read.
            Some(minor) => booking.price.amount.minor = minor,
            None => return self.not_begun(key, booking_id, attempt).await,
        }
        failpoint::hit("booking.confirm.marked");
        if booking.price.amount.minor == 0 {
            return self.reserve(key, booking_id, attempt, None, goal).await.map(done);
        }
        let if_asked = goal.if_asked();
        let acts = if_asked != IfAsked::Refuse;
        match self.authorize(&booking, payment_method, attempt, acts).await {
            Authorized::Yes(payment_id) => {
                failpoint::hit("booking.confirm.authorized");
                self.reserve(key, booking_id, attempt, Some(payment_id), goal).await.map(done)
            }
            Authorized::Acts(act) => {
                let waiting = Waiting {
                    booking_id,
                    attempt,
                    payment_method: payment_method.to_owned(),
                    subject: key.subject.clone(),
                    request_id: key.request_id,
                    gives_up: if_asked == IfAsked::WaitOrGiveBack,
                };
                self.begin_action(key, waiting, act).await
            }
            Authorized::No(error) => {
                change::end_confirm(&self.pool, booking_id, attempt).await?;
                Err(error)
            }
            Authorized::Unknown => Err(Error::PaymentUnknown),
        }
    }

    /// The answer that a request to confirm has had before.
    async fn confirmed(
        &self,
        key: &Request,
    ) -> Result<Option<proto::ConfirmBookingResponse>, Error> {
        let mut connection = self.pool.acquire().await?;
        replay::find(&mut connection, key).await
    }

    /// Why the hold could not be marked.
    async fn not_begun(
        &self,
        key: &Request,
        booking_id: BookingId,
        attempt: Uuid,
    ) -> Result<proto::ConfirmBookingResponse, Error> {
        let booking = store::get(&self.pool, booking_id).await?.booking;
        // A twin of this request may have been faster.
        if let Some(before) = self.confirmed(key).await? {
            return Ok(before);
        }
        let now = store::now(&self.pool).await?;
        Err(match booking.state {
            BookingState::Held if booking.is_due(now) => Error::HoldExpired,
            BookingState::Held if booking.payment_attempt != Some(attempt) => Error::PaymentUnknown,
            BookingState::Held => Error::Crowded,
            BookingState::Expired => Error::HoldExpired,
            other => Error::BookingStateWrong(other),
        })
    }

    /// The last step. The money is there: it is either covered by the reservation or given back.
    async fn reserve(
        &self,
        key: &Request,
        booking_id: BookingId,
        attempt: Uuid,
        payment_id: Option<PaymentId>,
        goal: &Goal,
    ) -> Result<proto::Booking, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.reserve_once(key, booking_id, attempt, payment_id, goal).await {
                Ok(booking) => {
                    failpoint::hit("booking.confirm.committed");
                    self.relay.wake();
                    return Ok(booking);
                }
                Err(error) => error,
            };
            match error {
                Error::Store(error) if tries < RESERVE_TRIES_MAX && may_try_again(&error) => {
                    self.tasks.sleep(RESERVE_WAIT * tries).await;
                }
                // The outcome is not known: whoever repeats the call finds it out.
                Error::Store(error) => return Err(Error::Store(error)),
                refused => {
                    if let Some(payment_id) = payment_id {
                        self.give_back(payment_id);
                    }
                    return Err(refused);
                }
            }
        }
    }

    pub(super) async fn reserve_once(
        &self,
        key: &Request,
        booking_id: BookingId,
        attempt: Uuid,
        payment_id: Option<PaymentId>,
        goal: &Goal,
    ) -> Result<proto::Booking, Error> {
        let command = goal.command(payment_id);
        self.deed_once(goal.starter(), key, booking_id, move |mut deed: Deed<'_>| {
            let command = command.clone();
            Box::pin(async move {
                let booking = &deed.kept.booking;
                if payment_id.is_some() && booking.payment_id == payment_id {
                    // It covers the booking: never to be given back.
                    return Ok(booking.clone());
                }
                if booking.state == BookingState::Held && booking.payment_attempt != Some(attempt) {
                    return Err(Error::PaymentUnknown);
                }
                match deed.carry_out(&command).await {
                    Err(Error::BookingStateWrong(BookingState::Expired)) => Err(Error::HoldExpired),
                    outcome => outcome,
                }
            })
        })
        .await
    }
}

fn done(booking: proto::Booking) -> proto::ConfirmBookingResponse {
    proto::ConfirmBookingResponse { booking: Some(booking), payment_action: None }
}

/// The id of the authorisation: the same for every repetition of a request, another for another
/// card or another try.
pub(super) fn attempt_of(booking_id: BookingId, key: &Request, payment_method: &str) -> Uuid {
    let name = format!("authorize {} {payment_method}", key.request_id);
    Uuid::new_v5(&booking_id.as_uuid(), name.as_bytes())
}

pub(super) fn may_try_again(error: &sqlx::Error) -> bool {
    is_retryable(error) || is_unavailable(error)
}
