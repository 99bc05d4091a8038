//! Everything that this service refuses or fails with, and what a caller is told.

use std::time::Duration;

use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::{self, Details, Fault, Kind, invalid};
use parkmesh_platform::page::PageTokenInvalid;
use parkmesh_platform::postgres::{is_retryable, is_unavailable};

mod reasons;

pub use reasons::REASONS;

/// Who says so, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "notification.parkmesh";

/// When a caller may ask again after the store was away or a watch ended.
const RETRY_AFTER: Duration = Duration::from_secs(1);
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
    /// A request id that another request had.
    #[error("this request_id was used for another request")]
    RequestIdReused,
    /// Somebody changed the preferences meanwhile.
    #[error("the preferences have changed; read them again")]
    PreferencesVersionStale,
    /// No such lot, or not the caller's.
    #[error("no such lot")]
    LotNotFound,
    /// No such delivery, or not the caller's.
    #[error("no such delivery")]
    DeliveryNotFound,
    /// A watch has reached its age.
    #[error("the stream has reached its age; call again with the sequence last seen")]
    StreamExpired,
    /// The database failed or is away.
    #[error("the store failed")]
    Store(#[source] sqlx::Error),
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
            Self::PreferencesVersionStale => "PREFERENCES_VERSION_STALE",
            Self::LotNotFound => "LOT_NOT_FOUND",
            Self::DeliveryNotFound => "DELIVERY_NOT_FOUND",
            Self::StreamExpired => "STREAM_EXPIRED",
            Self::Store(error) => store_reason(error),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Store(_) => match self.kind() {
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
            Self::StreamExpired | Self::Store(_) if self.kind() != Kind::Internal => {
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
    use super::*;

    /// Only Postgres itself makes these; its codes stand in one place, above.
    const FROM_POSTGRES: [&str; 2] = ["STORE_BUSY", "STORE_TIMEOUT"];

    #[test]
    fn every_reason_is_in_the_list_and_the_list_has_no_other() {
        let all = [
            Error::Invalid(Vec::new()),
            Error::PageTokenInvalid,
            Error::RequestIdReused,
            Error::PreferencesVersionStale,
            Error::LotNotFound,
            Error::DeliveryNotFound,
            Error::StreamExpired,
            Error::Store(sqlx::Error::PoolTimedOut),
            Error::Store(sqlx::Error::RowNotFound),
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
