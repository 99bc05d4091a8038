//! All SQL of the service: rows to domain and back.

pub mod delivery;
pub mod names;
pub mod notification;
pub mod operator;
pub mod place;
pub mod preferences;
pub mod replay;

/// A column that cannot be: somebody wrote to our tables.
fn broken(what: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(what.to_string().into())
}
