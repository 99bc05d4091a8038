//! Notification against real Postgres and real NATS.
#![expect(clippy::unwrap_used, reason = "tests")]

mod alerting;
mod erase;
mod mailing;
mod preferring;
mod reading;
mod receiver;
mod reminding;
mod telling;
mod watching;
mod webhooks;
mod world;
