#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::window::Window;
use proptest::prelude::*;

use super::*;

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, euro())
}

/// A local time of Berlin.
fn at(text: &str) -> Timestamp {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    TimeZone::get("Europe/Berlin").unwrap().to_timestamp(local).unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window::try_new(at(start), at(end)).unwrap()
}

fn fare_of(rules: Rules, spot_type: SpotType) -> Fare {
    Fare::try_new(Arc::new(rules), spot_type, euro(), "Europe/Berlin").unwrap()
}

fn fare(rules: Rules) -> Fare {
    fare_of(rules, SpotType::Regular)
}

fn rate(weekdays: &[i8], from_minute: i64, to_minute: i64, step_minor: i64) -> Rate {
    Rate { spot_type: None, weekdays: weekdays.to_vec(), from_minute, to_minute, step_minor }
}

/// 2.50 on workdays from 8 to 20, else 1.00; by the started half hour.
fn office() -> Rules {
    let rates = vec![rate(&[1, 2, 3, 4, 5], 480, 1_200, 250)];
    Rules { step_minutes: 30, rates, ..Rules::flat(100) }
}

fn amount(fare: &Fare, start: &str, end: &str) -> i64 {
    fare.window(&window(start, end)).unwrap().amount.minor
}

fn texts(bill: &Bill) -> Vec<String> {
    let text =
        |line: &Line| format!("{} × {} {}", line.quantity, line.unit_amount, line.description);
    bill.lines.iter().map(text).collect()
}

#[test]
fn a_flat_tariff_charges_begun_hours() {
    let fare = fare(Rules::flat(250));
    let cost = |nanos: i64| {
        let from = Timestamp::UNIX_EPOCH;
        let to = from + SignedDuration::from_nanos(nanos);
        let always = Window::try_new(from, from + SignedDuration::from_hours(99)).unwrap();
        fare.stay(&always, from, to).unwrap().amount.minor
    };
    let hour = 3_600_000_000_000;
    assert_eq!([cost(0), cost(1), cost(hour)], [250, 250, 250]);
    assert_eq!([cost(hour + 1), cost(2 * hour)], [500, 500]);
    let bill = fare.window(&window("2026-11-23T10:10", "2026-11-23T12:00")).unwrap();
    assert_eq!(texts(&bill), ["2 × 2.50 EUR Parking, by the started hour"]);
}

#[test]
fn a_step_costs_what_holds_when_it_begins() {
    let fare = fare(office());
    // Friday evening: 19:30 dear, 20:00 and 20:30 not; on Saturday nothing is dear.
    assert_eq!(amount(&fare, "2026-11-20T19:30", "2026-11-20T20:40"), 450);
    assert_eq!(amount(&fare, "2026-11-21T12:00", "2026-11-21T13:00"), 200);
    // 19:45 is dear until 20:15.
    assert_eq!(amount(&fare, "2026-11-20T19:45", "2026-11-20T20:15"), 250);
    let bill = fare.window(&window("2026-11-20T19:00", "2026-11-20T20:40")).unwrap();
    assert_eq!(
        texts(&bill),
        [
            "2 × 2.50 EUR Mon–Fri 08:00–20:00, by the started half hour",
            "2 × 1.00 EUR Other times, by the started half hour",
        ]
    );
}

#[test]
fn a_type_has_rates_of_its_own_and_the_first_that_holds_wins() {
    let only = |spot_type: SpotType, rate: Rate| Rate { spot_type: Some(spot_type.into()), ..rate };
    let rates = vec![
        only(SpotType::Ev, rate(&[], 0, 1_440, 400)),
        rate(&[6, 7], 0, 1_440, 50),
        rate(&[], 600, 660, 900),
    ];
    let rules = Rules { rates, ..Rules::flat(100) };
    let cost = |spot_type, start, end| amount(&fare_of(rules.clone(), spot_type), start, end);
    let saturday = ("2026-11-21T10:00", "2026-11-21T11:00");
    let friday = ("2026-11-20T10:00", "2026-11-20T12:00");
    assert_eq!(cost(SpotType::Ev, saturday.0, saturday.1), 400);
    assert_eq!(cost(SpotType::Regular, saturday.0, saturday.1), 50);
    assert_eq!(cost(SpotType::Regular, friday.0, friday.1), 1_000);
    let bill = fare_of(rules, SpotType::Ev).window(&window(friday.0, friday.1)).unwrap();
    assert_eq!(texts(&bill), ["2 × 4.00 EUR Parking, by the started hour"]);
}

