//! The event bus against a real NATS and a real Postgres.

#![expect(clippy::unwrap_used, reason = "tests")]

mod consumers;
mod dead_letters;
mod docs;
mod flashes;
mod followers;
mod losses;
mod relays;
mod runs;
mod world;
