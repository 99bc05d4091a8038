//! What is around a frame, and messages without a frame.

use proptest::prelude::*;

use crate::decode::{Cause, Source, Topics, chirpstack, plain};

#[test]
fn plain_json_is_read_with_all_and_with_few_fields() {
    let all = br#"{"occupied":true,"time":"2026-05-01T08:00:00Z","boot":1,"sequence":2,
        "battery":89.6,"temperature":21.5,"something":"else"}"#;
    let read = plain::decode(all).expect("readable");
    assert_eq!((read.occupied, read.boot, read.sequence), (Some(true), 1, Some(2)));
    assert_eq!(read.time.map(|time| time.as_second()), Some(1_777_622_400));
    assert_eq!((read.battery_percent(), read.temperature), (Some(90), Some(21.5)));
    assert_eq!(plain::decode(b"{}"), Ok(plain::Plain::default()), "a sign of life");
    let battery = plain::decode(br#"{"battery":254}"#).expect("readable").battery_percent();
    assert_eq!(battery, None, "not a percentage");
    for broken in ["", "true", "[]", r#"{"occupied":1}"#, r#"{"time":"noon"}"#, r#"{"boot":-1}"#] {
        let cause = plain::decode(broken.as_bytes()).map_err(|error| error.cause);
        assert_eq!(cause, Err(Cause::BadEnvelope), "{broken}");
    }
}

#[test]
fn a_chirpstack_uplink_is_read_and_absent_fields_are_zero() {
    let payload = br#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time":"2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo":{"tenantId":"52f14cd4","devEui":"0101010101010101","tags":{"key":"value"}},
        "fCnt":7,"fPort":2,"confirmed":false,"data":"Af8=","rxInfo":[{"gatewayId":"01","rssi":-48}]}"#;
    let uplink = chirpstack::decode("0101010101010101", payload).expect("readable");
    assert_eq!((uplink.frame_count, uplink.port, uplink.data.as_slice()), (7, 2, &[1, 255][..]));
    let bare = chirpstack::decode("0101010101010101", b"{}").expect("readable");
    assert_eq!((bare.frame_count, bare.port, bare.data.len(), bare.time), (0, 0, 0, None));
    let other = chirpstack::decode("0202020202020202", payload).map_err(|error| error.cause);
    assert_eq!(other, Err(Cause::BadEnvelope), "speaks for another device than its topic");
    let garbled = chirpstack::decode("01", br#"{"data":"%%"}"#).map_err(|error| error.cause);
    assert_eq!(garbled, Err(Cause::BadEnvelope));
}

#[test]
fn a_topic_says_who_speaks() {
    let topics = Topics::new("/city/north/", None);
    assert_eq!(topics.filters()[0], "city/north/parkmesh/devices/+/up");
    assert_eq!(
        topics.source("city/north/parkmesh/devices/bay 7/up"),
        Source::Plain { device_id: "bay 7".to_owned() }
    );
    let eui = "city/north/application/a1/device/0004A30B001A2B3C/event/up";
    let device_id = "0004a30b001a2b3c".to_owned();
    assert_eq!(topics.source(eui), Source::ChirpStack { device_id });
    for other in ["parkmesh/devices/7/up", "city/north/parkmesh/devices//up", "", "city/north/"] {
        assert_eq!(topics.source(other), Source::Other, "{other}");
    }
    let shared = Topics::new("", Some("bridges")).filters();
    assert_eq!(shared[1], "$share/bridges/application/+/device/+/event/up");
}

proptest! {
    #[test]
    fn no_payload_makes_an_envelope_panic(payload: Vec<u8>, text: String) {
        let _any = plain::decode(&payload).map(|read| read.battery_percent());
        let _any = chirpstack::decode(&text, &payload);
        let _any = chirpstack::decode(&text, text.as_bytes());
        let _any = Topics::new(&text, Some(&text)).source(&text);
    }

    #[test]
    fn no_json_with_our_fields_makes_an_envelope_panic(
        boot: i128, sequence: f64, battery: f64, data: String, time: String,
    ) {
        let json = serde_json::json!({
            "boot": boot.to_string(), "sequence": sequence, "battery": battery,
            "data": data, "time": time, "fCnt": sequence, "fPort": battery,
        }).to_string();
        let _any = plain::decode(json.as_bytes()).map(|read| read.battery_percent());
        let _any = chirpstack::decode("0101010101010101", json.as_bytes());
    }
}