#[test]
fn free_minutes_minimum_and_caps_are_applied_in_their_order() {
    let rules = Rules {
        free_minutes: 15,
        minimum_minor: 300,
        daily_cap_minor: Some(500),
        stay_cap_minor: Some(1_200),
        ..Rules::flat(100)
    };
    let fare = fare(rules);
    let cost = |end| amount(&fare, "2026-11-20T10:00", end);
    assert_eq!(cost("2026-11-20T10:15"), 0);
    assert_eq!(cost("2026-11-20T10:16"), 300);
    assert_eq!(cost("2026-11-20T14:15"), 400);
    assert_eq!(cost("2026-11-20T14:16"), 500);
    assert_eq!(cost("2026-11-20T23:59"), 500);
    assert_eq!(cost("2026-11-21T02:00"), 700);
    let days = fare.window(&window("2026-11-20T10:00", "2026-11-23T00:00")).unwrap();
    assert_eq!(
        texts(&days),
        [
            "1 × 0.00 EUR The first 15 min are free",
            "62 × 1.00 EUR Parking, by the started hour",
            "1 × -47.00 EUR Beyond the daily cap of 5.00 EUR, on 3 days",
            "1 × -3.00 EUR Beyond the cap of 12.00 EUR for the whole stay",
        ]
    );
    let short = fare.window(&window("2026-11-20T10:00", "2026-11-20T11:30")).unwrap();
    assert_eq!(
        texts(&short)[2],
        "1 × 1.00 EUR Up to the minimum of 3.00 EUR",
        "{:?}",
        texts(&short)
    );
}

#[test]
fn a_day_of_23_or_25_hours_has_one_cap_and_its_own_number_of_steps() {
    let plain = fare(Rules { rates: vec![rate(&[7], 120, 180, 700)], ..Rules::flat(100) });
    // The hour from 2 to 3 does not come in March and comes twice in October.
    assert_eq!(amount(&plain, "2026-03-29T00:00", "2026-03-30T00:00"), 2_300);
    assert_eq!(amount(&plain, "2026-10-25T00:00", "2026-10-26T00:00"), 2_300 + 1_400);
    let capped = fare(Rules { daily_cap_minor: Some(2_000), ..Rules::flat(100) });
    for day in ["2026-03-29", "2026-10-25"] {
        let next: Date = day.parse::<Date>().unwrap().tomorrow().unwrap();
        let (start, end) = (format!("{day}T00:00"), format!("{next}T01:00"));
        assert_eq!(amount(&capped, &start, &end), 2_100, "{day}");
    }
}

#[test]
fn what_is_billed_is_the_stay_the_window_or_the_larger() {
    let booked = window("2026-11-20T10:00", "2026-11-20T13:00");
    let cost = |billed, early_arrival, arrive: &str, leave: &str| {
        let fare = fare(Rules { billed, early_arrival, ..Rules::flat(100) });
        fare.stay(&booked, at(arrive), at(leave)).unwrap().amount.minor
    };
    let (on_time, early) = ("2026-11-20T10:00", "2026-11-20T09:50");
    let (soon, late) = ("2026-11-20T10:55", "2026-11-20T13:10");
    assert_eq!(cost(Billed::Stay, Early::Billed, on_time, soon), 100);
    assert_eq!(cost(Billed::Stay, Early::Billed, early, soon), 200);
    assert_eq!(cost(Billed::Stay, Early::Free, early, soon), 100);
    assert_eq!(cost(Billed::Stay, Early::Billed, on_time, late), 300);
    assert_eq!(cost(Billed::Window, Early::Billed, on_time, soon), 300);
    assert_eq!(cost(Billed::Window, Early::Billed, early, soon), 400);
    assert_eq!(cost(Billed::Larger, Early::Free, early, soon), 300);
    // Left before the window began: the first step has begun.
    assert_eq!(cost(Billed::Stay, Early::Free, early, "2026-11-20T09:55"), 100);
    let larger = fare(Rules { billed: Billed::Larger, ..Rules::flat(100) });
    let bill = larger.stay(&booked, at(on_time), at(soon)).unwrap();
    assert_eq!(texts(&bill)[0], "1 × 0.00 EUR The booked window is charged");
}

