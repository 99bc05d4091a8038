//! Many facts in one go, in the order of the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::consumer::{self, Consumer, Handler, Listening, Runs};
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::eventually;

use crate::world::{Effect, STREAM, World};

const BOOKING_SENSOR: Consumer =
    Consumer { name: "booking-sensor", stream: STREAM, fact_types: &[SpotOccupied::TYPE] };

/// Does facts in one go, but those whose version can be divided by this.
#[derive(Clone)]
struct Many {
    effect: Effect,
    one_by_one: i64,
    runs: Arc<AtomicUsize>,
}

impl Handler for Many {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        self.effect.handle(fact).await
    }
}

impl Runs for Many {
    async fn handle_run(&self, facts: &[Delivered]) -> Result<usize, sqlx::Error> {
        let versions = facts.iter().map(|fact| Some(fact.decode::<SpotOccupied>().ok()?.version));
        let together =
            versions.map_while(|version| version.filter(|one| one % self.one_by_one != 0));
        let versions: Vec<i64> = together.collect();
        let ids: Vec<_> = facts.iter().map(|fact| fact.fact_id.as_uuid()).collect();
        sqlx::query(
            "WITH heard AS (
                 INSERT INTO inbox (consumer, fact_id, create_time)
                 SELECT 'booking-sensor', unnest($1), now() ON CONFLICT DO NOTHING RETURNING fact_id)
             INSERT INTO effect (fact_id, version)
             SELECT fact_id, version FROM unnest($1, $2) WITH ORDINALITY AS told (fact_id, version, place)
             JOIN heard USING (fact_id) ORDER BY place",
        )
        .bind(&ids[..versions.len()])
        .bind(&versions)
        .execute(&self.effect.pool)
        .await?;
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(versions.len())
    }
}

impl Many {
    fn new(world: &World, one_by_one: i64) -> Self {
        Self { effect: world.effect("booking-sensor"), one_by_one, runs: Arc::default() }
    }

    fn start(&self, world: &World, tasks: &Tasks) -> Listening {
        consumer::start_runs(&world.bus, &world.pool, BOOKING_SENSOR, self.clone(), tasks)
    }
}

#[tokio::test]
async fn facts_are_done_together_and_those_between_on_their_own_in_the_order_of_the_stream() {
    let world = World::new().await;
    let relay = world.relay();
    world.tell(world.ids.next(), 1..=1_000).await;
    relay.idle().await.unwrap();
    let many = Many::new(&world, 400);
    let listening = many.start(&world, &world.tasks);
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, (1..=1_000).collect::<Vec<i64>>());
    let runs = many.runs.load(Ordering::SeqCst);
    assert!(runs < 100, "{runs} runs for a thousand facts, two of which go alone");
}

#[tokio::test]
async fn one_process_has_the_turn_and_another_takes_over_where_it_stopped() {
    let world = World::new().await;
    let relay = world.relay();
    let first = world.another_process();
    let (one, two) = (Many::new(&world, 7), Many::new(&world, 7));
    one.start(&world, &first).idle().await.unwrap();
    let listening = two.start(&world, &world.tasks);
    let spot = world.ids.next();
    for versions in [1..=500, 501..=1_000] {
        world.tell(spot, versions).await;
    }
    relay.idle().await.unwrap();
    eventually("the first effects", || async { (world.effects().await.len() > 100).then_some(()) })
        .await;
    assert_eq!(two.runs.load(Ordering::SeqCst), 0, "it is not its turn");
    first.stop().await;
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, (1..=1_000).collect::<Vec<i64>>());
    assert!(two.runs.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_turn_that_is_lost_is_taken_again() {
    let world = World::new().await;
    let relay = world.relay();
    let many = Many::new(&world, 7);
    let listening = many.start(&world, &world.tasks);
    let spot = world.ids.next();
    world.tell(spot, 1..=100).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    let ended = world
        .count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
             WHERE locktype = 'advisory' AND granted AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
    assert!(ended >= 2, "the relay's session and that of the turn");
    world.tell(spot, 101..=200).await;
    eventually("the later effects", || async {
        (world.effects().await.len() == 200).then_some(())
    })
    .await;
    assert_eq!(world.effects().await, (1..=200).collect::<Vec<i64>>());
}
