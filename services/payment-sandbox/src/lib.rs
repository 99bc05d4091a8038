//! A stand-in payment provider over HTTP, with books of its own, so that it can judge what Parkmesh
//! did: it declines, fails, and answers too late, on demand. For development and proofs; never in
//! production. It knows no lot and no booking.
//!
//! `POST /v1/authorizations`, `POST /v1/authorizations/{id}/capture` and `…/void` want an
//! `Idempotency-Key`; `GET /v1/authorizations?reference=…` finds by the merchant's own id; `GET
//! /v1/ledger` shows both sides of every movement. What a payment method does stands in
//! [`domain::Behaviour`].
//!
//! Start reading at [`start`], then `http`.

mod app;
mod config;
pub mod domain;
mod error;
mod http;
mod start;
mod store;

pub use config::Config;
pub use start::{Deps, start};

/// The schema's migrations, for the schema `payment_sandbox`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment-sandbox");
