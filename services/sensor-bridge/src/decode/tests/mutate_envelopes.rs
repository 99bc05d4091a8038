//! The same mutator for what is around frames.

use std::cell::RefCell;

use parkmesh_contracts::sensor::v1::Reading;
use parkmesh_contracts::validate::Validate;
use prost::Message as _;

use super::mutate::{executions, leave, run, tell};
use crate::decode::chirpstack::Event;
use crate::decode::plain::{Fields, Mappings};
use crate::decode::sparkplug::{Metric, Payload};
use crate::decode::{Topics, chirpstack, plain, things_stack};
use crate::devices::Registered;
use crate::interpret::{Interpreter, Raw, Said};

const CHIRPSTACK: [&str; 3] = [
    r#"{"deduplicationId":"3ac7e3c4","time":"2022-07-18T09:34:15.775Z","deviceInfo":{"devEui":"0101010101010101"},"fCnt":7,"fPort":2,"data":"Af8=","object":{"occupied":true}}"#,
    r#"{"margin":7,"batteryLevel":75.6,"externalPowerSource":false,"batteryLevelUnavailable":true}"#,
    r#"{"fPort":1,"data":"AQ=="}"#,
];
const THINGS_STACK: [&str; 2] = [
    r#"{"end_device_ids":{"device_id":"b","dev_eui":"70B3D57ED0000001"},"received_at":"2026-05-01T08:00:01Z","uplink_message":{"session_key_id":"AXNn","f_cnt":12,"f_port":1,"frm_payload":"AQ==","decoded_payload":{"status":1}}}"#,
    r#"{"uplink_message":{"frm_payload":"AA=="},"simulated":true}"#,
];
const PLAIN: [&str; 4] = [
    r#"{"occupied":true,"time":"2026-05-01T08:00:00Z","boot":1,"sequence":2,"battery":89.6,"temperature":21.5,"message_id":"m","historical":false,"startup":true}"#,
    r#"{"id":"7","timestamp":1777622400,"occupied":false,"packettype":"Heartbeat"}"#,
    r#"{"status":"Present","timestamp":1777622400123}"#,
    r#"{"parking_status":0,"parked":1}"#,
];

fn survive(name: &str, seeds: &[Vec<u8>], execute: impl Fn(&[u8]) -> bool) {
    let outcome = run(name, seeds, executions(), leave, execute);
    let outcome = outcome
        .unwrap_or_else(|input| panic!("{name} panics at {:?}", String::from_utf8_lossy(&input)));
    tell(name, &outcome);
    // Most mutations break the syntax; enough must not.
    assert!(outcome.read * 100 / outcome.executions >= 2, "{name}: {} read", outcome.read);
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn no_words_make_the_plain_decoder_panic() {
    let fields = Fields::default();
    survive("plain-json", &seeds(&PLAIN), |bytes| {
        plain::decode(&fields, bytes).map(|plain| plain.battery_percent()).is_ok()
    });
}

#[test]
fn nothing_from_a_network_server_makes_us_panic() {
    std::thread::scope(|threads| {
        threads.spawn(|| {
            survive("chirpstack", &seeds(&CHIRPSTACK), |bytes| {
                let all =
                    Event::ALL.map(|event| chirpstack::decode(event, "0101010101010101", bytes));
                all.iter().any(Result::is_ok)
            });
        });
        threads.spawn(|| {
            survive("things-stack", &seeds(&THINGS_STACK), |bytes| {
                things_stack::decode("b", bytes).is_ok()
            });
        });
    });
}

fn node_seeds() -> Vec<Vec<u8>> {
    let metric = |name: &str, alias, datatype| Metric {
        name: Some(name.to_owned()),
        alias,
        datatype: Some(datatype),
        ..Metric::default()
    };
    let birth = vec![
        Metric { long_value: Some(3), ..metric("bdSeq", None, 8) },
        Metric { boolean_value: Some(true), ..metric("bay 1/occupied", Some(1), 11) },
        Metric { int_value: Some(0xfb), ..metric("bay 1/temperature", Some(2), 1) },
        Metric { double_value: Some(f64::NAN), ..metric("bay 1/battery", Some(3), 10) },
    ];
    let data = vec![
        Metric { alias: Some(1), boolean_value: Some(false), ..Metric::default() },
        Metric {
            alias: Some(2),
            int_value: Some(7),
            is_historical: Some(true),
            ..Metric::default()
        },
        Metric { alias: Some(9), string_value: Some("present".into()), ..Metric::default() },
    ];
    let payload = |metrics, seq| Payload { timestamp: Some(1_777_622_400_000), metrics, seq };
    let payloads = [payload(birth, Some(0)), payload(data, Some(u64::MAX))];
    // The first byte chooses the topic.
    payloads
        .iter()
        .flat_map(|payload| (0..6).map(|kind| [&[kind][..], &payload.encode_to_vec()].concat()))
        .collect()
}

/// The whole way from a message to the contract: no answer may break its rules, or a batch would be refused.
#[test]
fn whatever_a_node_says_keeps_the_rules_of_the_contract() {
    let topics = ["NBIRTH/n", "DBIRTH/n/d", "NDATA/n", "DDATA/n/d", "NDEATH/n", "DDEATH/n/d"];
    let topics = topics.map(|rest| format!("spBv1.0/g/{rest}"));
    let interpreter =
        RefCell::new(Interpreter::new(Topics::new("", None, &[]), Mappings::default()));
    survive("sparkplug-b", &node_seeds(), |bytes| {
        let (kind, payload) = bytes.split_first().map_or((0, bytes), |(kind, rest)| (*kind, rest));
        let topic = &topics[usize::from(kind) % topics.len()];
        says_something(&mut interpreter.borrow_mut(), topic, payload, None)
    });
}

fn says_something(
    interpreter: &mut Interpreter,
    topic: &str,
    payload: &[u8],
    device: Option<&Registered>,
) -> bool {
    let receive_time = jiff::Timestamp::UNIX_EPOCH;
    let raw = Raw { topic, payload, retained: false, receive_time };
    let opened = interpreter.open(&raw);
    let said = interpreter.read(&raw, opened, device);
    let readable = said.iter().filter(|said| match said {
        Said::Reading(reading) => {
            assert_eq!(Reading::validate(reading), Ok(()));
            true
        }
        Said::Plate(plate) => {
            assert_eq!(plate.validate(), Ok(()));
            true
        }
        Said::Unreadable(frame) => {
            assert_eq!(frame.validate(), Ok(()));
            false
        }
    });
    readable.count() > 0
}

#[test]
fn whatever_comes_on_a_bare_topic_keeps_the_rules_of_the_contract() {
    let mut all = seeds(&PLAIN);
    all.extend(
        super::corpus::all().into_iter().flat_map(|saved| saved.frames).map(|(_, bytes)| bytes),
    );
    let interpreter =
        RefCell::new(Interpreter::new(Topics::new("", None, &[]), Mappings::default()));
    let devices =
        [None, Some(Registered::new("moko-lw009-sm", "")), Some(Registered::new("placepod", ""))];
    let turn = std::cell::Cell::new(0_usize);
    survive("bare-topic", &all, |bytes| {
        turn.set((turn.get() + 1) % devices.len());
        let device = devices[turn.get()].as_ref();
        says_something(&mut interpreter.borrow_mut(), "parkmesh/devices/a/up", bytes, device)
    });
}
