//! Streams that lose what they had acknowledged.

use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::consumer::{self, Consumer};
use parkmesh_testkit::{eventually, recorded};

use crate::world::{STREAM, World};

const BOOKING_SENSOR: Consumer =
    Consumer { name: "booking-sensor", stream: STREAM, fact_types: &[SpotOccupied::TYPE] };

async fn versions(world: &World) -> Vec<i64> {
    let facts = recorded(&world.bus, STREAM).await;
    facts.iter().map(|fact| fact.decode::<SpotOccupied>().unwrap().version).collect()
}

#[tokio::test]
async fn a_deleted_stream_is_made_again_and_filled_and_has_no_second_effects() {
    let world = World::new().await;
    let relay = world.relay();
    let effect = world.effect("booking-sensor");
    consumer::start(&world.bus, BOOKING_SENSOR, effect, &world.tasks);
    let spot = world.ids.next();
    world.tell(spot, 1..=10).await;
    relay.idle().await.unwrap();
    eventually("the first effects", || async { (world.effects().await.len() == 10).then_some(()) })
        .await;

    world.bus.delete_streams().await.unwrap();
    world.tell(spot, 11..=12).await;
    relay.wake();
    eventually("all facts are in the new stream", || async {
        let state = world.bus.stream_state(STREAM).await.ok()?;
        (state.last_sequence >= 12).then_some(())
    })
    .await;
    relay.idle().await.unwrap();
    assert_eq!(versions(&world).await, (1..=12).collect::<Vec<i64>>());
    eventually("the later effects", || async { (world.effects().await.len() >= 12).then_some(()) })
        .await;
    assert_eq!(world.effects().await, (1..=12).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_stream_that_lost_its_tail_gets_it_again() {
    let world = World::new().await;
    let (process, relay) = world.another_relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=5).await;
    relay.idle().await.unwrap();
    process.stop().await;
    // What the outbox looks like when the stream has forgotten the last three of eight.
    world.tell(spot, 6..=8).await;
    world
        .count(
            "WITH acknowledged AS (UPDATE outbox SET publish_time = create_time, stream = 'SENSOR',
             stream_sequence = version WHERE version > 5 RETURNING 1),
             position AS (UPDATE stream_position SET last_sequence = 8)
             SELECT count(*) FROM acknowledged",
        )
        .await;
    let relay = world.relay();
    eventually("the lost facts are in the stream", || async {
        (world.bus.last_sequence(STREAM).await.ok()? == 8).then_some(())
    })
    .await;
    relay.idle().await.unwrap();
    assert_eq!(versions(&world).await, (1..=8).collect::<Vec<i64>>());
    let position = world.count("SELECT last_sequence FROM stream_position").await;
    assert_eq!(position, 8);
}

#[tokio::test]
async fn a_durable_that_is_ahead_of_its_stream_starts_from_the_beginning() {
    let world = World::new().await;
    let relay = world.relay();
    let first = world.another_process();
    let effect = world.effect("booking-sensor");
    let listening = consumer::start(&world.bus, BOOKING_SENSOR, effect.clone(), &first);
    let spot = world.ids.next();
    world.tell(spot, 1..=3).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    first.stop().await;
    // The stream is made anew while the consumer is away, and its durable with it.
    world.bus.delete_streams().await.unwrap();
    eventually("the stream is filled again", || async {
        relay.wake();
        (world.bus.last_sequence(STREAM).await.ok()? == 3).then_some(())
    })
    .await;
    let listening = consumer::start(&world.bus, BOOKING_SENSOR, effect, &world.tasks);
    world.tell(spot, [4]).await;
    relay.idle().await.unwrap();
    listening.idle().await.unwrap();
    assert_eq!(world.effects().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn ensuring_streams_again_mends_what_differs() {
    let world = World::new().await;
    let name = world.bus.name(STREAM);
    let stream = world.bus.jetstream().get_stream(&name).await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_messages = 5;
    world.bus.jetstream().update_stream(config).await.unwrap();
    world.bus.ensure_streams().await.unwrap();
    let stream = world.bus.jetstream().get_stream(&name).await.unwrap();
    assert_eq!(stream.cached_info().config.max_messages, -1);
    assert!(stream.cached_info().config.allow_atomic_publish);
}
