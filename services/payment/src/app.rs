//! Use cases: one file per verb. They own their transactions, and no transaction holds a call of
//! the provider.

use std::sync::Arc;

use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::Config;
use crate::provider::Provider;

mod action;
mod authorize;
mod drive;
mod erase;
mod hear;
mod methods;
mod notice;
mod points;
mod read;
mod reconcile;
mod refund;
mod renew;
mod retry;
mod statement;
mod stuck;
mod take;

pub use authorize::Authorize;
pub use hear::News;
pub use methods::AskMethod;
pub use notice::Unheard;
pub use points::FAILPOINTS;
pub use read::Access;
pub use reconcile::AskReport;
pub use refund::AskRefund;
pub use retry::AskRetry;
pub use statement::AskStatement;

/// The service behind its doors. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) tasks: Tasks,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) relay: Relay,
    /// Told when an intent is committed that nobody drives: the clockwork takes it up at once.
    pub(crate) intents: Arc<Notify>,
    /// Told when a notice of the provider is kept.
    pub(crate) notices: Arc<Notify>,
}
