//! What a card's bank has its owner do before the money is set aside (3-D Secure). The hold is kept
//! meanwhile, for a bounded time, and becomes a reservation by itself when it is done: payment tells by
//! a fact, and is asked now and then in case that is late. Nobody need call again.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, PaymentId};
use parkmesh_contracts::time;
use parkmesh_platform::failpoint;
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres::transaction;

use super::confirm::{Goal, IfAsked};
use super::payment::Authorized;
use super::{carry_out, remember};
use crate::app::App;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking as store;
use crate::store::booking::action::{self, Waiting};
use crate::store::replay::{self, Request};

/// Holds that one tick looks after.
const BATCH_MAX: i64 = 50;
/// How often they are looked after.
pub const PERIOD: Duration = Duration::from_secs(1);
/// Names the step of a request that reserves when the driver has acted.
const ACTED: &[u8] = b"acted";
/// Stands in place of a provider's decline where payment gives none.
const REFUSED: &str = "payment_method_refused";

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Act {
    /// The provider's page.
    pub url: String,
    /// When it is given up.
    pub until: Timestamp,
}

impl App {
    /// Notes that a hold waits for its driver, keeps it, and keeps the answer.
    pub(super) async fn begin_action(
        &self,
        key: &Request,
        waiting: Waiting,
        act: Act,
    ) -> Result<proto::ConfirmBookingResponse, Error> {
        let key = key.clone();
        let answer = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let mut kept = store::lock(connection, waiting.booking_id).await?;
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let now = store::now(&mut *connection).await?;
                let booking = &mut kept.booking;
                match booking.state {
                    BookingState::Held if booking.is_due(now) => return Err(Error::HoldExpired),
                    BookingState::Held if booking.payment_attempt == Some(waiting.attempt) => {}
                    BookingState::Held => return Err(Error::PaymentUnknown),
                    BookingState::Expired => return Err(Error::HoldExpired),
                    other => return Err(Error::BookingStateWrong(other)),
                }
                let until = action::begin(connection, &waiting, act.until).await?;
                let answer = proto::ConfirmBookingResponse {
                    booking: Some((&*booking).into()),
                    payment_action: Some(proto::PaymentAction {
                        action_url: act.url,
                        expire_time: Some(time::to_proto(until)),
                    }),
                };
                remember(connection, &key, &answer, now).await?;
                Ok(answer)
            })
        })
        .await?;
        failpoint::hit("booking.action.committed");
        Ok(answer)
    }

    /// What came of it is to be asked now.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_at_action(&self, booking_id: BookingId) -> Result<(), Error> {
        action::look(&self.pool, booking_id).await
    }

    /// Asks payment what came of those that are due; how many there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish_actions(&self) -> Result<usize, Error> {
        let due = action::claim_due(&self.pool, BATCH_MAX).await?;
        for waiting in &due {
            if let Err(error) = self.finish_action(waiting).await {
                let (booking_id, error) = (waiting.booking_id, chain(&error));
                tracing::info!(%booking_id, error, "a hold goes on waiting for its driver");
            }
        }
        Ok(due.len())
    }

    async fn finish_action(&self, waiting: &Waiting) -> Result<(), Error> {
        let booking = store::get(&self.pool, waiting.booking_id).await?.booking;
        let (method, attempt) = (&waiting.payment_method, waiting.attempt);
        match self.authorize(&booking, method, attempt, true).await {
            Authorized::Yes(payment_id) => {
                failpoint::hit("booking.action.authorized");
                self.reserve_acted(waiting, payment_id).await?;
            }
            Authorized::No(error) => self.refuse_acted(waiting, error).await?,
            Authorized::Acts(_) | Authorized::Unknown => return Ok(()),
        }
        action::end(&self.pool, waiting).await
    }

    /// The driver has done it, and the money is set aside.
    async fn reserve_acted(&self, waiting: &Waiting, payment_id: PaymentId) -> Result<(), Error> {
        let (booking_id, attempt) = (waiting.booking_id, waiting.attempt);
        let step = replay::step(waiting.request_id, ACTED);
        let key = Request::of(&waiting.subject, step, "ConfirmBooking", &());
        let goal = Goal::Reservation(IfAsked::Wait);
        match self.reserve_once(&key, booking_id, attempt, Some(payment_id), &goal).await {
            Ok(_) => self.relay.wake(),
            // They pay otherwise meanwhile, perhaps with this very money.
            Err(Error::PaymentUnknown) => {}
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(refused) => {
                tracing::info!(%booking_id, error = chain(&refused), "what was set aside comes too late");
                self.give_back(payment_id);
            }
        }
        Ok(())
    }

    /// The card is refused after all: the spot goes back where this very call had taken it; else the hold
    /// stands for another card.
    async fn refuse_acted(&self, waiting: &Waiting, error: Error) -> Result<(), Error> {
        let code = match error {
            Error::PaymentDeclined { code } => code,
            _ => REFUSED.to_owned(),
        };
        let (ids, waiting) = (self.ids.clone(), waiting.clone());
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let kept = store::lock(connection, waiting.booking_id).await?;
                let now = store::now(&mut *connection).await?;
                let booking = &kept.booking;
                let over = booking.state != BookingState::Held || booking.is_due(now);
                if over || booking.payment_attempt != Some(waiting.attempt) {
                    return Ok(());
                }
                let command = match waiting.gives_up {
                    true => Command::Cancel(Some(code)),
                    false => Command::Decline(code),
                };
                carry_out(connection, &ids, &kept, &command, now).await.map(drop)
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }
}
