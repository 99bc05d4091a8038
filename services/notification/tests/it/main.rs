//! Notification against real Postgres and real NATS.
#![expect(clippy::unwrap_used, reason = "tests")]

mod erase;
mod reading;
mod telling;
mod watching;
mod world;