#[test]
fn overstay_is_a_charge_of_its_own_by_its_own_price_or_by_the_rates() {
    let end = at("2026-11-20T19:00");
    let dear = fare(Rules { overstay_minor: Some(600), ..office() });
    let cost = |fare: &Fare, leave: &str| fare.overstay(end, at(leave)).unwrap().amount.minor;
    assert_eq!(cost(&dear, "2026-11-20T19:00"), 0);
    assert_eq!(cost(&dear, "2026-11-20T19:01"), 600);
    assert_eq!(cost(&dear, "2026-11-20T20:01"), 1_800);
    let rules =
        Rules { free_minutes: 60, minimum_minor: 900, stay_cap_minor: Some(900), ..office() };
    assert_eq!(cost(&fare(rules), "2026-11-20T20:01"), 600);
    let bill = dear.overstay(end, at("2026-11-20T19:40")).unwrap();
    assert_eq!(texts(&bill), ["2 × 6.00 EUR Past the booked window, by the started half hour"]);
}

#[test]
fn fees_are_free_in_time_rounded_once_and_never_above_what_was_authorised() {
    let terms = |fee| Cancellation { free_until_minutes: 60, fee };
    let fees = |fee| Rules { cancellation: Some(terms(fee)), no_show: Some(fee), ..office() };
    let start = at("2026-11-20T10:00");
    let fee = |fee_rule, authorized, now: &str| {
        let fare = fare(fees(fee_rule));
        fare.cancellation_fee(euros(authorized), start, at(now)).unwrap().minor
    };
    assert_eq!(fee(Fee::Minor(500), 900, "2026-11-20T08:59"), 0);
    assert_eq!(fee(Fee::Minor(500), 900, "2026-11-20T09:00"), 500);
    assert_eq!(fee(Fee::Minor(500), 300, "2026-11-20T10:05"), 300);
    // Halves go up: 12.5 and 13.5 become 13 and 14.
    assert_eq!(fee(Fee::Percent(50), 25, "2026-11-20T10:00"), 13);
    assert_eq!(fee(Fee::Percent(50), 27, "2026-11-20T10:00"), 14);
    let no_show = fare(fees(Fee::Percent(100))).no_show_fee(euros(755)).unwrap();
    assert_eq!(no_show, euros(755));
    let nothing = fare(office());
    assert_eq!(nothing.no_show_fee(euros(755)).unwrap(), euros(0));
    assert_eq!(nothing.cancellation_fee(euros(755), start, start).unwrap(), euros(0));
}

#[test]
fn weekdays_are_told_as_people_say_them() {
    let told = |weekdays: &[i8]| {
        let fare = fare(Rules { rates: vec![rate(weekdays, 0, 720, 1)], ..Rules::flat(2) });
        let week = fare.window(&window("2026-11-16T00:00", "2026-11-23T00:00")).unwrap();
        week.lines[0].description.split(", by").next().unwrap().to_owned()
    };
    assert_eq!(told(&[5, 1, 2, 3, 4]), "Mon–Fri 00:00–12:00");
    assert_eq!(told(&[1, 3, 7]), "Mon, Wed, Sun 00:00–12:00");
    assert_eq!(told(&[6, 7]), "Sat, Sun 00:00–12:00");
    assert_eq!(told(&[]), "00:00–12:00");
    assert_eq!(told(&[1, 2, 3, 4, 5, 6, 7]), "00:00–12:00");
}

