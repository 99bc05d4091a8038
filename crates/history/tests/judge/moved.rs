//! Lies about bookings that are extended, moved, claimed, or begin as walk-ins.

use parkmesh_contracts::booking::v1::BookingState::{self, Active, Cancelled, Reserved};
use parkmesh_history::check::Kind;
use parkmesh_history::{Call, Fact, Id, Op, Outcome, Reason, Span, check};

use crate::small::{became, call, held, minutes, record, refused};

fn kinds(calls: &[Call]) -> Vec<Kind> {
    check(&record(calls.to_vec())).violations.into_iter().map(|one| one.kind).collect()
}

/// Held and confirmed by client 1, on spot 0.
fn booked(window: Span) -> [Call; 2] {
    let hold = held(1, 1, 0, window, (0, 10));
    [hold, became(&hold, Op::Confirm, Reserved, 2, (20, 30))]
}

/// The booking elsewhere.
fn moved(of: &Call, op: Op, (spot, window): (u32, Span), version: u32, time: (i64, i64)) -> Call {
    let state = if op == Op::Claim { Active } else { Reserved };
    let asked = became(of, op, state, version, time);
    Call { spot, got_spot: spot, window, kept: window, ..asked }
}

#[test]
fn an_extension_over_somebody_elses_window_is_a_double_booking() {
    let [hold, confirm] = booked(minutes(100, 160));
    let extended = moved(&hold, Op::Extend, (0, minutes(100, 190)), 3, (60, 70));
    let next = held(2, 2, 0, minutes(160, 190), (40, 50));
    assert_eq!(kinds(&[hold, confirm, next]), []);
    assert_eq!(kinds(&[hold, confirm, extended]), []);
    assert_eq!(kinds(&[hold, confirm, next, extended]), [Kind::DoubleBooking]);
    // Not when the other one has gone.
    let gone = became(&next, Op::Cancel, Cancelled, 2, (52, 55));
    assert_eq!(kinds(&[hold, confirm, next, gone, extended]), []);
}

#[test]
fn what_a_booking_has_left_is_free_and_where_it_is_now_is_not() {
    let [hold, confirm] = booked(minutes(100, 160));
    let there = moved(&hold, Op::Move, (1, minutes(130, 190)), 3, (40, 50));
    let story = |more: Call| kinds(&[hold, confirm, there, more]);
    let old = |time| held(2, 2, 0, minutes(100, 160), time);
    assert_eq!(story(old((60, 70))), []);
    assert_eq!(story(old((31, 39))), [Kind::DoubleBooking]);
    let no = |spot, window, time| refused(2, spot, window, time, Reason::SpotTaken);
    assert_eq!(story(no(0, minutes(100, 160), (60, 70))), [Kind::UnjustifiedRefusal]);
    assert_eq!(story(no(1, minutes(160, 190), (60, 70))), []);
    assert_eq!(story(held(2, 2, 1, minutes(160, 190), (60, 70))), [Kind::DoubleBooking]);
    // Nobody can have had it there before.
    assert_eq!(story(no(1, minutes(160, 190), (31, 39))), [Kind::UnjustifiedRefusal]);
}

#[test]
fn a_change_is_refused_for_others_only() {
    let [hold, confirm] = booked(minutes(100, 160));
    let extend = moved(&hold, Op::Extend, (0, minutes(100, 190)), 0, (60, 70));
    let no = Call { outcome: Outcome::Refused, reason: Reason::SpotTaken, ..extend };
    let no = Call { state: BookingState::Unspecified, got_spot: u32::MAX, ..no };
    assert_eq!(kinds(&[hold, confirm, no]), [Kind::UnjustifiedRefusal]);
    let next = held(2, 2, 0, minutes(160, 190), (40, 50));
    assert_eq!(kinds(&[hold, confirm, next, no]), []);
    // Nothing made its window longer before.
    let not_later = Call { reason: Reason::WindowInvalid, ..no };
    assert_eq!(kinds(&[hold, confirm, not_later]), [Kind::UnjustifiedRefusal]);
    let before = moved(&hold, Op::Extend, (0, minutes(100, 195)), 3, (40, 50));
    assert_eq!(kinds(&[hold, confirm, before, not_later]), []);
}

#[test]
fn a_walk_in_keeps_its_spot_from_now_on() {
    let walk_in = |time: (i64, i64)| {
        let now = Span::new(time.0 * 1_000 + 500, 60_000_000);
        let held = held(2, 2, 0, now, time);
        Call { op: Op::WalkIn, state: Active, version: 2, hold_end: 0, ..held }
    };
    assert_eq!(kinds(&[walk_in((0, 10))]), []);
    // Its window begins when it was granted, not before.
    let early = Call { kept: Span::new(-5_000_000, 60_000_000), ..walk_in((0, 10)) };
    assert_eq!(kinds(&[early]), [Kind::WrongGrant]);
    let hold = held(1, 1, 0, Span::new(-1, 5_000_000), (0, 10));
    assert_eq!(kinds(&[hold, walk_in((40, 50))]), [Kind::DoubleBooking]);
}

