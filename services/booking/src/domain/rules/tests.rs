#![expect(clippy::unwrap_used, reason = "tests")]
use jiff::civil::{DateTime, date};
use parkmesh_contracts::ids::UserId;
use parkmesh_contracts::money::{Currency, Money};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::inventory::NewLot;

fn lot(rules: LotRules) -> Lot {
    let new = NewLot {
        name: "Mall".to_owned(),
        address: String::new(),
        latitude: 0.0,
        longitude: 0.0,
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: Money::zero("EUR".parse::<Currency>().unwrap()),
        policy: Default::default(),
        waiting: Default::default(),
        rules,
        pooling: Default::default(),
    };
    let nil = Uuid::nil();
    new.found(nil.into(), nil.into(), UserId::parse("op").unwrap(), Timestamp::UNIX_EPOCH)
}

fn in_zone(zone: &str, wall: DateTime) -> Timestamp {
    wall.in_tz(zone).unwrap().timestamp()
}

fn berlin(wall: DateTime) -> Timestamp {
    in_zone("Europe/Berlin", wall)
}

fn window(start: Timestamp, minutes: i64) -> Window {
    Window::try_new(start, start + SignedDuration::from_mins(minutes)).unwrap()
}

fn every_day(open: i32, close: i32) -> OpeningHours {
    OpeningHours((0..7).map(|day| OpeningSpan { day, open, close }).collect())
}

fn check(hours: OpeningHours, start: Timestamp, minutes: i64) -> Result<(), RuleRefusal> {
    let lot = lot(LotRules { hours, ..Default::default() });
    window_of_lot(&lot, &window(start, minutes), start)
}