fn rates() -> impl Strategy<Value = Rate> {
    let weekdays = prop::collection::btree_set(1..=7_i8, 0..7);
    let spot_type = prop::option::of(1..=3_i32);
    (weekdays, 0..1_440_i64, 1..=1_440_i64, 0..500_i64, spot_type).prop_map(
        |(weekdays, one, two, step_minor, spot_type)| Rate {
            spot_type,
            weekdays: weekdays.into_iter().collect(),
            from_minute: one.min(two),
            to_minute: one.max(two).max(one.min(two) + 1),
            step_minor,
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let steps = prop::sample::select(vec![1_i64, 5, 15, 20, 30, 60]);
    let rates = prop::collection::vec(rates(), 0..5);
    let caps = (prop::option::of(300..3_000_i64), prop::option::of(300..9_000_i64));
    let billed = prop::sample::select(vec![Billed::Stay, Billed::Window, Billed::Larger]);
    let free = prop::sample::select(vec![0_i64, 0, 10, 90]);
    (steps, 0..300_i64, rates, free, 0..300_i64, caps, billed, any::<bool>()).prop_map(
        |(step_minutes, step_minor, rates, free_minutes, minimum_minor, caps, billed, early)| {
            Rules {
                step_minutes,
                rates,
                free_minutes,
                minimum_minor,
                daily_cap_minor: caps.0,
                stay_cap_minor: caps.1,
                billed,
                early_arrival: if early { Early::Free } else { Early::Billed },
                ..Rules::flat(step_minor)
            }
        },
    )
}

/// Zones whose clocks are changed at midnight, by half an hour, in winter, or not at all.
fn zones() -> impl Strategy<Value = TimeZone> {
    let names = vec![
        "Europe/Berlin",
        "America/Havana",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Europe/Dublin",
        "America/Santiago",
        "Africa/Casablanca",
        "Asia/Kathmandu",
    ];
    prop::sample::select(names).prop_map(|name| TimeZone::get(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Around the changes of the clocks of 2026 and anywhere else in that year.
    #[test]
    fn a_charge_is_never_negative_never_falls_with_time_keeps_its_caps_and_adds_up(
        rules in any_rules(), zone in zones(), seconds in 0..365 * 86_400_i64,
        mut minutes in prop::collection::vec(-10..6_000_i64, 8), booked in 1..3_000_i64,
    ) {
        minutes.sort_unstable();
        let fare = Fare::in_zone(Arc::new(rules.clone()), SpotType::Regular, euro(), zone.clone());
        let arrive = Timestamp::from_second(1_767_225_600 + seconds).unwrap();
        let later = |minutes: i64| arrive + SignedDuration::from_mins(minutes);
        let start = later(7);
        let window = Window::try_new(start, start + SignedDuration::from_mins(booked)).unwrap();
        let (mut least_stay, mut least_overstay) = (0, 0);
        for leave in minutes.into_iter().map(later) {
            let stay = fare.stay(&window, arrive, leave).unwrap();
            let overstay = fare.overstay(window.end(), leave).unwrap();
            for bill in [&stay, &overstay] {
                prop_assert!(bill.amount.minor >= 0);
                let sum: i64 = bill.lines.iter().map(|line| line.amount.minor).sum();
                prop_assert_eq!(sum, bill.amount.minor);
                for line in &bill.lines {
                    prop_assert_eq!(line.quantity * line.unit_amount.minor, line.amount.minor);
                }
            }
            prop_assert!(stay.amount.minor >= least_stay && overstay.amount.minor >= least_overstay);
            (least_stay, least_overstay) = (stay.amount.minor, overstay.amount.minor);
            prop_assert!(rules.stay_cap_minor.is_none_or(|cap| stay.amount.minor <= cap));
            let (first, last) = (zone.to_datetime(arrive).date(), zone.to_datetime(window.end()).date());
            let days = i64::from(first.until(last).unwrap().get_days()) + 1;
            prop_assert!(rules.daily_cap_minor.is_none_or(|cap| stay.amount.minor <= cap * days));
        }
    }

    #[test]
    fn the_stored_form_is_read_as_it_was_written(rules in any_rules()) {
        let text = serde_json::to_string(&rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
    }
}