#[test]
fn a_claimed_spot_was_nobodys_and_the_old_one_is_free() {
    let [hold, confirm] = booked(minutes(100, 160));
    let claimed = moved(&hold, Op::Claim, (1, minutes(100, 160)), 3, (40, 50));
    let other = held(2, 2, 1, minutes(130, 140), (0, 10));
    assert_eq!(kinds(&[hold, confirm, claimed]), []);
    assert_eq!(kinds(&[hold, confirm, claimed, other]), [Kind::DoubleBooking]);
    let old = held(3, 3, 0, minutes(100, 160), (60, 70));
    assert_eq!(kinds(&[hold, confirm, claimed, old]), []);
}

/// The operator takes a spot out of service.
fn blocked(spot: u32, time: (i64, i64)) -> Call {
    let blocked = Call { spot, seen: 2, got_spot: 1, ..call(9, Op::SpotStatus, time) };
    Call { outcome: Outcome::Done, request: Id::NONE, ..blocked }
}

#[test]
fn another_spot_that_nobody_asked_for_needs_a_blocked_one() {
    let [hold, confirm] = booked(minutes(100, 160));
    let read = became(&hold, Op::Get, Reserved, 3, (80, 90));
    let read = Call { got_spot: 1, ..read };
    assert!(kinds(&[hold, confirm, read]).contains(&Kind::WrongState));
    assert_eq!(kinds(&[hold, confirm, blocked(0, (40, 50)), read]), []);
    // It may be the spot to which it was moved before.
    let there = moved(&hold, Op::Move, (2, minutes(100, 160)), 3, (31, 39));
    let read = Call { version: 4, ..read };
    assert!(kinds(&[hold, confirm, there, read]).contains(&Kind::WrongState));
    assert_eq!(kinds(&[hold, confirm, there, blocked(2, (40, 50)), read]), []);
}

#[test]
fn a_booking_may_be_relocated_more_than_once_and_nobody_sees_where_it_was_in_between() {
    let [hold, confirm] = booked(minutes(100, 160));
    let read = |spot, version| {
        let read = became(&hold, Op::Get, Reserved, version, (80, 90));
        Call { got_spot: spot, ..read }
    };
    let out = blocked(0, (40, 50));
    for (spot, version) in [(1, 4), (1, 6), (0, 4)] {
        assert_eq!(kinds(&[hold, confirm, out, read(spot, version)]), [], "{spot} {version}");
        let never_out = kinds(&[hold, confirm, read(spot, version)]);
        assert!(never_out.contains(&Kind::WrongState), "{spot} {version}");
    }
    // It may have been on spot 1 in between, but after one change it cannot.
    let taken = refused(2, 1, minutes(100, 160), (60, 70), Reason::SpotTaken);
    assert_eq!(kinds(&[hold, confirm, out, taken, read(0, 4)]), []);
    assert_eq!(kinds(&[hold, confirm, out, taken, read(0, 2)]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn a_booking_that_was_relocated_may_be_moved_before_anybody_saw_where_it_was() {
    let [hold, confirm] = booked(minutes(100, 160));
    let out = blocked(0, (40, 50));
    let there = moved(&hold, Op::Move, (2, minutes(100, 160)), 4, (71, 79));
    let cancel =
        Call { got_spot: 2, ..became(&hold, Op::Cancel, BookingState::Cancelled, 5, (80, 90)) };
    assert_eq!(kinds(&[hold, confirm, out, there, cancel]), []);
    assert_eq!(kinds(&[hold, confirm, there, cancel]), [Kind::WrongGrant]);
    // It may have been on spot 1 until it was moved.
    let taken = refused(2, 1, minutes(100, 160), (60, 70), Reason::SpotTaken);
    assert_eq!(kinds(&[hold, confirm, out, taken, there, cancel]), []);
}

#[test]
fn a_booking_that_was_relocated_may_be_claimed_where_it_is_and_nobody_saw_that_it_was_there() {
    let [hold, confirm] = booked(minutes(100, 160));
    let out = blocked(0, (40, 50));
    let back = Call { seen: 3, got_spot: 0, ..blocked(0, (51, 53)) };
    // A claim of the spot that it has is one change, of another spot two.
    let there = moved(&hold, Op::Claim, (1, minutes(100, 160)), 4, (71, 79));
    let next = held(2, 2, 0, minutes(100, 160), (60, 65));
    assert_eq!(kinds(&[hold, confirm, out, back, next, there]), []);
    assert_eq!(kinds(&[hold, confirm, next, there]), [Kind::DoubleBooking]);
    let before = held(2, 2, 0, minutes(100, 160), (31, 39));
    assert_eq!(kinds(&[hold, confirm, before, out, back, there]), [Kind::DoubleBooking]);
}

#[test]
fn a_change_that_was_not_told_is_a_lost_fact() {
    let [hold, confirm] = booked(minutes(100, 160));
    let there = moved(&hold, Op::Move, (1, minutes(130, 190)), 3, (40, 50));
    let read = became(&there, Op::Get, Reserved, 3, (80, 90));
    let mut record = record(vec![hold, confirm, there, read]);
    let fact = |version, state: BookingState| Fact {
        booking: hold.booking,
        version,
        state: u8::try_from(i32::from(state)).expect("small"),
    };
    record.facts = vec![fact(1, BookingState::Held), fact(2, Reserved), fact(3, Reserved)];
    assert_eq!(check(&record).violations, []);
    record.facts.pop();
    assert_eq!(check(&record).count(Kind::LostFact), 1);
}
