//! What the bridge promises: nothing is acknowledged before it is durable, and nothing is lost.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parkmesh_sensor_bridge::Config;
use parkmesh_testkit::eventually;

use crate::double::Poison;
use crate::world::{Harm, World};

fn numbered(count: usize) -> impl Iterator<Item = (String, Vec<u8>, bool)> {
    (0..count).map(|index| {
        let payload = format!(r#"{{"occupied":true,"boot":1,"sequence":{index}}}"#);
        ("parkmesh/devices/counter/up".to_owned(), payload.into_bytes(), false)
    })
}

fn sequences(world: &World) -> Vec<u64> {
    let readings = world.double.readings();
    readings.iter().filter_map(|reading| reading.sequence).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_acknowledged_only_when_it_is_durable() {
    let mut world = World::start().await;
    world.double.acknowledge(false);
    world.publish("parkmesh/devices/a/up", r#"{"occupied":true}"#).await;
    world.heard_from("a", 1).await;
    world.boot().await;
    world.heard_from("a", 2).await;
    world.boot().await;
    world.heard_from("a", 3).await;
    world.double.acknowledge(true);
    world.quiet().await;
    world.double.forget();
    world.boot().await;
    world.publish("parkmesh/devices/b/up", "{}").await;
    world.heard_from("b", 1).await;
    assert_eq!(world.double.readings().len(), 1, "what is acknowledged does not come again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_the_bridge_is_away_is_kept() {
    let mut world = World::start().await;
    world.stop().await;
    world.publish_all(numbered(1_500)).await;
    world.boot().await;
    world.heard_from("counter", 1_500).await;
    assert_eq!(sequences(&world), (0..1_500).collect::<Vec<_>>(), "in their order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_go_out_again_on_the_next_stream() {
    let world = World::start().await;
    world.double.acknowledge(false);
    world.publish_all(numbered(20)).await;
    world.heard_from("counter", 20).await;
    let streams = world.double.streams.load(Ordering::SeqCst);
    world.double.forget();
    world.double.break_streams();
    world.heard_from("counter", 20).await;
    assert_eq!(sequences(&world), (0..20).collect::<Vec<_>>());
    assert_eq!(world.double.streams.load(Ordering::SeqCst), streams + 1);
    world.double.acknowledge(true);
    world.publish("parkmesh/devices/next/up", "{}").await;
    world.heard_from("next", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_wire_loses_nothing_and_the_client_is_built_anew() {
    let mut world = World::start().await;
    let (url, scissors) = world.wire().await;
    world.config.mqtt_url = url;
    world.boot().await;
    world.publish("parkmesh/devices/wired/up", "{}").await;
    world.heard_from("wired", 1).await;
    world.double.acknowledge(false);
    world.publish_all(numbered(50)).await;
    world.heard_from("counter", 50).await;
    scissors.send_replace(Some(Harm::Cut));
    // Old acknowledgements meet the new connection: they must not be taken for those of new messages.
    world.heard_from("counter", 100).await;
    world.double.acknowledge(true);
    scissors.send_replace(Some(Harm::Cut));
    world.publish_all(numbered(60).skip(50)).await;
    eventually("all sixty", || async {
        let all: BTreeSet<u64> = sequences(&world).into_iter().collect();
        (all == (0..60).collect()).then_some(())
    })
    .await;
    world.quiet().await;
    world.double.forget();
    world.boot().await;
    world.publish("parkmesh/devices/last/up", "{}").await;
    world.heard_from("last", 1).await;
    assert_eq!(sequences(&world), [0; 0], "all was acknowledged in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_service_slows_the_broker_and_nothing_comes_twice() {
    let config = Config {
        receive_maximum: 10,
        batch_max: 3,
        waiting_max: 5,
        window: 2,
        ..Config::default()
    };
    let world = World::with(config).await;
    world.double.acknowledge(false);
    world.publish_all(numbered(100)).await;
    let batches = || world.double.batches.lock().unwrap().len();
    eventually("two batches", || async { (batches() >= 2).then_some(()) }).await;
    world.quiet().await;
    assert_eq!(batches(), 2, "the third waits");
    let ahead = sequences(&world).len();
    assert!(ahead <= 6, "{ahead} readings in two batches of three");
    world.double.acknowledge(true);
    world.heard_from("counter", 100).await;
    assert_eq!(sequences(&world), (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_that_is_refused_goes_to_the_operator_and_holds_up_nobody() {
    let mut world = World::start().await;
    world.double.refuse("odd", Poison::Readings);
    let plain = |device: &str| {
        (format!("parkmesh/devices/{device}/up"), br#"{"occupied":true}"#.to_vec(), false)
    };
    // Held back, so that they go in one batch.
    world.stop().await;
    world.publish_all([plain("before"), plain("odd"), plain("after")]).await;
    world.boot().await;
    world.heard_from("before", 1).await;
    world.heard_from("after", 1).await;
    let frame = eventually("the frame for the operator", || async {
        world.double.unreadable().into_iter().next()
    })
    .await;
    assert_eq!((frame.device_id.as_str(), frame.reason.as_str()), ("odd", "REFUSED"));
    assert!(frame.detail.contains("must please the test"), "{}", frame.detail);
    assert_eq!(frame.payload, br#"{"occupied":true}"#);
    world.double.forget();
    world.boot().await;
    world.publish("parkmesh/devices/last/up", "{}").await;
    world.heard_from("last", 1).await;
    assert_eq!(world.double.readings().len(), 1, "all three were acknowledged to the broker");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_not_even_the_quarantine_takes_is_let_go_after_one_try() {
    let world = World::start().await;
    world.double.refuse("worse", Poison::Everything);
    world.publish("parkmesh/devices/worse/up", r#"{"occupied":true}"#).await;
    world.publish("parkmesh/devices/next/up", "{}").await;
    world.heard_from("next", 1).await;
    world.quiet().await;
    let streams = world.double.streams.load(Ordering::SeqCst);
    world.quiet().await;
    assert_eq!(world.double.streams.load(Ordering::SeqCst), streams, "and not again and again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_by_bytes_and_nothing_is_lost() {
    let world = World::with(Config { room_bytes: 8 * 1_024, ..Config::default() }).await;
    world.double.acknowledge(false);
    world.publish_all(numbered(100)).await;
    world.quiet().await;
    let ahead = sequences(&world).len();
    assert!(ahead <= 8, "{ahead} readings under way, each of at least a kilobyte");
    world.double.acknowledge(true);
    world.heard_from("counter", 100).await;
    let all: BTreeSet<u64> = sequences(&world).into_iter().collect();
    assert_eq!(all, (0..100).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_swallows_everything_is_noticed_and_left() {
    let mut world =
        World::with(Config { keep_alive: Duration::from_secs(5), ..Config::default() }).await;
    let (url, harm) = world.wire().await;
    world.config.mqtt_url = url;
    world.boot().await;
    world.publish("parkmesh/devices/wired/up", "{}").await;
    world.heard_from("wired", 1).await;
    harm.send_replace(Some(Harm::Freeze));
    // Goes into the frozen wire, and comes again on the next one.
    world.publish("parkmesh/devices/frozen/up", "{}").await;
    world.heard_from("frozen", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bridges_of_a_group_share_the_load_and_what_one_leaves_comes_to_it_again() {
    let mut world =
        World::with(Config { share_group: Some("bridges".to_owned()), ..Config::default() }).await;
    let second = world.second().await;
    world.publish_all(numbered(200)).await;
    world.heard_from("counter", 200).await;
    world.quiet().await;
    assert_eq!(sequences(&world).len(), 200, "each message to one of them");
    second.stop().await;
    world.double.forget();
    world.publish_all(numbered(100)).await;
    // What waits for the one that is away waits in its own session.
    let second = world.second().await;
    eventually("all hundred", || async {
        let all: BTreeSet<u64> = sequences(&world).into_iter().collect();
        (all == (0..100).collect()).then_some(())
    })
    .await;
    second.stop().await;
    world.stop().await;
}