/// The wall's words of the next opening.
fn next(refused: Result<(), RuleRefusal>) -> String {
    match refused {
        Err(RuleRefusal::Closed(Some(next))) => next.strftime("%F %R %Z").to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_are_kept_to_the_second_and_zero_is_the_default() {
    let rules = LotRules {
        shortest_window_seconds: 1_800,
        longest_window_seconds: 7_200,
        booking_ahead_seconds: 3_600,
        ..Default::default()
    };
    let (lot, now) = (lot(rules), Timestamp::from_second(2_000_000_000).unwrap());
    let ask = |in_seconds: i64, length: i64| {
        let start = now + SignedDuration::from_secs(in_seconds);
        let end = start + SignedDuration::from_secs(length);
        window_of_lot(&lot, &Window::try_new(start, end).unwrap(), now)
    };
    assert_eq!(ask(0, 1_800), Ok(()));
    assert_eq!(ask(0, 1_799), Err(RuleRefusal::TooShort(SignedDuration::from_mins(30))));
    assert_eq!(ask(3_600, 7_200), Ok(()));
    assert_eq!(ask(0, 7_201), Err(RuleRefusal::TooLong(SignedDuration::from_hours(2))));
    assert_eq!(ask(3_601, 1_800), Err(RuleRefusal::TooFar(SignedDuration::from_hours(1))));
    let resolved = LotRules::default().resolved();
    assert_eq!((resolved.longest_window_seconds, resolved.shortest_window_seconds), (2_592_000, 0));
}

#[test]
fn a_window_that_touches_both_ends_of_the_hours_is_inside() {
    let day = date(2026, 3, 4);
    assert_eq!(check(every_day(480, 1_200), berlin(day.at(8, 0, 0, 0)), 720), Ok(()));
    let late = check(every_day(480, 1_200), berlin(day.at(8, 0, 0, 0)), 721);
    assert_eq!(next(late), "2026-03-05 08:00 CET");
    let early = check(every_day(480, 1_200), berlin(day.at(7, 59, 0, 0)), 60);
    assert_eq!(next(early), "2026-03-04 08:00 CET");
}

#[test]
fn hours_may_pass_midnight_also_from_sunday_to_monday() {
    // 18:00 to 02:00 of the next day.
    let hours = || every_day(1_080, 1_560);
    let sunday = date(2026, 3, 8);
    assert_eq!(check(hours(), berlin(sunday.at(23, 0, 0, 0)), 180), Ok(()));
    assert_eq!(next(check(hours(), berlin(sunday.at(23, 0, 0, 0)), 181)), "2026-03-09 18:00 CET");
    assert_eq!(check(OpeningHours(vec![]), berlin(sunday.at(3, 0, 0, 0)), 60), Ok(()));
    // Round the clock on all days, and on none but one.
    assert_eq!(check(every_day(0, 1_440), berlin(sunday.at(3, 0, 0, 0)), 30 * 1_440), Ok(()));
    let monday = OpeningHours(vec![OpeningSpan { day: 0, open: 0, close: 1_440 }]);
    let missed = check(monday, berlin(date(2026, 3, 10).at(0, 0, 0, 0)), 60);
    assert_eq!(next(missed), "2026-03-16 00:00 CET");
}

#[test]
fn a_night_of_an_hour_less_or_more_keeps_to_the_wall() {
    // 22:00 to 06:00: eight hours on the wall, seven by the clock in March, nine in October.
    let hours = || every_day(1_320, 1_800);
    for (evening, minutes) in [(date(2026, 3, 28), 420), (date(2026, 10, 24), 540)] {
        let opens = berlin(evening.at(22, 0, 0, 0));
        assert_eq!(check(hours(), opens, minutes), Ok(()), "{evening}");
        assert!(check(hours(), opens, minutes + 1).is_err(), "{evening}");
    }
    // An opening in the hour that is left out does not happen; half of it does.
    let gap = OpeningHours(vec![OpeningSpan { day: 6, open: 120, close: 180 }]);
    let before = berlin(date(2026, 3, 29).at(1, 0, 0, 0));
    assert_eq!(next(check(gap, before, 30)), "2026-04-05 02:00 CEST");
    let half = OpeningHours(vec![OpeningSpan { day: 6, open: 150, close: 210 }]);
    assert_eq!(next(check(half, before, 30)), "2026-03-29 03:00 CEST");
    // In the hour that comes twice it is open twice.
    let twice = || OpeningHours(vec![OpeningSpan { day: 6, open: 120, close: 180 }]);
    let first = berlin(date(2026, 10, 25).at(2, 0, 0, 0));
    assert_eq!(check(twice(), first, 120), Ok(()));
    assert!(check(twice(), first, 121).is_err());
}

#[test]
fn a_span_that_is_none_is_told() {
    let span = |day, open, close| OpeningSpan { day, open, close }.is_possible();
    assert!(span(0, 0, 1) && span(6, 1_439, 2_879) && span(3, 0, 1_440));
    assert!(!span(7, 0, 1) && !span(0, -1, 5) && !span(0, 1_440, 1_441));
    assert!(!span(0, 60, 60) && !span(0, 60, 1_501));
}

/// What the clock on the wall says, asked minute by minute.
fn is_open(hours: &OpeningHours, zone: &TimeZone, at: Timestamp) -> bool {
    let wall = zone.to_datetime(at);
    let today = wall.weekday().to_monday_zero_offset();
    let minute = i32::from(wall.hour()) * 60 + i32::from(wall.minute());
    hours.0.iter().any(|span| {
        let day = i8::try_from(span.day).unwrap();
        (day == today && (span.open..span.close).contains(&minute))
            || ((day + 1) % 7 == today && (span.open..span.close).contains(&(minute + 1_440)))
    })
}

fn spans() -> impl Strategy<Value = OpeningHours> {
    let span = (0u8..7, 0i32..1_440, 1i32..=1_440).prop_map(|(day, open, length)| OpeningSpan {
        day,
        open,
        close: open + length,
    });
    let daily =
        (0i32..1_440, 600i32..=1_440).prop_map(|(open, length)| every_day(open, open + length));
    prop_oneof![prop::collection::vec(span, 1..12).prop_map(OpeningHours), daily]
}

/// Days on which each of these zones changes its clock, or does nothing of note.
const DAYS: [(&str, i16, i8, i8); 10] = [
    ("Europe/Berlin", 2026, 3, 29),
    ("Europe/Berlin", 2026, 10, 25),
    ("America/New_York", 2026, 3, 8),
    ("America/New_York", 2026, 11, 1),
    ("Australia/Lord_Howe", 2026, 4, 5),
    ("Australia/Lord_Howe", 2026, 10, 4),
    // A whole day was left out.
    ("Pacific/Apia", 2011, 12, 30),
    ("America/Santiago", 2026, 9, 6),
    ("Asia/Kathmandu", 2026, 5, 5),
    ("UTC", 2026, 6, 7),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn hours_agree_with_a_walk_minute_by_minute(
        hours in spans(),
        day in 0usize..DAYS.len(),
        before in 0i64..2 * 1_440,
        length in 1i64..3 * 1_440,
    ) {
        let (name, year, month, day) = DAYS[day];
        let zone = TimeZone::get(name).unwrap();
        let noon = in_zone(name, date(year, month, day).at(12, 0, 0, 0));
        let start = noon - SignedDuration::from_mins(before);
        let window = window(start, length);
        let minute = |number: i64| start + SignedDuration::from_mins(number);
        let walked = (0..length).map(minute).find(|at| !is_open(&hours, &zone, *at));
        let found = hours.first_closed(&zone, &window);
        prop_assert_eq!(found, walked, "first closed in {}", window);
        if let Some(closed) = found {
            let next = hours.next_open(&zone, closed);
            let minute = |number: i64| closed + SignedDuration::from_mins(number);
            let walked = (0..15 * 1_440).map(minute).find(|at| is_open(&hours, &zone, *at));
            prop_assert_eq!(next, walked, "next opening after {}", closed);
        }
    }
}
