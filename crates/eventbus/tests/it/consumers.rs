//! From the stream to the effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::{SpotOccupied, SpotVacated};
use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_testkit::eventually;
use tokio::sync::mpsc;

use crate::world::{Effect, STREAM, World};

const BOOKING_SENSOR: Consumer =
    Consumer { name: "booking-sensor", stream: STREAM, fact_types: &[SpotOccupied::TYPE] };

#[tokio::test]
async fn every_fact_has_its_effect_in_order_and_others_pass_by() {
    let world = World::new().await;
    let relay = world.relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=150).await;
    let vacated = SpotVacated { version: 151, ..SpotVacated::default() };
    let row = Row::of(&world.ids, world.clock.now(), spot, 151, &vacated);
    world.commit(vec![row]).await;
    let listening =
        consumer::start(&world.bus, BOOKING_SENSOR, world.effect("booking-sensor"), &world.tasks);
    world.tell(spot, 152..=300).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    let expected: Vec<i64> = (1..=150).chain(152..=300).collect();
    assert_eq!(world.effects().await, expected);
}

/// Fails the first attempt at the second fact.
struct Flaky {
    effect: Effect,
    attempts: AtomicUsize,
    told: mpsc::UnboundedSender<(i64, u64)>,
}

impl Handler for Flaky {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let message: SpotOccupied = fact.decode()?;
        self.told.send((message.version, fact.delivery)).map_err(Failure::retry)?;
        if message.version == 2 && self.attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Failure::retry("the database is away"));
        }
        self.effect.handle(fact).await
    }
}

#[tokio::test]
async fn what_fails_now_is_tried_again_after_a_while_and_keeps_its_place() {
    let world = World::new().await;
    let relay = world.relay();
    let (told, mut attempts) = mpsc::unbounded_channel();
    let handler =
        Flaky { effect: world.effect("booking-sensor"), attempts: AtomicUsize::new(0), told };
    let listening = consumer::start(&world.bus, BOOKING_SENSOR, handler, &world.tasks);
    world.tell(world.ids.next(), 1..=3).await;
    relay.idle().await.unwrap();
    let mut seen = Vec::new();
    let mut times = Vec::new();
    for _ in 0..4 {
        seen.push(attempts.recv().await.unwrap());
        times.push(Instant::now());
    }
    listening.idle().await.unwrap();
    assert_eq!(seen, [(1, 1), (2, 1), (2, 2), (3, 1)]);
    assert!(times[2] - times[1] >= Duration::from_millis(790), "{times:?}");
    assert_eq!(world.effects().await, [1, 2, 3]);
    assert!(parkmesh_eventbus::deadletter::list(&world.bus, 1, 10).await.unwrap().is_empty());
}

/// Says which process handled what, and notices when two do at once.
#[derive(Clone)]
struct Named {
    name: &'static str,
    busy: Arc<AtomicUsize>,
    told: mpsc::UnboundedSender<(&'static str, i64, usize)>,
}

impl Handler for Named {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let message: SpotOccupied = fact.decode()?;
        let others = self.busy.fetch_add(1, Ordering::SeqCst);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.told.send((self.name, message.version, others)).map_err(Failure::retry)
    }
}

#[tokio::test]
async fn two_processes_share_the_work_without_facts_overtaking_each_other() {
    let world = World::new().await;
    let relay = world.relay();
    let (told, mut handled) = mpsc::unbounded_channel();
    let one = Named { name: "one", busy: Arc::default(), told };
    let two = Named { name: "two", ..one.clone() };
    let first = world.another_process();
    consumer::start(&world.bus, BOOKING_SENSOR, one, &first);
    let listening = consumer::start(&world.bus, BOOKING_SENSOR, two, &world.tasks);
    let spot = world.ids.next();
    world.tell(spot, 1..=100).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    first.stop().await;
    world.tell(spot, 101..=110).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();

    let mut seen = Vec::new();
    while let Ok(what) = handled.try_recv() {
        seen.push(what);
    }
    let versions: Vec<i64> = seen.iter().map(|(_, version, _)| *version).collect();
    assert_eq!(versions, (1..=110).collect::<Vec<i64>>());
    assert!(seen.iter().all(|(_, _, others)| *others == 0), "one at a time");
    assert!(seen[100..].iter().all(|(name, ..)| *name == "two"), "the other one has stopped");
}

/// Goes on only when the first facts of two spots are at hand at the same time; tells the order.
struct Together {
    meet: tokio::sync::Barrier,
    told: mpsc::UnboundedSender<(String, i64)>,
}

