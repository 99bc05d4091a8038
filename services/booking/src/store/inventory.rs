//! Lots, tariffs, floors and spots in the database.

pub mod closure;
pub mod floor;
pub mod lot;
pub mod snapshot;
pub mod spot;
pub mod tariff;

use crate::error::Error;

/// A value of a row that no writer of ours can have written.
pub(super) fn broken(column: &str, why: impl std::fmt::Display) -> Error {
    Error::Broken(format!("column {column} cannot be read: {why}"))
}
