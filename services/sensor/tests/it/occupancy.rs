//! From what a device says to what the world is told.

use std::time::Duration;

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::OccupancyState::{Occupied, Unknown, Vacant};
use parkmesh_contracts::time::{from_proto, to_proto};
use parkmesh_eventbus::flash::Flashes;
use parkmesh_testkit::eventually;
use tokio::time::timeout;

use crate::world::{World, kinds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_is_told_after_the_settle_time_and_its_leaving_later() {
    let world = World::start().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    let heard = world.says(&spot, true);
    feed.send(vec![heard.clone()]).await;
    assert_eq!(world.state(&spot).await, (Vacant, 2), "not yet");
    world.advance(3);
    let facts = world.facts(&spot, 3).await;
    assert_eq!(kinds(&facts), ["sensor_silent", "sensor_recovered", "spot_occupied"]);
    let fact: proto::SpotOccupied = facts[2].decode().unwrap();
    assert_eq!((fact.version, fact.receive_time), (3, heard.receive_time));
    assert_eq!((fact.lot_id, fact.floor_id), (world.lot.to_string(), world.floor.to_string()));
    feed.send(vec![world.says(&spot, false)]).await;
    world.advance(9);
    assert_eq!(world.state(&spot).await, (Occupied, 3), "free must stand for ten seconds");
    world.advance(1);
    assert_eq!(kinds(&world.facts(&spot, 4).await)[3], "spot_vacated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_settles_and_who_falls_silent_is_told_ahead_of_its_fact() {
    let world = World::start().await;
    let mut flashes = Flashes::hear(&world.bus, "sensor").await.unwrap();
    let spot = world.place("bay", 1, 60).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, true)]).await;
    world.advance(600);
    let facts = world.facts(&spot, 3).await;
    let mut told = Vec::new();
    while told.len() < facts.len() {
        let flash = timeout(Duration::from_secs(20), flashes.next()).await;
        let flash = flash.expect("a flash within 20 s").unwrap();
        told.extend(flash.into_iter().map(|told| (told.fact_type, told.body)));
    }
    let facts: Vec<_> = facts.into_iter().map(|fact| (fact.fact_type, fact.body)).collect();
    assert_eq!(told, facts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flapping_sensor_changes_nothing_and_is_suspect() {
    let world = World::start().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    for _ in 0..5 {
        feed.send(vec![world.says(&spot, true)]).await;
        world.advance(1);
        feed.send(vec![world.says(&spot, false)]).await;
        world.advance(1);
    }
    world.advance(60);
    let sensor = world.spot(spot.spot_id).await.sensor.unwrap();
    assert_eq!(sensor.health(), proto::SensorHealth::Suspect);
    world.published().await;
    let facts = world.facts_so_far(&spot).await;
    assert_eq!(kinds(&facts), ["sensor_silent", "sensor_recovered", "sensor_suspect"]);
    let suspect: proto::SensorSuspect = facts[2].decode().unwrap();
    assert_eq!((suspect.version, suspect.cause()), (1, proto::SuspicionCause::Flapping));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_old_and_retained_readings_do_nothing() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 2, 0).await;
    let (counted, timed) = (&spots[0], &spots[1]);
    let mut feed = world.bridge().await;
    let count = |sequence, occupied| proto::Reading {
        boot: 2,
        sequence: Some(sequence),
        ..world.says(counted, occupied)
    };
    let now = world.clock.now();
    let time = |seconds: i64, occupied| {
        let time = now.checked_sub(jiff::SignedDuration::from_secs(seconds)).unwrap();
        proto::Reading { device_time: Some(to_proto(time)), ..world.says(timed, occupied) }
    };
    feed.send(vec![count(7, true), time(60, true)]).await;
    assert_eq!(world.state(counted).await, (Occupied, 2));
    let before_boot = proto::Reading { boot: 1, sequence: Some(99), ..world.says(counted, false) };
    let retained = |spot| proto::Reading { retained: true, ..world.says(spot, false) };
    feed.send(vec![count(7, false), count(6, false), before_boot, retained(counted)]).await;
    feed.send(vec![time(60, false), time(61, false), retained(timed)]).await;
    assert_eq!(world.state(counted).await, (Occupied, 2));
    assert_eq!(world.state(timed).await, (Occupied, 2));
    feed.send(vec![count(8, false), time(59, false)]).await;
    assert_eq!(world.state(counted).await, (Vacant, 3));
    assert_eq!(world.state(timed).await, (Vacant, 3));
    let change_time = world.spot(timed.spot_id).await.occupancy.unwrap().change_time.unwrap();
    let seconds = now.duration_since(from_proto(&change_time).unwrap()).as_secs();
    assert_eq!(seconds, 59, "by the device's clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_sent_again_is_acknowledged_and_changes_nothing() {
    let mut world = World::start().await;
    let spots = world.place("bay", 3, 0).await;
    let mut feed = world.bridge().await;
    let batch: Vec<_> = spots.iter().map(|spot| world.says(spot, true)).collect();
    feed.send(batch.clone()).await;
    assert_eq!(feed.exchange(1, batch.clone(), Vec::new()).await.unwrap(), 1, "in the stream");
    world.boot().await;
    let mut feed = world.bridge().await;
    feed.send(batch).await;
    world.published().await;
    for spot in &spots {
        assert_eq!(world.state(spot).await, (Occupied, 2));
        assert_eq!(world.facts_so_far(spot).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_numbers_is_not_acknowledged_over() {
    let world = World::start().await;
    let mut feed = world.bridge().await;
    assert_eq!(feed.exchange(2, Vec::new(), Vec::new()).await.unwrap(), 0);
    assert_eq!(feed.exchange(3, Vec::new(), Vec::new()).await.unwrap(), 0);
    assert_eq!(feed.exchange(1, Vec::new(), Vec::new()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_sensor_makes_its_spot_unknown_until_it_is_heard() {
    let world = World::start().await;
    let spot = world.place("bay", 1, 60).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, true)]).await;
    world.advance(100);
    feed.send(vec![world.says(&spot, true)]).await;
    // The wait itself takes more than a second of the two heartbeats.
    world.advance(117);
    tokio::time::timeout(std::time::Duration::from_millis(1_200), std::future::pending::<()>())
        .await
        .unwrap_err();
    assert_eq!(world.state(&spot).await, (Occupied, 2), "heard within two heartbeats");
    world.advance(4);
    let facts = world.facts(&spot, 3).await;
    assert_eq!(kinds(&facts)[2], "sensor_silent");
    assert_eq!(world.state(&spot).await, (Unknown, 3));
    let sensor = world.spot(spot.spot_id).await.sensor.unwrap();
    assert_eq!(sensor.health(), proto::SensorHealth::Silent);
    feed.send(vec![world.says(&spot, false)]).await;
    let recovered: proto::SensorRecovered = world.facts(&spot, 4).await[3].decode().unwrap();
    assert!(!recovered.occupied);
    assert_eq!(world.state(&spot).await, (Vacant, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_silent_before_what_was_said_meanwhile_has_come_in() {
    // This world keeps the usual grace.
    let mut world = World::without_settling().await;
    let spot = world.place("bay", 1, 60).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, true)]).await;
    world.stop().await;
    world.advance(1_000);
    world.boot().await;
    let look = tokio::time::Duration::from_millis(1_200);
    tokio::time::timeout(look, std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(world.state(&spot).await, (Occupied, 2));
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, true)]).await;
    assert_eq!(world.state(&spot).await, (Occupied, 2), "no gap in what is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_pending_when_the_service_died_settles_after_its_start() {
    let mut world = World::start().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    feed.send(vec![world.says(&spot, true)]).await;
    world.stop().await;
    world.advance(5);
    world.boot().await;
    assert_eq!(kinds(&world.facts(&spot, 3).await)[2], "spot_occupied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_another_process_wrote_and_did_not_live_to_settle_is_found() {
    let world = World::start().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    sqlx::query(
        "UPDATE sensor SET pending_occupied = true, pending_change_time = last_seen_time,
                pending_receive_time = last_seen_time, settle_time = last_seen_time",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    assert_eq!(kinds(&world.facts(&spot, 3).await)[2], "spot_occupied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_many_settle_by_themselves_and_none_before_it_is_due() {
    let world = World::start().await;
    let spots = world.place("bay", 200, 0).await;
    let mut feed = world.bridge().await;
    feed.send(spots.iter().map(|spot| world.says(spot, false)).collect()).await;
    feed.send(spots.iter().map(|spot| world.says(spot, true)).collect()).await;
    let least_late_ms: f64 = eventually("all settled", || async {
        // A fact's creation is the instant of its transaction; its due time lies 3 s after the reading.
        let row: (i64, Option<f64>) = sqlx::query_as(
            "SELECT count(*), min(extract(epoch FROM outbox.create_time - sensor.last_seen_time)
                                  * 1000 - 3000)::float8
             FROM outbox JOIN sensor ON spot_id = aggregate_id
             WHERE fact_type = 'parkmesh.sensor.v1.spot_occupied'",
        )
        .fetch_one(&world.pool)
        .await
        .unwrap();
        (row.0 == 200).then_some(row.1).flatten()
    })
    .await;
    // How late the last of them is depends on the machine, and is not for a test to say.
    assert!(least_late_ms >= 0.0, "{} ms early", -least_late_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_carry_the_same_devices_do_not_disturb_each_other() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 50, 0).await;
    let (mut first, mut second) = (world.bridge().await, world.bridge().await);
    for round in 0..10_u64 {
        let batch = |reverse: bool| {
            let mut batch: Vec<_> = spots
                .iter()
                .map(|spot| proto::Reading {
                    boot: 1,
                    sequence: Some(round),
                    ..world.says(spot, round % 2 == 0)
                })
                .collect();
            if reverse {
                batch.reverse();
            }
            batch
        };
        tokio::join!(first.send(batch(false)), second.send(batch(true)));
    }
    for spot in &spots {
        // Registered, then ten rounds of which each is a change.
        assert_eq!(world.state(spot).await, (Vacant, 11));
    }
}
