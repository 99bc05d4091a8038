//! Pictures that follow.

use futures_util::TryStreamExt;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use parkmesh_eventbus::follow::{self, Follow, Followed};
use tokio::sync::mpsc::Receiver;

use crate::world::{STREAM, World};

fn follow(from_sequence: Option<u64>) -> Follow {
    Follow { stream: STREAM, fact_types: &[SpotOccupied::TYPE], from_sequence }
}

async fn version(receiver: &mut Receiver<Followed>) -> i64 {
    match receiver.recv().await.unwrap() {
        Followed::Fact(fact) => fact.decode::<SpotOccupied>().unwrap().version,
        Followed::Gap(reason) => panic!("no gap expected: {reason}"),
    }
}

async fn gap(receiver: &mut Receiver<Followed>) -> String {
    match receiver.recv().await.unwrap() {
        Followed::Fact(fact) => panic!("a gap expected, not {fact:?}"),
        Followed::Gap(reason) => reason,
    }
}

#[tokio::test]
async fn a_follower_gets_everything_from_its_snapshot_on() {
    let world = World::new().await;
    let relay = world.relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=10).await;
    relay.idle().await.unwrap();
    let mut receiver = follow::start(&world.bus, follow(Some(8)), &world.tasks);
    world.tell(spot, 11..=600).await;
    relay.idle().await.unwrap();
    for expected in 8..=600 {
        assert_eq!(version(&mut receiver).await, expected);
    }
}

#[tokio::test]
async fn a_follower_of_an_empty_stream_begins_with_its_first_fact() {
    let world = World::new().await;
    let relay = world.relay();
    let position = world.bus.last_sequence(STREAM).await.unwrap();
    assert_eq!(position, 0);
    let mut receiver = follow::start(&world.bus, follow(Some(position)), &world.tasks);
    world.tell(world.ids.next(), 1..=1).await;
    relay.idle().await.unwrap();
    assert_eq!(version(&mut receiver).await, 1);
}

#[tokio::test]
async fn a_follower_sees_a_gap_when_the_stream_is_made_anew_and_goes_on() {
    let world = World::new().await;
    let relay = world.relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=3).await;
    relay.idle().await.unwrap();
    let mut receiver = follow::start(&world.bus, follow(Some(1)), &world.tasks);
    for expected in 1..=3 {
        assert_eq!(version(&mut receiver).await, expected);
    }
    world.bus.delete_streams().await.unwrap();
    world.bus.ensure_streams().await.unwrap();
    let reason = gap(&mut receiver).await;
    assert!(reason.contains("anew"), "{reason}");
    world.tell(spot, 4..=4).await;
    relay.idle().await.unwrap();
    // The facts that are published again may come too; the new one comes in any case.
    while version(&mut receiver).await != 4 {}
}

#[tokio::test]
async fn a_follower_sees_a_gap_when_its_snapshot_is_older_than_the_stream_reaches_back() {
    let world = World::new().await;
    let relay = world.relay();
    world.tell(world.ids.next(), 1..=10).await;
    relay.idle().await.unwrap();
    let stream = world.bus.jetstream().get_stream(world.bus.name(STREAM)).await.unwrap();
    stream.purge().sequence(9).await.unwrap();
    let mut receiver = follow::start(&world.bus, follow(Some(5)), &world.tasks);
    let reason = gap(&mut receiver).await;
    assert!(reason.contains("begins at 9"), "{reason}");

    let mut at_the_end = follow::start(&world.bus, follow(Some(8)), &world.tasks);
    assert_eq!(version(&mut at_the_end).await, 9, "8 was in the snapshot: nothing is missing");
    let mut beyond = follow::start(&world.bus, follow(Some(90)), &world.tasks);
    let reason = gap(&mut beyond).await;
    assert!(reason.contains("ends at 10"), "{reason}");
}

#[tokio::test]
async fn a_follower_sees_a_gap_when_the_fact_that_it_saw_last_is_not_there_any_more() {
    let world = World::new().await;
    let relay = world.relay();
    let spot = world.ids.next();
    world.tell(spot, 1..=3).await;
    relay.idle().await.unwrap();
    let mut receiver = follow::start(&world.bus, follow(Some(1)), &world.tasks);
    for expected in 1..=3 {
        assert_eq!(version(&mut receiver).await, expected);
    }
    // As after a power cut: its end is gone, and so is the follower's place on the server.
    let stream = world.bus.jetstream().get_stream(world.bus.name(STREAM)).await.unwrap();
    stream.delete_message(3).await.unwrap();
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    assert_eq!(names.len(), 1);
    stream.delete_consumer(&names[0]).await.unwrap();
    let reason = gap(&mut receiver).await;
    assert!(reason.contains("another fact at 3"), "{reason}");
    world.tell(spot, [4]).await;
    assert_eq!(version(&mut receiver).await, 4);
}
