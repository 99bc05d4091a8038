//! Everything that this service refuses or fails with, and what a caller is told.

use std::time::Duration;

use parkmesh_contracts::money::Money;
use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::{self, Details, Fault, Kind, Precondition, invalid};
use parkmesh_platform::page::PageTokenInvalid;
use parkmesh_platform::postgres::{is_retryable, is_unavailable};

use crate::domain::{Refusal, Status};

mod reasons;

pub use reasons::REASONS;

/// Who says so, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "payment.parkmesh";

/// When a caller may ask again after the store was away or the provider silent.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// When the answer of a call that is under way may be there.
const RETRY_IN_FLIGHT: Duration = Duration::from_millis(500);
/// `lock_not_available`: nothing was done, once more may work.
const LOCKED: &str = "55P03";
/// `query_canceled`: our own statement_timeout.
const CANCELED: &str = "57014";

/// What went wrong. `Display` is the sentence for the caller, except where [`Fault::public`] hides
/// what is inside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that break a rule.
    #[error("{}", fault::sentence(.0))]
    Invalid(Vec<Violation>),
    /// A page token that is not ours, or of other arguments or another caller.
    #[error("page_token is not of this list; begin again without one")]
    PageTokenInvalid,
    /// The id was used for another request.
    #[error("request_id was used for another request; a new request needs a new id")]
    RequestIdReused,
    /// A card's number where a provider's token belongs.
    #[error("payment_method looks like a card number; send the provider's token, never a number")]
    CardNumberRefused,
    /// Not an operator.
    #[error("only an operator may do this")]
    OperatorRequired,
    /// No such payment, or somebody else's.
    #[error("there is no such payment")]
    PaymentNotFound,
    /// No such card on file, or somebody else's.
    #[error("there is no such payment method")]
    MethodNotFound,
    /// The provider does not know the token.
    #[error("the payment provider does not know this token")]
    MethodUnknown,
    /// So many cards and no more.
    #[error("no more cards can be kept; take one off file first")]
    MethodLimit,
    /// The provider does not answer.
    #[error("the payment provider does not answer; try again")]
    ProviderAway,
    /// No such lot for this operator.
    #[error("there is no such lot")]
    LotNotFound,
    /// Amounts that cannot be added up.
    #[error("the lot has earned in more than one currency; ask for days of one")]
    CurrenciesMixed,
    /// No such receipt (yet), or somebody else's.
    #[error("there is no receipt for this booking")]
    ReceiptNotFound,
    /// The payment's state does not allow it.
    #[error("the payment is {}", .0.word())]
    StateWrong(Status),
    /// More than was set aside.
    #[error("at most {0} was authorised")]
    AboveAuthorized(Money),
    /// More than is left of what was captured.
    #[error("at most {0} of it can be given back")]
    AboveCaptured(Money),
    /// Another refund of the payment is under way.
    #[error("another refund of this payment is under way; try again in a moment")]
    RefundInFlight,
    /// The provider will not give it back.
    #[error("the provider refused the refund; nothing was given back")]
    RefundFailed(String),
    /// The same request is being worked on at this moment.
    #[error("the same request is under way; repeat it in a moment")]
    RequestInFlight,
    /// The provider said no.
    #[error("the payment was declined; try another payment method")]
    Declined(String),
    /// The provider's answer is not known yet.
    #[error("the payment's outcome is not known yet; repeat with the same request_id")]
    Unknown,
    /// The booking is over: nothing is authorised for it any more.
    #[error("the booking is over; nothing was charged")]
    BookingClosed,
    /// The database failed or is away.
    #[error("the store failed")]
    Store(#[source] sqlx::Error),
    /// A row or an answer that cannot be; our mistake.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// One field that breaks a rule.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![invalid(field, description)])
    }
}

