//! Payment: money. It authorises, captures and gives back, keeps the ledger and the receipts, and
//! is the only one that talks to a payment provider.
//!
//! It never guesses an outcome, never asks a provider inside a transaction, never asks twice with
//! two keys, and never sees a card number. It knows of bookings only what their facts say.
//!
//! What is asked of the provider is committed first (an intent), asked then, and its outcome
//! committed with ledger and fact in one transaction; the clockwork takes up what a crash left
//! open. Start reading at [`start`], then `domain::payment`, then `app::drive`.

mod app;
mod config;
mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod events;
mod grpc;
mod jobs;
pub mod provider;
mod start;
mod store;
mod webhook;

pub use app::FAILPOINTS;
pub use config::{Config, ProviderChoice, Secret};
pub use consumers::BUS;
pub use start::{Deps, StartError, start};

/// The schema's migrations; run by `parkmesh migrate` together with those of the eventbus.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/payment");
