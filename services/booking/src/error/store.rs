//! What an error of the database means to a caller.

use super::Error;

/// `serialization_failure`, `deadlock_detected`, `lock_not_available`: nothing was done, once more may work.
const BUSY: &[&str] = &["40001", "40P01", "55P03"];
/// `query_canceled`: mostly our own statement_timeout.
const CANCELED: &str = "57014";
/// Classes of SQLSTATE that say that the server cannot serve now: connection, resources, operator, system.
const AWAY_CLASSES: &[&str] = &["08", "53", "57", "58"];

/// The reason of a database error that no constraint explains.
pub(super) fn reason(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Database(told) => match told.code().as_deref() {
            Some(code) if BUSY.contains(&code) => "STORE_BUSY",
            Some(CANCELED) => "STORE_TIMEOUT",
            Some(code) if AWAY_CLASSES.iter().any(|class| code.starts_with(class)) => {
                "STORE_UNAVAILABLE"
            }
            _ => "INTERNAL",
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => "STORE_UNAVAILABLE",
        _ => "INTERNAL",
    }
}

/// A constraint's name becomes the domain's word; what has no word stays a store error.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error.as_database_error().and_then(|told| told.constraint());
        match constraint {
            Some("floor_number_once") => Self::FloorNumberTaken,
            Some("spot_number_once") => Self::SpotNumberTaken(Vec::new()),
            _ => Self::Store(error),
        }
    }
}
