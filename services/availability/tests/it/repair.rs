//! What happens when facts are missing.

use std::time::Duration;

use parkmesh_availability::Config;
use parkmesh_contracts::availability::v1::{WatchAvailabilityRequest, WatchAvailabilityResponse};
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::telemetry;
use parkmesh_testkit::{eventually, nats_url};
use tonic::Streaming;

use crate::facts;
use crate::house::{House, stale};
use crate::proxy::Proxy;

#[tokio::test]
async fn a_stream_created_anew_is_a_gap_and_a_new_snapshot_closes_it() {
    let house = House::new().await;
    let replica = house.stand().await;
    let gone = house.booking(0, 0);
    house.tell([gone.reserved(2)]).await;
    replica.has_free(house.lot_id, 11).await;

    // The owners go on while nobody hears of it: one booking ends, two begin.
    {
        let mut known = house.doubles.known();
        for n in [1, 2] {
            let row = house.booking(n, 0).live(BookingState::Active, 3);
            known.windows.insert(row.booking_id.clone(), row);
        }
    }
    house.bus.delete_streams().await.expect("JetStream");
    house.bus.ensure_streams().await.expect("JetStream");
    replica.has_free(house.lot_id, 10).await;
    assert_eq!(replica.status(house.lot_id, 0).await, SpotStatus::Available);
    assert_eq!(replica.status(house.lot_id, 1).await, SpotStatus::Occupied);
    replica.stands(house.lot_id).await;
    // Facts of the new stream are heard.
    house.tell([facts::occupied(house.lot_id, house.spots[3], 1)]).await;
    replica.has_free(house.lot_id, 9).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_comparison_repairs_what_no_fact_told_and_counts_it() {
    let house = House::new().await;
    let unlisted = house.booking(0, 0);
    house
        .doubles
        .known()
        .windows
        .insert(unlisted.booking_id.to_string(), unlisted.live(BookingState::Reserved, 2));
    let config = Config { reconcile_period: Duration::from_millis(300), ..house.config.clone() };
    let replica = house.start_with(config, house.redis.clone(), house.bus.clone()).await;
    assert_eq!(replica.stands(house.lot_id).await.free, 11);
    let before = drift();

    // A booking is gone, another is there, and a spot is other than was said at the same version.
    {
        let mut known = house.doubles.known();
        known.windows.clear();
        let row = house.booking(1, 0).live(BookingState::Reserved, 2);
        known.windows.insert(row.booking_id.clone(), row);
        known.spots[2] = house.spot(2, 1, true);
    }
    replica.has_free(house.lot_id, 10).await;
    for (n, status) in
        [(0, SpotStatus::Available), (1, SpotStatus::Reserved), (2, SpotStatus::OutOfService)]
    {
        assert_eq!(replica.status(house.lot_id, n).await, status, "spot {n}");
    }
    eventually("the drift counted", || async { (drift() >= before + 3.0).then_some(()) }).await;
    // In agreement nothing is counted.
    let (settled, asked) = (drift(), house.doubles.known().asked);
    eventually("two more comparisons", || async {
        (house.doubles.known().asked >= asked + 3).then_some(())
    })
    .await;
    assert!((drift() - settled).abs() < 0.5);
    house.stop([replica]).await;
}

/// Rows that comparisons with booking have put right, in this process. Only one test here has
/// comparisons.
fn drift() -> f64 {
    let text = telemetry::render_metrics();
    let line = text.lines().find(|line| {
        line.starts_with("parkmesh_availability_drift") && line.contains("stream=\"BOOKING\"")
    });
    line.and_then(|line| line.rsplit(' ').next())
        .map_or(0.0, |value| value.parse().expect("a number"))
}

#[tokio::test]
async fn without_its_feed_the_picture_goes_on_and_says_stale_until_it_has_caught_up() {
    let house = House::new().await;
    let server = nats_url();
    let proxy = Proxy::to(server.trim_start_matches("nats://"), &house.tasks).await;
    // The same streams by another way.
    let config = BusConfig {
        url: format!("nats://{}", proxy.addr),
        prefix: house.bus.name(""),
        ..BusConfig::default()
    };
    let bus = Bus::connect(&config, &house.clock, &house.ids).await.expect("NATS");
    let replica = house.start_with(house.config.clone(), house.redis.clone(), bus).await;
    replica.stands(house.lot_id).await;

    let lot_id = house.lot_id.to_string();
    let request = WatchAvailabilityRequest { lot_id, ..Default::default() };
    let answer = replica.client.clone().watch_availability(request).await;
    let mut watch = answer.expect("a stream").into_inner();

    proxy.cut();
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    let before = eventually("staleness", || async {
        let counts = replica.availability(house.lot_id).await.expect("an answer all the same");
        stale(&counts).then_some(counts)
    })
    .await;
    assert_eq!(before.free, 12, "nobody could tell");

    assert_eq!(next_counts(&mut watch).await, (false, 12), "the first answer");
    assert_eq!(next_counts(&mut watch).await, (true, 12), "a watcher is told that it is stale");

    proxy.mend();
    let after = replica.stands(house.lot_id).await;
    assert_eq!(after.free, 11, "fresh again only with all that was told meanwhile");
    // The fact and the freshness may come apart.
    while next_counts(&mut watch).await != (false, 11) {}
    house.stop([replica]).await;
}

/// Whether the next answer with counts is stale, and how many spots it says are free.
async fn next_counts(watch: &mut Streaming<WatchAvailabilityResponse>) -> (bool, i32) {
    loop {
        let answer = watch.message().await.expect("no end").expect("an answer");
        if let Some(counts) = answer.counts {
            return (stale(&counts), counts.free);
        }
    }
}
