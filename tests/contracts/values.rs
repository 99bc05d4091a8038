//! Ids, times and windows.

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, UserId};
use parkmesh_contracts::time;
use parkmesh_contracts::window::Window;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn window(start: &str, end: &str) -> Window {
    Window::try_new(at(start), at(end)).expect("a window")
}

#[test]
fn an_id_is_read_back_as_it_was_written_and_nothing_else_is_an_id() {
    let text = "01890a5d-ac96-774b-bcce-b302099a8057";
    let id = BookingId::parse(text).expect("a UUID");
    assert_eq!(id.to_string(), text);
    assert_eq!(serde_json::to_string(&id).expect("JSON"), format!("\"{text}\""));
    for wrong in
        ["", "x", "01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a805"]
    {
        assert!(BookingId::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_user_id_is_what_a_token_may_name() {
    assert_eq!(UserId::parse("anna").expect("a name").as_str(), "anna");
    assert!(UserId::parse("").is_err());
    assert!(UserId::parse(&"x".repeat(UserId::MAX_LEN + 1)).is_err());
}

#[test]
fn windows_that_touch_do_not_overlap() {
    let nine = window("2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z");
    let ten = window("2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z");
    assert!(!nine.overlaps(&ten) && nine.touches(&ten));
    assert!(
        nine.contains(at("2026-03-01T09:00:00Z")) && !nine.contains(at("2026-03-01T10:00:00Z"))
    );
    let long = window("2026-03-01T09:30:00Z", "2026-03-01T10:30:00Z");
    assert!(nine.overlaps(&long) && long.overlaps(&ten) && !long.touches(&ten));
    assert_eq!(
        nine.intersection(&long),
        Some(window("2026-03-01T09:30:00Z", "2026-03-01T10:00:00Z"))
    );
    assert_eq!(nine.intersection(&ten), None);
}

#[test]
fn a_window_must_end_after_it_starts() {
    let noon = at("2026-03-01T12:00:00Z");
    assert!(Window::try_new(noon, noon).is_err());
    assert!(Window::try_new(noon, at("2026-03-01T11:00:00Z")).is_err());
}

#[test]
fn instants_survive_the_wire_before_and_after_1970() {
    for text in ["2026-03-01T09:00:00.123456Z", "1969-12-31T23:59:59.25Z", "0001-01-01T00:00:00Z"] {
        let instant = at(text);
        assert_eq!(time::from_proto(&time::to_proto(instant)), Ok(instant), "{text}");
    }
    let odd = prost_types::Timestamp { seconds: 1, nanos: -1 };
    assert!(time::from_proto(&odd).is_err());
    let far = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    assert!(time::from_proto(&far).is_err());
    let fine = prost_types::Timestamp { seconds: 1, nanos: 1_999 };
    let kept = time::from_proto(&fine).expect("an instant");
    assert_eq!(kept.subsec_nanosecond(), 1_000, "cut to what Postgres keeps");
}
