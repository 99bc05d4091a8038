//! Use cases: telling people, reminding them, reading, watching, preferring, delivering.

use std::sync::Arc;

use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use sqlx::PgPool;

use crate::Config;
use crate::mail::Mailer;
use crate::webhook;

mod alert;
mod deliver;
mod erase;
mod hub;
mod operator;
mod outgoing;
mod preferences;
mod read;
mod remind;
mod resend;
mod tell;
mod watch;
mod write;

pub use alert::Alarm;
pub use deliver::Meter;
pub use hub::Hub;
pub use operator::Operators;
pub use outgoing::Outgoing;
pub use tell::{Booked, Told};

/// The service behind its doors. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) hub: Hub,
    pub(crate) operators: Operators,
    pub(crate) relay: Relay,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) webhooks: webhook::Caller,
    pub(crate) outgoing: Outgoing,
}
