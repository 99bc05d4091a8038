//! What is around a frame, and messages without a frame.

use proptest::prelude::*;
use serde_json::json;

use crate::decode::chirpstack::Event;
use crate::decode::plain::{Fields, Mappings, Plain};
use crate::decode::{Cause, Source, Topics, Unreadable, Uplink, chirpstack, plain, things_stack};

fn cause<T>(outcome: Result<T, Unreadable>) -> Option<Cause> {
    outcome.err().map(|error| error.cause)
}

fn read(text: &str) -> Result<Plain, Unreadable> {
    plain::decode(&Fields::default(), text.as_bytes())
}

#[test]
fn plain_json_is_read_with_all_and_with_few_fields() {
    let all = read(
        r#"{"occupied":true,"time":"2026-05-01T08:00:00Z","boot":1,"sequence":2,
            "battery":89.6,"temperature":21.5,"something":"else"}"#,
    )
    .expect("readable");
    assert_eq!((all.occupied, all.boot, all.sequence), (Some(true), 1, Some(2)));
    assert_eq!(all.time.map(|time| time.as_second()), Some(1_777_622_400));
    assert_eq!((all.battery_percent(), all.temperature), (Some(90), Some(21.5)));
    assert_eq!(read("{}"), Ok(Plain::default()), "a sign of life");
    let battery = read(r#"{"battery":254}"#).expect("readable").battery_percent();
    assert_eq!(battery, None, "not a percentage");
    for broken in [
        "",
        "true",
        "[]",
        r#"{"occupied":2}"#,
        r#"{"time":"noon"}"#,
        r#"{"boot":-1}"#,
        r#"{"historical":1}"#,
    ] {
        assert_eq!(cause(read(broken)), Some(Cause::BadEnvelope), "{broken}");
    }
}

