//! What devices say of themselves, and what is kept of what they said.

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::OccupancyState::{Occupied, Unknown, Vacant};
use parkmesh_contracts::time::{from_proto, to_proto};
use parkmesh_testkit::eventually;
use prost::Message;

use crate::world::{World, kinds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_device_says_of_itself_is_shown_until_it_says_otherwise() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    let weak = proto::Reading {
        battery_low: Some(true),
        battery_percent: Some(9),
        faulty: true,
        startup: true,
        ..world.says(&spot, true)
    };
    feed.send(vec![weak]).await;
    let sensor = world.spot(spot.spot_id).await.sensor.unwrap();
    assert!(sensor.battery_low && sensor.faulty && sensor.low_confidence);
    assert_eq!((sensor.battery_percent, sensor.health()), (9, proto::SensorHealth::Suspect));
    world.advance(1);
    feed.send(vec![world.says(&spot, true)]).await;
    let sensor = world.spot(spot.spot_id).await.sensor.unwrap();
    assert!(sensor.battery_low && !sensor.faulty, "the battery is not better for silence");
    assert_eq!(sensor.health(), proto::SensorHealth::Ok);
    let facts = world.facts(&spot, 3).await;
    assert_eq!(kinds(&facts), ["sensor_silent", "sensor_recovered", "sensor_suspect"]);
    let recovered: proto::SensorRecovered = facts[1].decode().unwrap();
    assert_eq!(recovered.suspicion(), proto::SuspicionCause::Faulty);
    let suspect: proto::SensorSuspect = facts[2].decode().unwrap();
    assert_eq!(suspect.cause(), proto::SuspicionCause::Faulty);
    world.advance(1);
    feed.send(vec![world.says(&spot, false)]).await;
    let vacated: proto::SpotVacated = world.facts(&spot, 4).await[3].decode().unwrap();
    assert_eq!(vacated.suspicion(), proto::SuspicionCause::Unspecified, "it is trusted again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_its_network_has_lost_is_silent_at_once_and_told_so_once() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, true)]).await;
    world.advance(1);
    let lost = proto::Reading { unreachable: true, occupied: None, ..world.says(&spot, true) };
    // Every bridge tells it.
    feed.send(vec![lost.clone(), lost]).await;
    assert_eq!(world.state(&spot).await, (Unknown, 3));
    world.advance(1);
    feed.send(vec![world.says(&spot, false)]).await;
    assert_eq!(world.state(&spot).await, (Vacant, 4));
    let told = world.facts(&spot, 4).await;
    let told = kinds(&told);
    assert_eq!(told, ["sensor_silent", "sensor_recovered", "sensor_silent", "sensor_recovered"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_message_does_not_make_a_late_change() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    let arrived = world.clock.now();
    world.advance(3_600);
    let late = proto::Reading {
        previous_state_seconds: Some(20 * 60),
        previous_state_slack_seconds: Some(0),
        ..world.says(&spot, true)
    };
    feed.send(vec![late]).await;
    let occupancy = world.spot(spot.spot_id).await.occupancy.unwrap();
    assert_eq!(occupancy.state(), Occupied);
    let change_time = from_proto(&occupancy.change_time.unwrap()).unwrap();
    let after = change_time.duration_since(arrived).as_secs();
    assert!((1_200..=1_260).contains(&after), "{after} s after the car before had left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_is_kept_by_lot_to_look_back_at() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 2, 0).await;
    let stranger = crate::world::Placed { device_id: "stranger".into(), spot_id: world.ids.next() };
    let mut feed = world.bridge().await;
    let said: Vec<_> = spots
        .iter()
        .map(|spot| proto::Reading {
            temperature_celsius: Some(19.5),
            change_time: Some(to_proto(world.clock.now())),
            ..world.says(spot, true)
        })
        .collect();
    feed.send([said.clone(), vec![world.says(&stranger, true)]].concat()).await;
    eventually("a message in READINGS", || async {
        let state = world.bus.stream_state("READINGS").await.unwrap();
        (state.last_sequence == 1).then_some(())
    })
    .await;
    let stream = world.bus.jetstream().get_stream(world.bus.name("READINGS")).await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    assert!(message.subject.ends_with(&format!("parkmesh.readings.v1.reading.{}", world.lot)));
    let batch = proto::ReadingBatch::decode(message.payload).unwrap();
    assert_eq!((batch.lot_id, batch.readings), (world.lot.to_string(), said));
}
