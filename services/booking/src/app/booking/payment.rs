//! The only calls that booking makes: setting money aside, and giving it back.

use std::time::Duration;

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::payment::v1 as payment;
use parkmesh_contracts::payment::v1::PaymentStatus;
use parkmesh_contracts::time::{from_proto, to_proto};
use parkmesh_platform::fault::{chain, metadata_of, reason_of};
use tonic::{Code, Status};
use uuid::Uuid;

use super::action::Act;
use crate::app::App;
use crate::domain::booking::Booking;
use crate::error::Error;
use crate::store::booking::difference::{self, Difference};

/// Times that money is given back before it is left to payment, which does it by itself when it
/// learns what became of the booking.
const VOID_TRIES_MAX: u32 = 5;
const VOID_WAIT: Duration = Duration::from_millis(200);

/// Times that payment is asked about a call that is under way already, and the wait between them: in
/// all longer than a call of payment is left alone that its process died over.
const IN_FLIGHT_TRIES_MAX: u32 = 40;
const IN_FLIGHT_WAIT: Duration = Duration::from_millis(250);

/// What the provider said, as far as it is known.
pub(super) enum Authorized {
    /// Set aside.
    Yes(PaymentId),
    /// Not before the driver has done this.
    Acts(Act),
    /// Not set aside, and never will be under this attempt.
    No(Error),
    /// Nobody knows; the same attempt asks again.
    Unknown,
}

impl App {
    /// Sets the price of a booking aside. The same attempt is the same authorisation, however often
    /// it is asked for. `action_allowed`: the driver can be sent to their bank's page.
    pub(super) async fn authorize(
        &self,
        booking: &Booking,
        payment_method: &str,
        attempt: Uuid,
        action_allowed: bool,
    ) -> Authorized {
        let request = self.asking(booking, booking.price.amount, payment_method, attempt);
        let start_time = Some(to_proto(booking.start_time));
        self.ask(payment::AuthorizePaymentRequest { action_allowed, start_time, ..request }).await
    }

    /// Sets a price difference of a booking aside, beside what covers it. A booking for which nothing
    /// was set aside yet is covered by this.
    pub(super) async fn authorize_difference(
        &self,
        booking: &Booking,
        difference: &Difference,
    ) -> Authorized {
        let (amount, method) = (difference.amount, &difference.payment_method);
        let request = self.asking(booking, amount, method, difference.attempt);
        let additional = difference.additional;
        self.ask(payment::AuthorizePaymentRequest { additional, ..request }).await
    }

    fn asking(
        &self,
        booking: &Booking,
        amount: Money,
        payment_method: &str,
        attempt: Uuid,
    ) -> payment::AuthorizePaymentRequest {
        payment::AuthorizePaymentRequest {
            request_id: attempt.to_string(),
            booking_id: booking.booking_id.to_string(),
            lot_id: booking.lot_id.to_string(),
            user_id: booking.user_id.to_string(),
            amount: Some(amount.into()),
            payment_method: payment_method.to_owned(),
            ..Default::default()
        }
    }

    async fn ask(&self, request: payment::AuthorizePaymentRequest) -> Authorized {
        for _ in 0..IN_FLIGHT_TRIES_MAX {
            match self.payment.clone().authorize_payment(request.clone()).await {
                Ok(response) => return authorized(response.into_inner()),
                // A twin of ours asks already, or a process of payment died over it a moment ago.
                Err(status) if reason_of(&status).as_deref() == Some("REQUEST_IN_FLIGHT") => {
                    self.tasks.sleep(IN_FLIGHT_WAIT).await;
                }
                Err(status) => return refused(&status),
            }
        }
        Authorized::Unknown
    }

    /// Gives back what was set aside for a booking that could not be confirmed. Goes on in the
    /// background: the caller need not wait for it.
    pub(super) fn give_back(&self, payment_id: PaymentId) {
        let app = self.clone();
        let _handle = self.tasks.detached(async move { app.void(payment_id).await });
    }

    /// The same for the difference of a change that does not come; the clockwork goes on where this
    /// stops.
    pub(super) fn give_back_difference(&self, attempt: Uuid, payment_id: PaymentId) {
        let app = self.clone();
        let _handle = self.tasks.detached(async move {
            if app.void(payment_id).await
                && let Err(error) = difference::end(&app.pool, attempt, false).await
            {
                tracing::debug!(%payment_id, error = %chain(&error), "a difference stays noted");
            }
        });
    }

    /// Gives back what was set aside. Whether there is certainly nothing left of it.
    pub(super) async fn void(&self, payment_id: PaymentId) -> bool {
        for attempt in 0..VOID_TRIES_MAX {
            let request = payment::VoidPaymentRequest { payment_id: payment_id.to_string() };
            match self.payment.clone().void_payment(request).await {
                Ok(_) => return true,
                Err(status) if is_final(status.code()) => {
                    tracing::info!(%payment_id, code = ?status.code(), "nothing to give back");
                    return true;
                }
                Err(status) => {
                    tracing::debug!(%payment_id, code = ?status.code(), "void failed");
                }
            }
            self.tasks.sleep(VOID_WAIT * 2_u32.pow(attempt)).await;
        }
        tracing::warn!(%payment_id, "not given back yet; payment does it by the booking's end");
        false
    }
}

fn authorized(response: payment::AuthorizePaymentResponse) -> Authorized {
    let Some(payment) = response.payment else { return Authorized::Unknown };
    let until = payment.action_expire_time.as_ref().and_then(|until| from_proto(until).ok());
    match (payment.status(), until) {
        (PaymentStatus::ActionRequired, Some(until)) => {
            Authorized::Acts(Act { url: payment.action_url, until })
        }
        (PaymentStatus::ActionRequired, None) => Authorized::Unknown,
        _ => payment.payment_id.parse().map_or(Authorized::Unknown, Authorized::Yes),
    }
}

/// A refusal is only taken for one where payment says so in its own words. Everything else may have
/// set the money aside.
fn refused(status: &Status) -> Authorized {
    match reason_of(status).as_deref() {
        Some("PAYMENT_DECLINED") => {
            let code = metadata_of(status, "decline_code").unwrap_or_default();
            Authorized::No(Error::PaymentDeclined { code })
        }
        Some("CARD_NUMBER_REFUSED" | "PAYMENT_METHOD_NOT_FOUND") => {
            Authorized::No(method_refused())
        }
        Some("BOOKING_CLOSED") => Authorized::No(Error::HoldExpired),
        _ if status.code() == Code::InvalidArgument => Authorized::No(method_refused()),
        reason => {
            tracing::warn!(code = ?status.code(), reason, "the outcome of a payment is not known");
            Authorized::Unknown
        }
    }
}

/// Payment does not take the method to its provider at all.
pub(super) fn method_refused() -> Error {
    Error::field(
        "payment_method",
        "must be a card on file or a token of the payment provider, never a card number",
    )
}

/// Asking again would get the same answer.
fn is_final(code: Code) -> bool {
    matches!(code, Code::NotFound | Code::FailedPrecondition | Code::InvalidArgument)
}
