//! From the outbox to the stream.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::stream::Config;
use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::BookingHeld;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::relay::Relay;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{eventually, recorded};
use uuid::Uuid;

use crate::world::{STREAM, World};

#[tokio::test]
async fn facts_are_published_once_and_each_spots_in_its_order() {
    let world = World::new().await;
    let relay = world.relay();
    let spots: Vec<Uuid> = (0..3).map(|_| world.ids.next()).collect();
    for version in 1..=400 {
        let rows = spots.iter().map(|spot| world.row(*spot, version)).collect();
        world.commit(rows).await;
        relay.wake();
    }
    relay.idle().await.unwrap();

    let facts = recorded(&world.bus, STREAM).await;
    let ids: BTreeSet<_> = facts.iter().map(|fact| fact.fact_id).collect();
    assert_eq!((facts.len(), ids.len()), (1_200, 1_200));
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    for fact in &facts {
        let message: SpotOccupied = fact.decode().unwrap();
        let version = seen.entry(message.spot_id).or_default();
        *version += 1;
        assert_eq!(message.version, *version);
        assert_eq!(fact.lot_id, world.lot.to_string());
    }
    let places: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT fact_id, stream_sequence FROM outbox ORDER BY stream_sequence")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let kept: Vec<(Uuid, i64)> = facts
        .iter()
        .map(|fact| (fact.fact_id.as_uuid(), i64::try_from(fact.stream_sequence).unwrap()))
        .collect();
    assert_eq!(places, kept, "the outbox knows where each fact is kept");
}

#[tokio::test]
async fn a_crash_between_publishing_and_marking_publishes_nothing_twice() {
    let world = World::new().await;
    let (process, relay) = world.another_relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=20).await;
    relay.idle().await.unwrap();
    process.stop().await;
    let before = recorded(&world.bus, STREAM).await;

    // As if the process had died before it could mark some of them.
    world
        .count(
            "WITH forgotten AS (UPDATE outbox SET publish_time = NULL, stream = NULL,
             stream_sequence = NULL WHERE version > 5 RETURNING 1) SELECT count(*) FROM forgotten",
        )
        .await;
    world.tell(spot, 21..=23).await;
    let relay = world.relay();
    relay.idle().await.unwrap();

    let after = recorded(&world.bus, STREAM).await;
    assert_eq!(before.len(), 20);
    assert_eq!(after.len(), 23, "only the new ones were added");
    let wrong = world
        .count("SELECT count(*) FROM outbox WHERE stream_sequence IS DISTINCT FROM version")
        .await;
    assert_eq!(wrong, 0, "a duplicate is marked with the place of its original");
}

#[tokio::test]
async fn facts_of_different_spots_that_go_side_by_side_keep_their_places_through_a_crash() {
    let world = World::new().await;
    let (process, relay) = world.another_relay();
    world.commit((1..=5).map(|version| world.row(world.ids.next(), version)).collect()).await;
    relay.idle().await.unwrap();
    process.stop().await;
    world
        .count(
            "WITH forgotten AS (UPDATE outbox SET publish_time = NULL, stream = NULL,
             stream_sequence = NULL WHERE version IN (2, 4) RETURNING 1) SELECT count(*) FROM forgotten",
        )
        .await;
    world.commit(vec![world.row(world.ids.next(), 6)]).await;
    world.relay().idle().await.unwrap();

    assert_eq!(recorded(&world.bus, STREAM).await.len(), 6, "only the new one was added");
    let wrong = world
        .count("SELECT count(*) FROM outbox WHERE stream_sequence IS DISTINCT FROM version")
        .await;
    assert_eq!(wrong, 0, "each is marked with the place of its original");
}

/// Two processes of a service, of which the first publishes, and a spot of which one fact is told.
struct Two {
    world: World,
    spot: Uuid,
    first: Tasks,
    publishing: Relay,
    standing_by: Relay,
}

impl Two {
    async fn new() -> Self {
        let world = World::new().await;
        let (first, publishing) = world.another_relay();
        let spot = world.ids.next();
        world.tell(spot, 1..=1).await;
        publishing.idle().await.unwrap();
        let standing_by = world.relay();
        Self { world, spot, first, publishing, standing_by }
    }
}