impl Handler for Together {
    const LANES: usize = 64;

    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let message: SpotOccupied = fact.decode()?;
        if message.version == 1 {
            self.meet.wait().await;
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.told.send((message.spot_id, message.version)).map_err(Failure::retry)
    }
}

#[tokio::test]
async fn facts_of_several_aggregates_go_side_by_side_and_those_of_one_in_order() {
    let world = World::new().await;
    let relay = world.relay();
    // Of different lanes: which that are follows from the ids alone.
    let spots = [1, 2].map(uuid::Uuid::from_u128);
    for versions in [1..=1, 2..=20, 21..=40] {
        for spot in &spots {
            world.tell(*spot, versions.clone()).await;
        }
    }
    relay.idle().await.unwrap();
    let (told, mut handled) = mpsc::unbounded_channel();
    let meet = tokio::sync::Barrier::new(spots.len());
    let handler = Together { meet, told };
    let listening = consumer::start(&world.bus, BOOKING_SENSOR, handler, &world.tasks);
    listening.idle().await.unwrap();
    let mut seen = Vec::new();
    while let Ok(what) = handled.try_recv() {
        seen.push(what);
    }
    for spot in &spots {
        let of = seen.iter().filter(|(of, _)| *of == spot.to_string());
        let versions: Vec<i64> = of.map(|(_, version)| *version).collect();
        assert_eq!(versions, (1..=40).collect::<Vec<i64>>());
    }
}

/// Never ends.
struct Stuck(mpsc::UnboundedSender<()>);

impl Handler for Stuck {
    async fn handle(&self, _fact: Delivered) -> Result<(), Failure> {
        self.0.send(()).map_err(Failure::retry)?;
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_process_that_stops_gives_back_what_it_was_working_on() {
    let world = World::new().await;
    let relay = world.relay();
    let (told, mut begun) = mpsc::unbounded_channel();
    let first = world.another_process();
    consumer::start(&world.bus, BOOKING_SENSOR, Stuck(told), &first);
    world.tell(world.ids.next(), 1..=3).await;
    relay.idle().await.unwrap();
    begun.recv().await.unwrap();
    first.stop().await;

    let started = Instant::now();
    let listening =
        consumer::start(&world.bus, BOOKING_SENSOR, world.effect("booking-sensor"), &world.tasks);
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, [1, 2, 3]);
    assert!(started.elapsed() < Duration::from_secs(8), "nobody waited for the server to miss it");
}

#[tokio::test]
async fn a_fact_that_comes_again_has_no_second_effect() {
    let world = World::new().await;
    let relay = world.relay();
    let listening =
        consumer::start(&world.bus, BOOKING_SENSOR, world.effect("booking-sensor"), &world.tasks);
    world.tell(world.ids.next(), 1..=5).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();

    // The same facts once more, past JetStream's own deduplication.
    let stream = world.bus.jetstream().get_stream(world.bus.name(STREAM)).await.unwrap();
    for sequence in 1..=5 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        for (name, values) in message.headers.iter() {
            if AsRef::<str>::as_ref(name).starts_with("ce-") {
                headers.insert(name.clone(), values[0].clone());
            }
        }
        let publish = world.bus.jetstream().publish_with_headers(
            message.subject,
            headers,
            message.payload.clone(),
        );
        publish.await.unwrap().await.unwrap();
    }
    listening.idle().await.unwrap();
    assert_eq!(world.bus.last_sequence(STREAM).await.unwrap(), 10);
    assert_eq!(world.effects().await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_deleted_durable_is_made_again() {
    let world = World::new().await;
    let relay = world.relay();
    let effect = Arc::new(world.effect("booking-sensor"));
    consumer::start(&world.bus, BOOKING_SENSOR, effect, &world.tasks);
    let spot = world.ids.next();
    world.tell(spot, 1..=2).await;
    relay.idle().await.unwrap();
    eventually("the first effects", || async { (world.effects().await.len() == 2).then_some(()) })
        .await;
    let stream = world.bus.jetstream().get_stream(world.bus.name(STREAM)).await.unwrap();
    stream.delete_consumer(&world.bus.name("booking-sensor")).await.unwrap();
    world.tell(spot, 3..=4).await;
    relay.idle().await.unwrap();
    eventually("the later effects", || async { (world.effects().await.len() == 4).then_some(()) })
        .await;
    assert_eq!(world.effects().await, [1, 2, 3, 4]);
}