#[test]
fn the_same_fact_is_read_under_the_names_that_cities_give_it() {
    let state = |text| read(text).map(|plain| plain.occupied);
    for yes in [
        r#"{"id":"7","timestamp":1777622400,"occupied":true,"packettype":"Heartbeat"}"#,
        r#"{"parked":1}"#,
        r#"{"status":1}"#,
        r#"{"status":"Present"}"#,
        r#"{"parking_status":1}"#,
        r#"{"status":"ok","parking_status":1}"#,
    ] {
        assert_eq!(state(yes), Ok(Some(true)), "{yes}");
    }
    for no in [
        r#"{"occupied":false}"#,
        r#"{"parked":0}"#,
        r#"{"status":0}"#,
        r#"{"status":"Unoccupied"}"#,
        r#"{"parking_status":0}"#,
    ] {
        assert_eq!(state(no), Ok(Some(false)), "{no}");
    }
    assert_eq!(cause(state(r#"{"status":"perhaps"}"#)), Some(Cause::BadEnvelope));
    let seconds = |text| read(text).ok().and_then(|plain| plain.time).map(|time| time.as_second());
    assert_eq!(seconds(r#"{"timestamp":1777622400}"#), Some(1_777_622_400));
    assert_eq!(seconds(r#"{"timestamp":1777622400123}"#), Some(1_777_622_400));
    assert_eq!(seconds(r#"{"timestamp":1e300}"#), None);
}

#[test]
fn a_mapping_of_its_own_replaces_names_and_words() {
    let text = r#"{"berlin":{"occupied":["belegung"],"occupied_words":["belegt"],"vacant_words":["frei"]}}"#;
    let mappings: Mappings = text.parse().expect("mappings");
    let state = |name, text: &str| {
        plain::decode(mappings.of(name), text.as_bytes()).map(|plain| plain.occupied)
    };
    assert_eq!(state("berlin", r#"{"belegung":"Belegt"}"#), Ok(Some(true)));
    assert_eq!(state("berlin", r#"{"belegung":"frei","occupied":true}"#), Ok(Some(false)));
    assert_eq!(state("elsewhere", r#"{"belegung":"frei","occupied":true}"#), Ok(Some(true)));
}

#[test]
fn a_chirpstack_uplink_is_read_and_absent_fields_are_zero() {
    let payload = br#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time":"2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo":{"tenantId":"52f14cd4","devEui":"0101010101010101","tags":{"key":"value"}},
        "fCnt":7,"fPort":2,"confirmed":false,"data":"Af8=","rxInfo":[{"gatewayId":"01","rssi":-48}]}"#;
    let up = |eui, payload: &[u8]| chirpstack::decode(Event::Up, eui, payload);
    let uplink = up("0101010101010101", payload).expect("readable");
    assert_eq!((uplink.frame_count, uplink.port), (Some(7), 2));
    assert_eq!(uplink.data, [1, 255]);
    let bare = up("0101010101010101", b"{}").expect("readable");
    assert_eq!(bare, Uplink { frame_count: Some(0), ..Uplink::default() });
    let other = up("0202020202020202", payload);
    assert_eq!(cause(other), Some(Cause::BadEnvelope), "speaks for another device than its topic");
    assert_eq!(cause(up("01", br#"{"data":"%%"}"#)), Some(Cause::BadEnvelope));
    let long = json!({ "data": "A".repeat(400) }).to_string();
    assert_eq!(cause(up("01", long.as_bytes())), Some(Cause::BadEnvelope));
}

#[test]
fn a_chirpstack_status_tells_of_the_battery_and_a_join_of_life() {
    let told =
        |event, text: &str| chirpstack::decode(event, "01", text.as_bytes()).expect("readable");
    let percent = |text| told(Event::Status, text).battery_percent;
    assert_eq!(percent(r#"{"margin":7,"batteryLevel":75.6}"#), Some(76));
    assert_eq!(percent(r#"{"margin":7}"#), Some(0), "an absent field is zero");
    assert_eq!(percent(r#"{"margin":7,"externalPowerSource":true}"#), None);
    assert_eq!(percent(r#"{"margin":7,"batteryLevelUnavailable":true}"#), None);
    let join = told(Event::Join, r#"{"deduplicationId":"d","devAddr":"00189440"}"#);
    assert_eq!((join.frame_count, join.deduplication_id.as_str()), (None, "d"));
}

#[test]
fn a_things_stack_uplink_is_read_and_what_is_left_out_is_zero() {
    let payload = json!({
        "end_device_ids": {"device_id": "bay-7", "dev_eui": "70B3D57ED0000001"},
        "received_at": "2026-05-01T08:00:01Z",
        "uplink_message": {
            "session_key_id": "AXNn", "f_cnt": 12, "f_port": 1, "frm_payload": "AQ==",
            "received_at": "2026-05-01T08:00:00Z",
            "version_ids": {"brand_id": "bosch", "model_id": "tps110"},
        },
    });
    let decode =
        |payload: &serde_json::Value| things_stack::decode("bay-7", payload.to_string().as_bytes());
    let (device_id, uplink) = decode(&payload).expect("readable");
    assert_eq!(device_id, "70b3d57ed0000001");
    assert_eq!((uplink.frame_count, uplink.port), (Some(12), 1));
    assert_eq!((uplink.data.as_slice(), uplink.deduplication_id.as_str()), (&[1][..], "AXNn/12"));
    let bare = json!({ "uplink_message": {"frm_payload": "AA=="}, "simulated": true });
    let (device_id, uplink) = decode(&bare).expect("readable");
    assert_eq!((device_id.as_str(), uplink.frame_count, uplink.port), ("bay-7", Some(0), 0));
    assert!(uplink.simulated);
    let other = json!({ "end_device_ids": {"device_id": "bay-8"}, "uplink_message": {} });
    assert_eq!(cause(decode(&other)), Some(Cause::BadEnvelope));
    let join = json!({ "join_accept": {}, "received_at": "2026-05-01T08:00:01Z" });
    assert_eq!(decode(&join).expect("readable").1.frame_count, None);
}

#[test]
fn a_topic_says_who_speaks() {
    let topics = Topics::new("/city/north/", None, &["ulm/+/state".to_owned()]);
    assert_eq!(topics.filters()[0], "city/north/parkmesh/devices/+/up");
    let bare = |device: &str, port| Source::Bare { device_id: device.to_owned(), port };
    assert_eq!(topics.source("city/north/parkmesh/devices/bay 7/up"), bare("bay 7", 1));
    assert_eq!(topics.source("city/north/parkmesh/devices/7/up/3"), bare("7", 3));
    assert_eq!(topics.source("city/north/ulm/bay-9/state"), bare("bay-9", 1));
    let eui = "city/north/application/a1/device/0004A30B001A2B3C/event/up";
    let device_id = "0004a30b001a2b3c".to_owned();
    assert_eq!(topics.source(eui), Source::ChirpStack { device_id, event: Event::Up });
    let things = topics.source("city/north/v3/lot@tenant/devices/bay-7/up");
    assert_eq!(things, Source::ThingsStack { name: "bay-7".to_owned() });
    for other in [
        "parkmesh/devices/7/up",
        "city/north/parkmesh/devices//up",
        "",
        "city/north/",
        "city/north/parkmesh/devices/7/up/300",
        "city/north/application/a1/device/0004A30B001A2B3C/event/ack",
        "city/north/spBv1.0/g/NCMD/n",
        "city/north/spBv1.0/g/DDATA/n",
    ] {
        assert_eq!(topics.source(other), Source::Other, "{other}");
    }
}

#[test]
fn bridges_share_everything_but_the_nodes_that_all_must_know() {
    let filters = Topics::new("", Some("bridges"), &[]).filters();
    let (own, shared): (Vec<_>, Vec<_>) =
        filters.iter().partition(|filter| filter.starts_with("spBv1.0/"));
    assert_eq!(own.len(), 6);
    assert!(shared.iter().all(|filter| filter.starts_with("$share/bridges/")), "{shared:?}");
    assert!(shared.iter().any(|filter| filter.ends_with("application/+/device/+/event/up")));
}

#[test]
fn a_device_may_speak_where_we_hear_it_and_nowhere_else() {
    let topics = Topics::new("city", Some("bridges"), &["ulm/+/state".to_owned()]);
    let bay = topics.speaker("bay 7").expect("a name");
    assert_eq!(bay.user, "bay 7");
    let writes = ["parkmesh/devices/bay 7/up", "ulm/bay 7/state", "parkmesh/devices/bay 7/up/+"];
    assert_eq!(bay.writes, writes.map(|topic| format!("city/{topic}")));
    assert!(bay.reads.is_empty());
    for topic in &bay.writes {
        let source = topics.source(&topic.replace('+', "3"));
        assert!(
            matches!(&source, Source::Bare { device_id, .. } if device_id == "bay 7"),
            "{source:?}"
        );
    }
    for device in ["g/n", "g/n/d", "g/n/d/place"] {
        let node = topics.speaker(device).expect("a name");
        assert_eq!(
            (node.user.as_str(), node.reads),
            ("g/n", vec!["city/spBv1.0/g/NCMD/n".to_owned()])
        );
        assert_eq!(node.writes.len(), 6);
        for topic in &node.writes {
            let source = topics.source(&topic.replace('+', "d"));
            assert!(
                matches!(&source, Source::Sparkplug(who) if who.node_name() == "g/n"),
                "{source:?}"
            );
        }
    }
    // Such a name would open other topics than its own, or none.
    for name in ["", "+", "#", "a+", "a/#", "$SYS", "a\nb", "/", "a/", "/a", "a//b"] {
        assert_eq!(topics.speaker(name), None, "{name:?}");
    }
    let bridge = topics.bridge("bridge");
    assert_eq!(bridge.writes, ["city/spBv1.0/+/NCMD/+"]);
    assert!(bridge.reads.iter().all(|topic| topic.starts_with("city/")), "{:?}", bridge.reads);
    assert_eq!(topics.cameras("north", "7").writes, ["city/parkmesh/lots/7/gates/+/plates"]);
    assert_eq!(topics.network("lorawan").writes, ["city/application/#", "city/v3/#"]);
}

proptest! {
    #[test]
    fn no_json_with_our_fields_makes_an_envelope_panic(
        boot: i128, sequence: f64, battery: f64, data: String, time: String,
    ) {
        let json = json!({
            "boot": boot.to_string(), "sequence": sequence, "battery": battery,
            "data": data, "time": time, "fCnt": sequence, "fPort": battery, "timestamp": battery,
        }).to_string();
        let _any = read(&json).map(|read| read.battery_percent());
        let _any = chirpstack::decode(Event::Status, "0101010101010101", json.as_bytes());
    }

    #[test]
    fn no_topic_makes_us_panic(text: String) {
        let _any = Topics::new(&text, Some(&text), std::slice::from_ref(&text)).source(&text);
    }
}
