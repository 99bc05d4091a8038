//! What becomes of what devices say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parkmesh_contracts::sensor::v1::{Reading, UnreadableFrame};
use parkmesh_testkit::eventually;

use crate::world::World;

const EUI: &str = "0004a30b001a2b3c";

fn uplink(count: u32, port: u8, data: &[u8]) -> (String, Vec<u8>, bool) {
    let payload = serde_json::json!({
        "deduplicationId": format!("id-{count}"), "time": "2026-05-01T08:00:00Z",
        "deviceInfo": {"devEui": EUI}, "fCnt": count, "fPort": port, "data": STANDARD.encode(data),
    });
    let topic = format!("application/app/device/{EUI}/event/up");
    (topic, payload.to_string().into_bytes(), false)
}

async fn readings(world: &World, count: usize) -> Vec<Reading> {
    eventually("readings", || async {
        let readings = world.double.readings();
        (readings.len() >= count).then_some(readings)
    })
    .await
}

async fn unreadable(world: &World, count: usize) -> Vec<UnreadableFrame> {
    eventually("frames for the quarantine", || async {
        let frames = world.double.unreadable();
        (frames.len() >= count).then_some(frames)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_known_as_soon_as_it_is_registered() {
    let world = World::start().await;
    world.publish_all([uplink(1, 1, &[1])]).await;
    let frame = unreadable(&world, 1).await.remove(0);
    assert_eq!((frame.device_id.as_str(), frame.reason.as_str()), (EUI, "UNKNOWN_DEVICE"));
    world.double.register(EUI, "bosch-tps110");
    world.publish_all([uplink(2, 2, &[1, 0xff])]).await;
    let reading = readings(&world, 1).await.remove(0);
    assert_eq!((reading.occupied, reading.temperature_celsius), (Some(true), Some(-1.0)));
    assert_eq!((reading.sequence, reading.message_id.as_str()), (Some(2), "id-2"));
    assert!(reading.device_time.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_wait_for_the_sensor_service_to_say_who_is_who() {
    let world = World::start().await;
    world.double.register(EUI, "placepod");
    world.double.be_away(true);
    world.publish_all([uplink(1, 2, &[0x37, 0x66, 1])]).await;
    world.quiet().await;
    assert_eq!(world.double.readings(), []);
    world.double.be_away(false);
    assert_eq!(readings(&world, 1).await[0].occupied, Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_named_and_stalls_nobody() {
    let world = World::start().await;
    world.double.register(EUI, "placepod");
    let plain = |payload: &[u8]| ("parkmesh/devices/a/up".to_owned(), payload.to_vec(), false);
    let odd = "application/app/device/not-an-eui/event/up".to_owned();
    world
        .publish_all([
            plain(b"\xff\xfe not json"),
            uplink(1, 2, &[0x15]),
            (odd, b"{}".to_vec(), false),
            plain(&vec![b'['; 10_000]),
            plain(br#"{"occupied":false}"#),
        ])
        .await;
    assert_eq!(readings(&world, 1).await[0].occupied, Some(false));
    let frames = unreadable(&world, 4).await;
    let reasons: Vec<&str> = frames.iter().map(|frame| frame.reason.as_str()).collect();
    assert_eq!(reasons, ["BAD_ENVELOPE", "BAD_FRAME", "BAD_ENVELOPE", "BAD_ENVELOPE"]);
    assert!(frames.iter().all(|frame| frame.payload.len() <= 256));
    assert!(frames[2].topic.ends_with("not-an-eui/event/up"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_the_broker_had_kept_is_marked() {
    let mut world = World::start().await;
    let topic = || "parkmesh/devices/kept/up".to_owned();
    let payload = br#"{"occupied":true}"#.to_vec();
    world.publish_all([(topic(), payload, true)]).await;
    world.heard_from("kept", 1).await;
    assert!(!world.double.readings()[0].retained, "live for who listens");
    world.config.client_id.push_str("-second");
    world.double.forget();
    world.boot().await;
    assert!(readings(&world, 1).await[0].retained, "a hint for who comes later");
    world.publish_all([(topic(), Vec::new(), true)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plates_go_the_way_of_readings() {
    let world = World::start().await;
    let lot_id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let topic = format!("parkmesh/lots/{lot_id}/gates/north/plates");
    let payload = br#"{"plate":"B-PM 123","direction":"entry","id":"7"}"#;
    world.publish_all([(topic, payload.to_vec(), false)]).await;
    let plate = eventually("a plate", || async { world.double.plates().pop() }).await;
    assert_eq!((plate.lot_id.as_str(), plate.gate_id.as_str()), (lot_id, "north"));
    assert_eq!((plate.plate.as_str(), plate.message_id.as_str()), ("B-PM 123", "7"));
}
