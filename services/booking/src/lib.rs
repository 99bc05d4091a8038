//! Booking: who has a spot when. It owns lots, floors, spots, tariffs and bookings, and is the only
//! writer of them.
//!
//! It never reads a sensor, never talks to a payment provider, and never answers "how many are
//! free": those are the matters of `sensor`, `payment` and `availability`, which learn from its
//! facts.
//!
//! Start reading at [`start`]; then a use case in `app`, which owns its transaction.

mod app;
mod config;
mod consumers;
mod convert;
mod domain;
pub mod error;
mod events;
mod grpc;
mod jobs;
mod start;
mod store;

pub use app::booking::FAILPOINTS;
pub use config::Config;
pub use consumers::BUS;
pub use domain::tariff;
pub use parkmesh_platform::serve::WatchLimits;
pub use start::{Deps, NAME, StartError, start};

/// The schema's migrations; run by `parkmesh migrate` together with those of the eventbus.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/booking");
