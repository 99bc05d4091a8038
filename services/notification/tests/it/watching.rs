use std::time::Duration;

use parkmesh_contracts::notification::v1::NotificationKind as Kind;
use parkmesh_notification::Config;
use parkmesh_platform::fault::reason_of;

use crate::world::{World, next_message};

#[tokio::test]
async fn a_watch_gives_what_is_there_and_then_what_comes() {
    let world = World::new().await;
    let booking = world.ids.next();
    world.reserved(booking).await;
    world.messages("anna", 1).await;
    let mut watch = world.watch(&world.client, "anna", 0).await;
    let first = next_message(&mut watch).await.unwrap();
    assert_eq!((first.sequence, first.kind()), (1, Kind::Reserved));
    world.activated(booking).await;
    world.completed(booking).await;
    for (sequence, kind) in [(2, Kind::Arrived), (3, Kind::Completed)] {
        let next = next_message(&mut watch).await.unwrap();
        assert_eq!((next.sequence, next.kind()), (sequence, kind));
    }
}

#[tokio::test]
async fn a_watch_resumes_after_the_sequence_last_seen() {
    let world = World::new().await;
    let booking = world.ids.next();
    world.reserved(booking).await;
    world.activated(booking).await;
    world.messages("anna", 2).await;
    let mut watch = world.watch(&world.client, "anna", 1).await;
    assert_eq!(next_message(&mut watch).await.unwrap().sequence, 2);
}

#[tokio::test]
async fn a_watch_without_news_lives_by_its_heartbeats() {
    let world = World::new().await;
    let mut watch = world.watch(&world.client, "anna", 0).await;
    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(5), watch.message()).await;
        assert_eq!(next.unwrap().unwrap().unwrap().notification, None);
    }
    world.reserved(world.ids.next()).await;
    assert_eq!(next_message(&mut watch).await.unwrap().sequence, 1);
}

#[tokio::test]
async fn a_watch_ends_with_a_reason_when_it_is_old() {
    let config = Config {
        heartbeat: Duration::from_millis(50),
        watch_life: Duration::from_millis(500),
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut watch = world.watch(&world.client, "anna", 0).await;
    let ended = next_message(&mut watch).await.unwrap_err();
    assert_eq!(reason_of(&ended).as_deref(), Some("STREAM_EXPIRED"));
}

#[tokio::test]
async fn everybody_watches_own_messages_on_whatever_process() {
    let mut world = World::new().await;
    let other = world.replica().await;
    let mut here = world.watch(&world.client, "anna", 0).await;
    let mut there = world.watch(&other, "anna", 0).await;
    let mut of_eve = world.watch(&other, "eve", 0).await;
    world.reserved(world.ids.next()).await;
    // Only one of the two processes hears the fact.
    let (first, second) = (next_message(&mut here).await, next_message(&mut there).await);
    assert_eq!(first.unwrap(), second.unwrap());
    let next = of_eve.message().await.unwrap().unwrap();
    assert_eq!(next.notification, None);
}

#[tokio::test]
async fn a_long_absence_is_caught_up_in_order_without_gaps() {
    let world = World::new().await;
    let count = 130;
    for _ in 0..count {
        world.expired(world.ids.next()).await;
    }
    let mut watch = world.watch(&world.client, "anna", 0).await;
    for sequence in 1..=count {
        assert_eq!(next_message(&mut watch).await.unwrap().sequence, sequence);
    }
    world.stop().await;
}
