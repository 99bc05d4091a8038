//! Notification: messages to people. Each fact that concerns somebody becomes one message, however
//! often it arrives; people list their own, watch them and mark them as read.
//!
//! It decides nothing about bookings and money, and knows of them only what their facts say.
//!
//! Start reading at [`start`], then `domain::message`, then `app::tell`.

mod app;
mod config;
mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod events;
mod grpc;
mod jobs;
mod start;
mod store;

pub use config::Config;
pub use start::{Deps, start};

/// The schema's migrations; run by `parkmesh migrate` together with those of the eventbus.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/notification");
