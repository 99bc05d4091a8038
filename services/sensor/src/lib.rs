//! The truth of the ground: which device watches which spot, what it says, and what that means
//! after debouncing.
//!
//! It never asks who has a spot (that is booking's matter: it hears of sessions by booking's facts) and never talks MQTT (sensor-bridge
//! does). Nothing here is
//! forgotten by a kill: a batch of readings is acknowledged when its transaction has been
//! committed, and what is to
//! happen later stands as a time in a row.
//!
//! Start reading at `domain::ground`, the life of a spot; then `app::apply`, which commits batches.

mod app;
mod config;
mod consumers;
mod convert;
mod domain;
pub mod error;
mod events;
mod grpc;
mod jobs;
mod metrics;
mod start;
mod store;

pub use config::{Config, SettleMs};
pub use consumers::BUS;
pub use domain::model::{Models, Settle, model_names};
pub use parkmesh_platform::serve::WatchLimits;
pub use start::{Deps, NAME, StartError, start};

/// The schema's migrations; run by `parkmesh migrate` together with those of the eventbus.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/sensor");
