//! A stand-in payment provider over HTTP, with books of its own, so that it can judge what Parkmesh
//! did: it declines, fails, and answers too late, on demand. For development and proofs; never in
//! production. It knows no lot and no booking.
//!
//! `docs/sandbox.md` lists its calls, its test cards and its faults. Writes want an
//! `Idempotency-Key`; `GET /v1/ledger` shows both sides of every movement, and `GET /admin/verdict`
//! what the books say of whoever used it.
//!
//! Start reading at [`start`], then `http`, then [`domain::books`], which decides everything, and
//! `app::desk`, which writes many calls with one commit.

mod app;
mod config;
pub mod domain;
mod error;
mod http;
mod start;
mod store;

pub use config::{Config, Endpoint};
pub use start::{Deps, StartError, start};

/// The schema's migrations, for the schema `payment_sandbox`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment-sandbox");