impl Status {
    /// The word in the database, in metadata and for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Captured => "captured",
            Self::Voided => "voided",
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        let reason = self.reason();
        let row = REASONS.iter().find(|(name, ..)| *name == reason);
        row.map_or(Kind::Internal, |(_, kind, _)| *kind)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "ARGUMENT_INVALID",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::CardNumberRefused => "CARD_NUMBER_REFUSED",
            Self::OperatorRequired => "OPERATOR_REQUIRED",
            Self::PaymentNotFound => "PAYMENT_NOT_FOUND",
            Self::ReceiptNotFound => "RECEIPT_NOT_FOUND",
            Self::MethodNotFound => "PAYMENT_METHOD_NOT_FOUND",
            Self::MethodUnknown => "PAYMENT_METHOD_UNKNOWN",
            Self::MethodLimit => "PAYMENT_METHOD_LIMIT_REACHED",
            Self::ProviderAway => "PROVIDER_UNAVAILABLE",
            Self::LotNotFound => "LOT_NOT_FOUND",
            Self::CurrenciesMixed => "CURRENCIES_MIXED",
            Self::StateWrong(_) => "PAYMENT_STATE_WRONG",
            Self::AboveAuthorized(_) => "AMOUNT_ABOVE_AUTHORIZED",
            Self::AboveCaptured(_) => "AMOUNT_ABOVE_CAPTURED",
            Self::RefundInFlight => "REFUND_IN_FLIGHT",
            Self::RefundFailed(_) => "REFUND_FAILED",
            Self::RequestInFlight => "REQUEST_IN_FLIGHT",
            Self::Declined(_) => "PAYMENT_DECLINED",
            Self::Unknown => "PAYMENT_UNKNOWN",
            Self::BookingClosed => "BOOKING_CLOSED",
            Self::Store(error) => store_reason(error),
            Self::Broken(_) => "INTERNAL",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Store(_) | Self::Broken(_) => match self.kind() {
                Kind::Internal => "internal error".to_owned(),
                Kind::Timeout => "it took too long".to_owned(),
                _ => "a part of the service is away; try again".to_owned(),
            },
            told => told.to_string(),
        }
    }

    fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::Invalid(violations) => details.violations.clone_from(violations),
            Self::PageTokenInvalid => {
                details.violations = vec![invalid("page_token", "is not of this list")];
            }
            Self::RequestIdReused => {
                details.violations = vec![invalid("request_id", "was used for another request")];
            }
            Self::CardNumberRefused => {
                details.violations = vec![invalid("payment_method", "must not be a card number")];
            }
            Self::StateWrong(status) => {
                details.metadata = vec![("status", status.word().to_owned())];
                details.preconditions = vec![Precondition {
                    kind: "PAYMENT_STATE",
                    subject: "payment".to_owned(),
                    description: self.to_string(),
                }];
            }
            Self::AboveAuthorized(amount) => {
                details.metadata = vec![("authorized", amount.to_string())];
            }
            Self::AboveCaptured(left) => {
                details.metadata = vec![("refundable", left.to_string())];
            }
            Self::RefundFailed(code) => details.metadata = vec![("failure_code", code.clone())],
            Self::RefundInFlight | Self::RequestInFlight => {
                details.retry_after = Some(RETRY_IN_FLIGHT);
            }
            Self::Declined(code) => details.metadata = vec![("decline_code", code.clone())],
            Self::Unknown | Self::ProviderAway | Self::Store(_)
                if self.kind() != Kind::Internal =>
            {
                details.retry_after = Some(RETRY_AFTER);
            }
            _ => {}
        }
        details
    }
}

fn store_reason(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|told| told.code());
    match code.as_deref() {
        Some(LOCKED) => "STORE_BUSY",
        Some(CANCELED) => "STORE_TIMEOUT",
        _ if is_retryable(error) => "STORE_BUSY",
        _ if is_unavailable(error) => "STORE_UNAVAILABLE",
        _ => "INTERNAL",
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::StateWrong(status) => Self::StateWrong(status),
            Refusal::AboveAuthorized(amount) => Self::AboveAuthorized(amount),
            Refusal::AboveCaptured(left) => Self::AboveCaptured(left),
            Refusal::RefundInFlight => Self::RefundInFlight,
            Refusal::AmountWrong => {
                Self::field("amount", "must be more than zero, in the currency of the payment")
            }
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        fault::to_status(DOMAIN, &error)
    }
}

impl From<PageTokenInvalid> for Error {
    fn from(_: PageTokenInvalid) -> Self {
        Self::PageTokenInvalid
    }
}

#[cfg(test)]
mod tests {
    use parkmesh_contracts::money::Currency;

    use super::*;

    /// Only Postgres itself makes these; its codes stand in one place, above.
    const FROM_POSTGRES: [&str; 2] = ["STORE_BUSY", "STORE_TIMEOUT"];

    #[test]
    fn every_reason_is_in_the_list_and_the_list_has_no_other() {
        let eur = Currency::parse("EUR").expect("a currency");
        let all = [
            Error::Invalid(Vec::new()),
            Error::PageTokenInvalid,
            Error::RequestIdReused,
            Error::CardNumberRefused,
            Error::OperatorRequired,
            Error::PaymentNotFound,
            Error::ReceiptNotFound,
            Error::MethodNotFound,
            Error::MethodUnknown,
            Error::MethodLimit,
            Error::ProviderAway,
            Error::LotNotFound,
            Error::CurrenciesMixed,
            Error::StateWrong(Status::Voided),
            Error::AboveAuthorized(Money::zero(eur)),
            Error::AboveCaptured(Money::zero(eur)),
            Error::RefundInFlight,
            Error::RefundFailed("charge_disputed".to_owned()),
            Error::RequestInFlight,
            Error::Declined("card_declined".to_owned()),
            Error::Unknown,
            Error::BookingClosed,
            Error::Store(sqlx::Error::PoolTimedOut),
            Error::Store(sqlx::Error::RowNotFound),
            Error::Broken("a row".to_owned()),
        ];
        let mut used: Vec<_> = all.iter().map(Fault::reason).chain(FROM_POSTGRES).collect();
        let mut listed: Vec<_> = REASONS.iter().map(|(name, ..)| *name).collect();
        used.sort_unstable();
        used.dedup();
        listed.sort_unstable();
        assert_eq!(used, listed);
    }

    #[test]
    fn what_is_inside_stays_inside() {
        let error = Error::Store(sqlx::Error::Protocol("table xyz".to_owned()));
        assert!(!error.public().contains("xyz"));
        assert_eq!(error.kind(), Kind::Unavailable);
    }
}
