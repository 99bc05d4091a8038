//! All SQL; rows to domain and back.

pub mod agreement;
pub mod books;
pub mod discrepancy;
pub mod ground;
pub mod lot;
pub mod plate;
pub mod quarantine;
pub mod row;
pub mod sensor;

use crate::error::Error;

/// A column that holds what it cannot hold.
fn broken(column: &str, what: impl std::fmt::Display) -> Error {
    Error::Broken(format!("sensor.{column}: {what}"))
}
