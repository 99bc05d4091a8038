//! Facts between services: written with the change they tell of, published once the database has
//! them, acted on once by each consumer.
//!
//! The way of a fact: [`outbox`] row in the producer's transaction → [`relay`] → JetStream stream →
//! [`consumer`], whose handler writes an [`inbox`] row in the transaction of its effect. Readers that
//! keep a picture in memory [`follow`] a stream instead, and may hear of a fact in a [`flash`] ahead of
//! it. What a consumer cannot understand goes to [`deadletter`].
//!
//! Nothing is lost because a row leaves the outbox only a day after its acknowledgement, and nothing
//! is done twice because of the inbox. JetStream's own deduplication only saves work. Knows no
//! parking rule.

mod bus;
mod delivered;
mod headers;
mod publish;
mod streams;
mod turn;

pub mod access;
pub mod consumer;
pub mod deadletter;
pub mod flash;
pub mod follow;
pub mod inbox;
pub mod outbox;
pub mod relay;

pub use bus::{Bus, BusConfig, BusError, StreamState};
pub use delivered::{Delivered, Failure};
pub use streams::{DEAD_LETTERS, READINGS};

/// The points at which a process can be told to die, see [`parkmesh_platform::failpoint`].
pub const FAILPOINTS: [&str; 1] = [relay::PUBLISHED];

/// The tables `outbox`, `inbox` and `stream_position`, for the schema of every service. Numbers 1
/// to 99; a service's own migrations begin at 101.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/eventbus");
