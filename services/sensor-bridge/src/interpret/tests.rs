use proptest::prelude::*;

use super::*;

const GATE_TOPIC: &str = "parkmesh/lots/01890a5d-ac96-774b-bcce-b302099a8057/gates/north/plates";
const EUI_TOPIC: &str = "application/a/device/0004A30B001A2B3C/event/up";

fn interpreter() -> Interpreter {
    Interpreter::new(Topics::new("", None, &[]), Mappings::default())
}

fn said_of(topic: &str, payload: &[u8], device: Option<&Registered>) -> Said {
    let receive_time = Timestamp::UNIX_EPOCH;
    let raw = Raw { topic, payload, retained: false, receive_time };
    let mut interpreter = interpreter();
    let opened = interpreter.open(&raw);
    let mut said = interpreter.read(&raw, opened, device);
    assert_eq!(said.len(), 1);
    said.remove(0)
}

fn said(topic: &str, payload: &[u8], model: Option<&str>) -> Said {
    said_of(topic, payload, model.map(|model| Registered::new(model, "")).as_ref())
}

fn reading(said: Said) -> Reading {
    match said {
        Said::Reading(reading) => *reading,
        other => panic!("{other:?}"),
    }
}

fn reason(said: Said) -> Option<String> {
    match said {
        Said::Unreadable(frame) => Some(frame.reason),
        Said::Reading(_) | Said::Plate(_) => None,
    }
}

#[test]
fn a_frame_is_read_as_its_registered_model_says() {
    let payload = br#"{"fCnt":9,"fPort":2,"data":"Af8=","deduplicationId":"d"}"#;
    let reading = reading(said(EUI_TOPIC, payload, Some("bosch-tps110")));
    assert_eq!(reading.device_id, "0004a30b001a2b3c");
    assert_eq!((reading.occupied, reading.sequence), (Some(true), Some(9)));
    assert_eq!((reading.temperature_celsius, reading.message_id.as_str()), (Some(-1.0), "d"));
}

#[test]
fn the_registered_firmware_decides_the_order_of_bits() {
    // CA: new firmware, free after 101 (145 min); old firmware, occupied after 74 min.
    let payload = br#"{"fCnt":9,"fPort":1,"data":"yg=="}"#;
    let read = |firmware| {
        let device = Registered::new("nwave-nps405", firmware);
        let reading = reading(said_of(EUI_TOPIC, payload, Some(&device)));
        (reading.occupied, reading.previous_state_seconds, reading.previous_state_slack_seconds)
    };
    assert_eq!(read("2.4.9"), (Some(false), Some(145 * 60), Some(4 * 60)));
    assert_eq!(read("1.8"), (Some(true), Some(74 * 60), Some(0)));
}

