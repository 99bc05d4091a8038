//! Facts: their list, their subjects, and their bytes, which other versions of ours must still read.

use parkmesh_contracts::booking::v1::{BookingHeld, BookingState, BookingSummary};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::facts::{self, ALL, Fact};
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1::SpotOccupied;
use prost::Message;

const LOT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn seconds(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

#[test]
fn every_fact_has_a_stream_and_a_name_in_its_domain() {
    assert!(ALL.len() >= 17, "only {} facts", ALL.len());
    for fact in ALL {
        let streams = ["BOOKING", "PAYMENT", "SENSOR", "NOTIFICATION"];
        assert!(streams.contains(&fact.stream), "{fact:?}");
        let domain = fact.stream.to_ascii_lowercase();
        assert!(fact.fact_type.starts_with(&format!("parkmesh.{domain}.v1.")), "{fact:?}");
        assert_eq!(facts::find(fact.fact_type), Some(fact));
    }
    assert_eq!(facts::find("parkmesh.booking.v1.nothing"), None);
}

#[test]
fn every_fact_stands_in_the_list_of_subjects() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");
    let text = std::fs::read_to_string(path).expect("docs/events.md");
    for fact in ALL {
        assert!(
            text.contains(fact.fact_type),
            "docs/events.md does not tell of {}",
            fact.fact_type
        );
    }
}

#[test]
fn a_subject_ends_with_its_lot() {
    let lot = LotId::parse(LOT).expect("an id");
    assert_eq!(facts::subject(BookingHeld::TYPE, lot), format!("parkmesh.booking.v1.held.{LOT}"));
    assert_eq!(facts::subject(BookingHeld::TYPE, None), "parkmesh.booking.v1.held.none");
    assert_eq!(facts::filter(SpotOccupied::TYPE), "parkmesh.sensor.v1.spot_occupied.*");
}

#[test]
fn a_held_fact_keeps_its_bytes() {
    let fact = BookingHeld {
        lot_id: "L".to_owned(),
        version: 1,
        booking: Some(BookingSummary {
            booking_id: "B".to_owned(),
            spot_id: "S".to_owned(),
            window: Some(Window { start_time: seconds(60), end_time: seconds(120) }),
            state: BookingState::Held.into(),
            version: 1,
            ..Default::default()
        }),
        hold_expire_time: seconds(90),
    };
    let bytes = fact.encode_to_vec();
    let golden = "0a014c 1001 1a14 0a0142 3a0153 52080a02083c12020878 5801 6001 2202085a";
    assert_eq!(
        hex(&bytes),
        golden_of(golden),
        "a change here breaks processes of the version before"
    );
    assert_eq!(BookingHeld::decode(bytes.as_slice()).expect("our own bytes"), fact);
    assert_eq!(fact.lot_id(), "L");
}

#[test]
fn an_occupied_fact_keeps_its_bytes_and_lets_unknown_fields_pass() {
    let fact = SpotOccupied {
        lot_id: "L".to_owned(),
        version: 3,
        spot_id: "S".to_owned(),
        floor_id: "F".to_owned(),
        change_time: seconds(60),
        receive_time: seconds(61),
    };
    let mut bytes = fact.encode_to_vec();
    assert_eq!(hex(&bytes), golden_of("0a014c 1003 1a0153 220146 2a02083c 3202083d"));
    // What a later version may add: field 100, a varint.
    bytes.extend([0xa0, 0x06, 0x01]);
    assert_eq!(SpotOccupied::decode(bytes.as_slice()).expect("a later version's bytes"), fact);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn golden_of(text: &str) -> String {
    text.replace(' ', "")
}
