//! Use cases, one per call or event. Each owns its transaction.

use std::sync::Arc;

use jiff::SignedDuration;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_eventbus::Bus;
use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::seal::Sealer;
use parkmesh_platform::serve::WatchLimits;
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::sync::Semaphore;

pub mod booking;
pub mod erase;
pub mod forget;
pub mod inventory;
pub mod snapshot;
pub mod waitlist;

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The time. Expiry is judged by `park_now()` in the database instead, where a lock may be
    /// waited for.
    pub clock: Clock,
    /// Where ids and codes come from.
    pub ids: Ids,
    /// The service's own schema.
    pub pool: PgPool,
    /// Facts, to read positions and to follow.
    pub bus: Bus,
    /// To be woken after every commit that has written facts.
    pub relay: Relay,
    /// Turns of snapshots, [`snapshot::SNAPSHOTS_MAX`] of them.
    pub snapshots: Arc<Semaphore>,
    /// Lots and spots that holds have met.
    pub known: booking::known::Known,
    /// What marks of plates are made with.
    pub plate_key: PlateKey,
    /// What plates are sealed with: they are read at the door, and where a gate has read one.
    pub sealer: Sealer,
    /// How long after its end a booking's plate is kept.
    pub plate_keep: SignedDuration,
    /// How watches run.
    pub watch_limits: WatchLimits,
    /// Asks that wait to be written, in groups.
    pub groups: booking::group::Groups,
    /// How often drivers have asked for holds.
    pub churn: booking::churn::Churn,
    /// What losers are told instead.
    pub offers: booking::offers::Offers,
    /// Which bookings change, for the watches of this process.
    pub changes: booking::watch::Changes,
    /// Where streams run; they end when the service stops.
    pub tasks: Tasks,
    /// The only service that booking calls.
    pub payment: PaymentServiceClient<Channel>,
}
