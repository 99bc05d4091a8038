//! The service as its callers see it, against a real Postgres and a real NATS.

#![expect(clippy::unwrap_used, reason = "tests")]

mod discrepancies;
mod health;
mod occupancy;
mod plates;
mod quarantine;
mod registration;
mod speakers;
mod watching;
mod world;
