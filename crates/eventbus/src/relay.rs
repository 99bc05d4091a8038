//! The relay: takes committed facts out of the outbox and publishes them, in order, at least once.
//!
//! One relay per schema publishes; others stand by. Being the one is a Postgres session lock, and
//! everything is done on that session: when it dies, the lock and the right to mark rows die too.

mod position;
mod run;
mod store;

use std::sync::Arc;
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::bus::Bus;
use crate::flash;
use crate::outbox::Row;

/// The net for a commit whose wake was lost.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// Where a process can be told to die: facts are in their stream, and nothing says so yet.
pub(crate) const PUBLISHED: &str = "relay.published";
/// How often [`Relay::idle`] looks.
const IDLE_LOOK_PERIOD: Duration = Duration::from_millis(10);

/// A relay at work. Clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    wakes: Arc<Notify>,
    bus: Bus,
    pool: PgPool,
    tasks: Tasks,
}

impl Relay {
    /// Publishes what has been committed now and not at the next look, if another process does it, too. Call it
    /// after a commit; it costs nothing.
    pub fn wake(&self) {
        self.wakes.notify_one();
    }

    /// The same, and tells of these rows at once to whoever listens, see [`flash`]. They are committed.
    pub fn flash(&self, rows: &[Row]) {
        if !rows.is_empty() {
            self.wake();
            flash::tell(&self.bus, rows);
        }
    }

    /// Waits until everything committed so far is published: for settling a test.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn idle(&self) -> Result<(), sqlx::Error> {
        loop {
            self.wake();
            let waiting: bool =
                sqlx::query_scalar("SELECT EXISTS (SELECT FROM outbox WHERE publish_time IS NULL)")
                    .fetch_one(&self.pool)
                    .await?;
            if !waiting {
                return Ok(());
            }
            self.tasks.sleep(IDLE_LOOK_PERIOD).await;
        }
    }
}

/// Starts the relay of the schema that the pool's connections see. `source` is the service's name,
/// `booking`.
pub fn start(bus: &Bus, pool: &PgPool, source: &'static str, tasks: &Tasks) -> Relay {
    let relay =
        Relay { wakes: Arc::default(), bus: bus.clone(), pool: pool.clone(), tasks: tasks.clone() };
    let meters = run::Meters::new(source);
    let own = relay.clone();
    tasks.supervise("relay", move || {
        let (relay, meters) = (own.clone(), meters.clone());
        async move { run::run(&relay, source, &meters).await }
    });
    relay
}
