//! The only calls that booking makes: setting money aside, and giving it back.

use std::time::Duration;

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::payment::v1 as payment;
use parkmesh_platform::fault::{metadata_of, reason_of};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::app::App;
use crate::domain::booking::Booking;
use crate::error::Error;

/// Times that money is given back before it is left to payment, which does it by itself when it
/// learns what became of the booking.
const VOID_TRIES_MAX: u32 = 5;
const VOID_WAIT: Duration = Duration::from_millis(200);

/// What the provider said, as far as it is known.
pub(super) enum Authorized {
    /// Set aside.
    Yes(PaymentId),
    /// Not set aside, and never will be under this attempt.
    No(Error),
    /// Nobody knows; the same attempt asks again.
    Unknown,
}

impl App {
    /// Sets the price of a booking aside. The same attempt is the same authorisation, however often
    /// it is asked for.
    pub(super) async fn authorize(
        &self,
        booking: &Booking,
        payment_method: &str,
        attempt: Uuid,
    ) -> Authorized {
        let request = payment::AuthorizePaymentRequest {
            request_id: attempt.to_string(),
            booking_id: booking.booking_id.to_string(),
            lot_id: booking.lot_id.to_string(),
            user_id: booking.user_id.to_string(),
            amount: Some(booking.price.amount.into()),
            payment_method: payment_method.to_owned(),
        };
        match self.payment.clone().authorize_payment(request).await {
            Ok(response) => authorized(response.into_inner()),
            Err(status) => refused(&status),
        }
    }

    /// Gives back what was set aside for a booking that could not be confirmed. Goes on in the
    /// background: the caller need not wait for it.
    pub(super) fn give_back(&self, payment_id: PaymentId) {
        let app = self.clone();
        let _handle = self.tasks.detached(async move {
            for attempt in 0..VOID_TRIES_MAX {
                let request = payment::VoidPaymentRequest { payment_id: payment_id.to_string() };
                match app.payment.clone().void_payment(request).await {
                    Ok(_) => return,
                    Err(status) if is_final(status.code()) => {
                        tracing::info!(%payment_id, code = ?status.code(), "nothing to give back");
                        return;
                    }
                    Err(status) => {
                        tracing::debug!(%payment_id, code = ?status.code(), "void failed");
                    }
                }
                app.tasks.sleep(VOID_WAIT * 2_u32.pow(attempt)).await;
            }
            tracing::warn!(%payment_id, "not given back yet; payment does it by the booking's end");
        });
    }
}

fn authorized(response: payment::AuthorizePaymentResponse) -> Authorized {
    let payment_id = response.payment.and_then(|payment| payment.payment_id.parse().ok());
    payment_id.map_or(Authorized::Unknown, Authorized::Yes)
}

/// A refusal is only taken for one where payment says so in its own words. Everything else may have
/// set the money aside.
fn refused(status: &Status) -> Authorized {
    match reason_of(status).as_deref() {
        Some("PAYMENT_DECLINED") => {
            let code = metadata_of(status, "decline_code").unwrap_or_default();
            Authorized::No(Error::PaymentDeclined { code })
        }
        Some("CARD_NUMBER_REFUSED") => Authorized::No(method_refused()),
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
    Error::field("payment_method", "must be a token of the payment provider, not a card number")
}

/// Asking again would get the same answer.
fn is_final(code: Code) -> bool {
    matches!(code, Code::NotFound | Code::FailedPrecondition | Code::InvalidArgument)
}
