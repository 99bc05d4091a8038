//! Use cases: telling people, reading, watching.

use std::sync::Arc;

use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use sqlx::PgPool;

use crate::Config;

mod erase;
mod hub;
mod read;
mod tell;
mod watch;

pub use hub::Hub;
pub use tell::Told;

/// The service behind its doors. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) hub: Hub,
    pub(crate) relay: Relay,
}
