//! Notification: messages to people. Each fact that concerns somebody becomes one message, however
//! often it arrives; people list their own, watch them and mark them as read, and are sent them by mail and
//! webhook as they prefer. Operators are alerted.
//!
//! It decides nothing about bookings and money, and knows of them only what their facts say.
//!
//! Start reading at [`start`], then `domain::message`, then `app::tell` and `app::deliver`.

mod app;
mod config;
mod consumers;
mod convert;
pub mod domain;
pub mod error;
mod events;
mod grpc;
mod jobs;
mod mail;
mod start;
mod store;
mod webhook;

pub use config::{Config, WebhookConfig};
pub use consumers::BUS;
pub use mail::Mailer;
pub use start::{Deps, start};

/// The schema's migrations; run by `parkmesh migrate` together with those of the eventbus.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/notification");

/// What a webhook is signed with: `v1,` and the signature of id, time and body, as Standard Webhooks has it;
/// `None` where the secret is none. For those who check it.
pub fn webhook_signature(secret: &str, id: &str, time: &str, body: &str) -> Option<String> {
    webhook::sign(secret, id, time, body)
}
