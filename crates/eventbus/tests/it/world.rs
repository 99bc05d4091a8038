//! What every test here has: a database, streams, and spots whose facts it tells.

use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_eventbus::relay::{self, Relay};
use parkmesh_eventbus::{Bus, consumer, inbox};
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{TestDatabase, test_bus};
use sqlx::PgPool;
use uuid::Uuid;

pub const STREAM: &str = "SENSOR";

pub struct World {
    pub clock: Clock,
    pub ids: Ids,
    pub tasks: Tasks,
    pub pool: PgPool,
    pub bus: Bus,
    pub lot: LotId,
    _db: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let db = TestDatabase::create("sensor", &[&parkmesh_eventbus::MIGRATIONS]).await;
        let pool = db.pool(&clock).await;
        let tasks = Tasks::new(&clock);
        let bus = test_bus(&clock, &ids).await;
        sqlx::query("CREATE TABLE effect (fact_id uuid, version bigint, place bigint GENERATED ALWAYS AS IDENTITY)")
            .execute(&pool)
            .await
            .unwrap();
        let lot = ids.next();
        Self { clock, ids, tasks, pool, bus, lot, _db: db }
    }

    pub fn relay(&self) -> Relay {
        relay::start(&self.bus, &self.pool, "sensor", &self.tasks)
    }

    pub fn row(&self, spot: Uuid, version: i64) -> Row {
        let fact = SpotOccupied {
            lot_id: self.lot.to_string(),
            spot_id: spot.to_string(),
            version,
            ..SpotOccupied::default()
        };
        Row::of(&self.ids, self.clock.now(), spot, version, &fact)
    }

    pub async fn commit(&self, rows: Vec<Row>) {
        let work = postgres::transaction(&self.pool, |connection| {
            Box::pin(async move { outbox::append(connection, &rows).await })
        });
        work.await.unwrap();
    }

    /// Commits facts of one spot with these versions.
    pub async fn tell(&self, spot: Uuid, versions: impl IntoIterator<Item = i64>) {
        self.commit(versions.into_iter().map(|version| self.row(spot, version)).collect()).await;
    }

    pub async fn effects(&self) -> Vec<i64> {
        sqlx::query_scalar("SELECT version FROM effect ORDER BY place")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// A second process beside this one: other tasks, same world.
    pub fn another_process(&self) -> Tasks {
        Tasks::new(&self.clock)
    }

    /// The same, with a relay.
    pub fn another_relay(&self) -> (Tasks, Relay) {
        let process = self.another_process();
        let relay = relay::start(&self.bus, &self.pool, "sensor", &process);
        (process, relay)
    }

    pub fn effect(&self, consumer: &'static str) -> Effect {
        Effect { pool: self.pool.clone(), clock: self.clock.clone(), consumer }
    }
}

/// Writes one row per fact, together with the inbox.
#[derive(Clone)]
pub struct Effect {
    pub pool: PgPool,
    clock: Clock,
    consumer: &'static str,
}

impl consumer::Handler for Effect {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let message: SpotOccupied = fact.decode()?;
        let (consumer, now) = (self.consumer, self.clock.now());
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if !inbox::admit(connection, consumer, fact.fact_id, now).await? {
                    return Ok(());
                }
                sqlx::query("INSERT INTO effect (fact_id, version) VALUES ($1, $2)")
                    .bind(fact.fact_id.as_uuid())
                    .bind(message.version)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}
