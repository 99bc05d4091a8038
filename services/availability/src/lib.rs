//! Availability: the read picture. It owns nothing that cannot be rebuilt and never asks the
//! database, or anybody else, on a read.
//!
//! The picture lives in the memory of each replica ([`domain`]). It begins with snapshots of
//! booking and sensor, then follows their facts ([`consumers`]), runs its own clock ([`jobs`]) and
//! is written through to Redis ([`store`]), where a new replica finds something to answer with at
//! once. Start reading at [`app`].

pub mod app;
pub mod config;
pub mod consumers;
pub mod convert;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod jobs;
pub mod metrics;
pub mod opendata;
pub mod start;
pub mod store;
pub mod upstream;

pub use config::Config;
pub use consumers::BUS;
pub use error::{DOMAIN, Error, REASONS};
pub use start::{Deps, start};
