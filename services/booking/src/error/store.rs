//! What an error of the database means to a caller.

use std::sync::Arc;

use parkmesh_platform::postgres::{constraint_of, is_retryable, is_unavailable};

use super::Error;

/// `lock_not_available`: nothing was done, once more may work.
const LOCKED: &str = "55P03";
/// `query_canceled`: our own statement_timeout.
const CANCELED: &str = "57014";

/// The reason of a database error that no constraint explains.
pub(super) fn reason(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|told| told.code());
    match code.as_deref() {
        Some(LOCKED) => "STORE_BUSY",
        Some(CANCELED) => "STORE_TIMEOUT",
        _ if is_retryable(error) => "STORE_BUSY",
        _ if is_unavailable(error) => "STORE_UNAVAILABLE",
        _ => "INTERNAL",
    }
}

/// A constraint's name becomes the domain's word; what has no word stays a store error.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match constraint_of(&error) {
            Some("floor_number_once") => Self::FloorNumberTaken,
            Some("spot_number_once") => Self::SpotNumberTaken(Vec::new()),
            _ => Self::Store(Arc::new(error)),
        }
    }
}