#[tokio::test]
async fn two_relays_publish_each_fact_once_and_the_second_takes_over() {
    let Two { world, spot, first, publishing, standing_by } = Two::new().await;
    for version in 2..=100 {
        world.tell(spot, [version]).await;
        publishing.wake();
        standing_by.wake();
    }
    first.stop().await;
    world.tell(spot, 101..=110).await;
    standing_by.idle().await.unwrap();

    let versions: Vec<i64> = recorded(&world.bus, STREAM)
        .await
        .iter()
        .map(|fact| fact.decode::<SpotOccupied>().unwrap().version)
        .collect();
    assert_eq!(versions, (1..=110).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_one_process_commits_another_publishes_at_once() {
    let Two { world, spot, first, standing_by, .. } = Two::new().await;
    let began = std::time::Instant::now();
    for version in 2..=31 {
        world.tell(spot, [version]).await;
        standing_by.wake();
        // Asks only: it wakes nobody.
        eventually("it is published", || async {
            let waiting = "SELECT count(*) FROM outbox WHERE publish_time IS NULL";
            (world.count(waiting).await == 0).then_some(())
        })
        .await;
    }
    let took = began.elapsed();
    assert!(took.as_secs() < 15, "at the relay's own looks it takes half a minute: {took:?}");
    first.stop().await;
}

#[tokio::test]
async fn a_row_leaves_the_outbox_a_day_after_its_acknowledgement() {
    let world = World::new().await;
    let (process, relay) = world.another_relay();
    world.tell(world.ids.next(), 1..=3).await;
    relay.idle().await.unwrap();
    process.stop().await;
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 3);

    world.clock.advance(SignedDuration::from_hours(25));
    world.tell(world.ids.next(), 1..=1).await;
    world.relay();
    eventually("the old rows are deleted", || async {
        (world.count("SELECT count(*) FROM outbox").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rolled_back_fact_is_never_published_and_a_second_of_its_kind_is_refused() {
    let world = World::new().await;
    let relay = world.relay();
    let spot = world.ids.next();
    let mut rows = vec![world.row(spot, 1)];
    rows.push(world.row(spot, 1));
    let refused = parkmesh_platform::postgres::transaction(&world.pool, |connection| {
        Box::pin(async move { parkmesh_eventbus::outbox::append(connection, &rows).await })
    })
    .await;
    let error = refused.unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation(), "{error}");
    world.tell(spot, [2]).await;
    relay.idle().await.unwrap();
    assert_eq!(recorded(&world.bus, STREAM).await.len(), 1);
}

#[tokio::test]
async fn the_trace_of_the_cause_and_the_cloudevents_names_travel_with_the_fact() {
    let world = World::new().await;
    let relay = world.relay();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let spot = world.ids.next();
    let mut row = world.row(spot, 7);
    row.trace_parent = Some(parent.to_owned());
    let (fact_id, time) = (row.fact_id.to_string(), row.create_time.to_string());
    world.commit(vec![row]).await;
    relay.idle().await.unwrap();

    let stream = world.bus.jetstream().get_stream(world.bus.name(STREAM)).await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
    assert_eq!(header("traceparent").split('-').nth(1), parent.split('-').nth(1));
    assert_eq!(header("Nats-Msg-Id"), fact_id);
    assert_eq!(header("ce-id"), fact_id);
    assert_eq!(header("ce-type"), "parkmesh.sensor.v1.spot_occupied");
    assert_eq!(header("ce-source"), "parkmesh/sensor");
    assert_eq!(header("ce-time"), time);
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-subject"), spot.to_string());
    assert_eq!(header("ce-sequence"), "7");
    let lot = world.lot;
    let subject = world.bus.subject(&format!("parkmesh.sensor.v1.spot_occupied.{lot}"));
    assert_eq!(message.subject.as_str(), subject);
}

#[tokio::test]
async fn a_stream_that_takes_nothing_does_not_keep_the_facts_of_others() {
    let world = World::new().await;
    let jetstream = world.bus.jetstream();
    let mut full = jetstream.get_stream(world.bus.name("BOOKING")).await.unwrap();
    let config = full.info().await.unwrap().config.clone();
    jetstream.update_stream(Config { max_message_size: 1, ..config }).await.unwrap();

    let booking = BookingHeld { lot_id: world.lot.to_string(), version: 1, ..Default::default() };
    let row = Row::of(&world.ids, world.clock.now(), world.ids.next(), 1, &booking);
    world.commit(vec![row]).await;
    let _relay = world.relay();
    world.tell(world.ids.next(), 1..=3).await;
    eventually("the marks of the others", || async {
        let marked =
            world.count("SELECT count(*) FROM outbox WHERE stream_sequence = version").await;
        (marked == 3).then_some(())
    })
    .await;
    let waiting = world.count("SELECT count(*) FROM outbox WHERE publish_time IS NULL").await;
    assert_eq!(waiting, 1, "what the stream did not take is kept");
}
