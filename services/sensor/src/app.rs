//! Use cases. Each owns its transaction.

use std::sync::Arc;

use parkmesh_contracts::plate::PlateKey;
use parkmesh_eventbus::Bus;
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::WatchLimits;
use parkmesh_platform::tasks::Tasks;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;

use crate::domain::model::Models;
use crate::domain::sensor::{Sensor, Told};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::{events, store};
use due::Due;

pub mod apply;
pub mod compare;
pub mod due;
pub mod judge;
pub mod keep;
pub mod list;
pub mod passage;
pub mod reach;
pub mod read_plate;
pub mod register;
pub mod snapshot;
pub mod speak;
pub mod upkeep;
pub mod watch;

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The time.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// The service's own schema.
    pub pool: PgPool,
    /// To read positions.
    pub bus: Bus,
    /// To be woken after every commit that has written facts.
    pub relay: Relay,
    /// Where streams run; they end when the service stops.
    pub tasks: Tasks,
    /// The models as configured.
    pub models: Models,
    /// The pending changes that this process knows of.
    pub due: Arc<Due>,
    /// Keeps readings to look back at.
    pub keeper: keep::Keeper,
    /// What changes, for those who watch.
    pub changes: watch::Changes,
    /// What marks of plates are made with.
    pub plate_key: PlateKey,
    /// What booking lets pass, for the barriers.
    pub passages: passage::Passages,
    /// What is counted.
    pub metrics: Metrics,
    /// How watches run.
    pub watch_limits: WatchLimits,
    /// Turns of snapshots, [`snapshot::SNAPSHOTS_MAX`] of them.
    pub snapshots: Arc<Semaphore>,
}

/// Writes sensors back together with the facts of what became of their spots. In the caller's
/// transaction; once it is committed, the relay flashes what is returned.
async fn write_with_facts(
    connection: &mut PgConnection,
    app: &App,
    sensors: &[&Sensor],
    told: &[Told],
) -> Result<Vec<Row>, Error> {
    let now = app.clock.now();
    let facts: Vec<Row> = told.iter().map(|told| events::row(&app.ids, now, told)).collect();
    store::ground::write(connection, sensors.iter().copied(), &facts).await?;
    Ok(facts)
}
