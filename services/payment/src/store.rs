//! All SQL of the service: rows to domain and back.
//!
//! Locks are taken in one order: the booking's row of `booking_money`, then the payment, then the
//! counter of receipts.

pub mod booking;
pub mod chargeback;
pub mod ledger;
pub mod lot;
pub mod method;
pub mod notice;
pub mod payment;
pub mod person;
pub mod receipt;
pub mod reconcile;
pub mod refund;
pub mod renewal;
pub mod statement;
pub mod stuck;

use parkmesh_contracts::money::{Currency, Money};

/// A column that cannot be: somebody wrote to our tables.
fn broken(what: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(what.to_string().into())
}

fn money(minor: i64, currency: &str) -> Result<Money, sqlx::Error> {
    Ok(Money::new(minor, Currency::parse(currency).map_err(broken)?))
}