#[test]
fn a_bare_topic_carries_words_or_frames_as_the_device_is_registered() {
    let topic = "parkmesh/devices/7/up";
    let frame = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
            .collect()
    };
    let moko = frame("7E1165F027B2000A0006010002010C32010100007E");
    let read = reading(said(topic, &moko, Some("moko-lw009-sm")));
    assert_eq!((read.occupied, read.sequence), (Some(true), None));
    assert_eq!(read.device_time.map(|time| time.seconds), Some(0x65f0_27b2));
    assert_eq!(read.change_time.map(|time| time.seconds), Some(0x65f0_27b2));
    let heartbeat = reading(said("parkmesh/devices/7/up/2", &[1, 0xff], Some("bosch-tps110")));
    assert_eq!(heartbeat.temperature_celsius, Some(-1.0));
    assert_eq!(reason(said(topic, &moko, None)).as_deref(), Some("BAD_ENVELOPE"));
    assert_eq!(
        reason(said(topic, b"{}", Some("placepod"))).as_deref(),
        Some("BAD_FRAME"),
        "no guess"
    );
    assert_eq!(reading(said(topic, br#"{"parked":1}"#, None)).occupied, Some(true));
}

#[test]
fn a_network_that_has_decoded_already_is_read_in_words() {
    let payload = br#"{"fCnt":3,"fPort":9,"data":"AAAA","object":{"parking_status":1}}"#;
    let reading = reading(said(EUI_TOPIC, payload, Some("plain-json")));
    assert_eq!((reading.occupied, reading.sequence), (Some(true), Some(3)));
}

#[test]
fn every_cause_is_named() {
    let frame = br#"{"fPort":9,"data":"Af8="}"#;
    let is = |said, cause: Cause| assert_eq!(reason(said).as_deref(), Some(cause.as_str()));
    is(said(EUI_TOPIC, frame, None), Cause::UnknownDevice);
    is(said(EUI_TOPIC, frame, Some("of-tomorrow")), Cause::UnknownModel);
    is(said(EUI_TOPIC, frame, Some("bosch-tps110")), Cause::BadFrame);
    is(said(EUI_TOPIC, b"?", None), Cause::BadEnvelope);
    is(said("application/a/device/x/event/up", frame, None), Cause::BadEnvelope);
    let long = format!("parkmesh/devices/{}/up", "x".repeat(65));
    is(said(&long, b"{}", None), Cause::BadEnvelope);
    is(said("spBv1.0/g/NDATA/n", b"", None), Cause::UnknownAlias);
}

#[test]
fn what_tells_of_the_past_or_is_made_up_is_marked_so() {
    let past = br#"{"occupied":true,"historical":true}"#;
    assert!(reading(said("parkmesh/devices/a/up", past, None)).retained);
    let made_up = br#"{"uplink_message":{"f_port":1,"frm_payload":"AQ=="},"simulated":true}"#;
    assert!(reading(said("v3/a@t/devices/a/up", made_up, Some("bosch-tps110"))).retained);
}

proptest! {
    /// One message that breaks a rule would have its whole batch refused.
    #[test]
    fn whatever_comes_keeps_the_rules_of_the_contract(
        device in ".{0,300}", text in ".{0,600}", payload: Vec<u8>, frame: bool,
    ) {
        let plate = serde_json::json!({"plate": device, "direction": "in", "id": text}).to_string();
        let plain = format!("parkmesh/devices/{device}/up");
        let json = serde_json::json!({"message_id": text, "occupied": true}).to_string();
        for topic in [plain.as_str(), EUI_TOPIC, GATE_TOPIC, &text] {
            for payload in [payload.as_slice(), json.as_bytes(), plate.as_bytes()] {
                match said(topic, payload, frame.then_some("placepod")) {
                    Said::Reading(reading) => prop_assert_eq!(reading.validate(), Ok(())),
                    Said::Plate(plate) => prop_assert_eq!(plate.validate(), Ok(())),
                    Said::Unreadable(frame) => prop_assert_eq!(frame.validate(), Ok(())),
                }
            }
        }
    }
}

#[test]
fn a_camera_tells_a_plate_and_what_makes_no_sense_is_set_aside_without_it() {
    let payload = br#"{"plate":"B-PM 123","direction":"entry","confidence":93,"id":"7"}"#;
    let Said::Plate(plate) = said(GATE_TOPIC, payload, None) else { panic!("a plate") };
    assert_eq!((plate.gate_id.as_str(), plate.plate.as_str()), ("north", "B-PM 123"));
    assert_eq!((plate.confidence_percent, plate.message_id.as_str()), (Some(93), "7"));
    let nowhere = GATE_TOPIC.replace("01890a5d-ac96-774b-bcce-b302099a8057", "mall");
    for (topic, payload) in [
        (GATE_TOPIC, &br#"{"plate":"B-PM 123"}"#[..]),
        (GATE_TOPIC, br#"{"plate":"B","direction":"in","note":"B-PM 123"}"#),
        (nowhere.as_str(), payload),
    ] {
        let Said::Unreadable(frame) = said(topic, payload, None) else { panic!("no plate") };
        assert_eq!((frame.reason.as_str(), frame.payload.len()), ("BAD_ENVELOPE", 0));
        assert!(!frame.detail.contains("PM"), "{}", frame.detail);
    }
}

#[test]
fn a_plate_that_the_broker_had_kept_is_of_a_car_that_is_gone() {
    let payload = br#"{"plate":"B-PM 123","direction":"entry"}"#;
    let raw =
        Raw { topic: GATE_TOPIC, payload, retained: true, receive_time: Timestamp::UNIX_EPOCH };
    let mut interpreter = interpreter();
    let opened = interpreter.open(&raw);
    assert_eq!(interpreter.read(&raw, opened, None), []);
}
