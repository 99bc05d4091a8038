//! One lie each, and the words for it.

use parkmesh_contracts::booking::v1::BookingState::{Cancelled, Completed, Held, Reserved};
use parkmesh_history::check::Kind;
use parkmesh_history::{Call, Fact, Id, Op, Outcome, Reason, check};

use crate::model::SECOND;
use crate::small::{became, call, held, minutes, record, refused};

fn kinds(calls: Vec<Call>) -> Vec<Kind> {
    check(&record(calls)).violations.into_iter().map(|one| one.kind).collect()
}

#[test]
fn two_who_surely_had_one_spot_at_once_are_a_double_booking() {
    let (a, b) = (held(1, 1, 0, minutes(0, 60), (0, 10)), held(2, 2, 0, minutes(59, 70), (5, 20)));
    assert_eq!(kinds(vec![a, b]), [Kind::DoubleBooking]);
    let touching = held(2, 2, 0, minutes(60, 70), (5, 20));
    assert_eq!(kinds(vec![a, touching]), []);
}

#[test]
fn who_cancels_in_time_makes_room_and_who_is_late_does_not() {
    let a = held(1, 1, 0, minutes(0, 60), (0, 10));
    let cancelled = became(&a, Op::Cancel, Cancelled, 2, (20, 40));
    let within = held(2, 2, 0, minutes(0, 60), (30, 35));
    assert_eq!(kinds(vec![a, cancelled, within]), []);
    let before = held(2, 2, 0, minutes(0, 60), (12, 19));
    assert_eq!(kinds(vec![a, cancelled, before]), [Kind::DoubleBooking]);
}

#[test]
fn a_lapsed_hold_is_in_nobodys_way_and_a_standing_one_is() {
    let a = Call { hold_end: SECOND, ..held(1, 1, 0, minutes(0, 60), (0, 10)) };
    let later = held(2, 2, 0, minutes(0, 60), (1_001, 1_010));
    assert_eq!(kinds(vec![a, later]), []);
    let blamed = refused(2, 0, minutes(0, 60), (1_001, 1_010), Reason::SpotTaken);
    assert_eq!(kinds(vec![a, blamed]), [Kind::UnjustifiedRefusal]);
    let in_time = refused(2, 0, minutes(0, 60), (900, 1_010), Reason::SpotTaken);
    assert_eq!(kinds(vec![a, in_time]), []);
}

#[test]
fn refusals_that_no_single_order_explains_are_caught_though_each_alone_could_be() {
    // The second booking stood before the refusal of 10–20 returned; the first one had then ended; and yet somebody
    // was refused a window afterwards that only the first one kept.
    let a = held(1, 1, 0, minutes(0, 20), (0, 5));
    let cancelled = became(&a, Op::Cancel, Cancelled, 2, (10, 100));
    let b = held(2, 2, 0, minutes(10, 30), (10, 100));
    let by_b = refused(3, 0, minutes(20, 30), (20, 30), Reason::SpotTaken);
    let by_a = refused(4, 0, minutes(0, 10), (40, 50), Reason::SpotTaken);
    assert_eq!(kinds(vec![a, cancelled, b, by_b]), []);
    assert_eq!(kinds(vec![a, cancelled, b, by_a]), []);
    assert_eq!(kinds(vec![a, cancelled, b, by_b, by_a]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn an_unknown_hold_may_explain_a_refusal_or_not() {
    let unknown = Call { spot: 0, window: minutes(0, 60), ..call(1, Op::Hold, (0, 10)) };
    let because = refused(2, 0, minutes(30, 40), (20, 30), Reason::SpotTaken);
    assert_eq!(kinds(vec![unknown, because]), []);
    let earlier = refused(2, 0, minutes(30, 40), (-30, -20), Reason::SpotTaken);
    let earlier = Call { request: Id(5, 5), ..earlier };
    assert_eq!(kinds(vec![unknown, earlier]), [Kind::UnjustifiedRefusal]);
    // Once all bookings of its client have been read, it is known that it made none.
    let read = Call { outcome: Outcome::Done, request: Id::NONE, ..call(1, Op::Get, (90, 99)) };
    assert_eq!(kinds(vec![unknown, because, read]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn more_bookings_than_spots_are_an_oversale() {
    let on = |booking, spot| held(1, booking, spot, minutes(0, 60), (0, 10));
    let own = |client, call: Call| Call { client, request: Id(client.into(), 77), ..call };
    let three = vec![own(1, on(1, 0)), own(2, on(2, 1)), own(3, on(3, 1))];
    assert_eq!(kinds(three), [Kind::DoubleBooking, Kind::Oversale]);
}

#[test]
fn sold_out_needs_every_spot_to_be_taken_at_one_moment() {
    let pool = |time| Call {
        spot: u32::MAX,
        pool: 0,
        ..refused(9, 0, minutes(0, 60), time, Reason::SoldOut)
    };
    let (a, b) = (held(1, 1, 0, minutes(0, 60), (0, 10)), held(2, 2, 1, minutes(30, 70), (15, 20)));
    assert_eq!(kinds(vec![a, b, pool((16, 30))]), []);
    assert_eq!(kinds(vec![a, b, pool((5, 14))]), [Kind::UnjustifiedRefusal]);
    // Each spot was taken for a while, never both together.
    let cancelled = became(&a, Op::Cancel, Cancelled, 2, (11, 12));
    assert_eq!(kinds(vec![a, cancelled, b, pool((5, 30))]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn more_holds_than_allowed_and_a_cap_that_was_not_reached_are_caught() {
    let hold = |booking: u64, from: i64, time| {
        held(1, booking, u32::try_from(booking % 2).expect("small"), minutes(from, from + 5), time)
    };
    let (a, b, c) = (hold(1, 0, (0, 10)), hold(2, 10, (11, 20)), hold(3, 20, (21, 30)));
    assert_eq!(kinds(vec![a, b, c]), [Kind::HoldCap]);
    let capped = refused(1, 0, minutes(40, 50), (40, 50), Reason::TooManyHolds);
    assert_eq!(kinds(vec![a, b, capped]), []);
    assert_eq!(kinds(vec![a, capped]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn one_request_has_one_answer() {
    let first = held(1, 1, 0, minutes(0, 60), (0, 10));
    let again = Call { invoke: 20_000, ret: 30_000, ..first };
    assert_eq!(kinds(vec![first, again]), []);
    assert_eq!(kinds(vec![first, Call { answer: 5, ..again }]), [Kind::UnequalReplay]);
    let refused = |reason| Call { outcome: Outcome::Refused, reason, booking: Id::NONE, ..again };
    assert!(kinds(vec![first, refused(Reason::SpotTaken)]).contains(&Kind::UnequalReplay));
    let other = Call { body: 99, ..refused(Reason::RequestIdReused) };
    assert_eq!(kinds(vec![first, other]), []);
    assert_eq!(kinds(vec![first, Call { body: first.body, ..other }]), [Kind::UnjustifiedRefusal]);
}

#[test]
fn what_was_acknowledged_must_be_found_at_the_end() {
    let a = held(1, 1, 0, minutes(0, 60), (0, 10));
    let all = Call { outcome: Outcome::Done, request: Id::NONE, ..call(1, Op::Get, (90, 99)) };
    assert_eq!(kinds(vec![a, all]), [Kind::LostBooking]);
    let read = became(&a, Op::Get, Held, 1, (91, 92));
    assert_eq!(kinds(vec![a, all, read]), []);
    let gone = Call { outcome: Outcome::Refused, reason: Reason::NotFound, ..read };
    assert_eq!(kinds(vec![a, gone]), [Kind::LostBooking]);
}

#[test]
fn a_creation_that_was_too_slow_for_its_own_hold_leaves_a_hold_behind() {
    use parkmesh_contracts::booking::v1::BookingState::Expired;
    let slow = refused(1, 0, minutes(0, 60), (0, 50), Reason::HoldExpired);
    let slow = Call { op: Op::Create, ..slow };
    let made = held(1, 1, 0, minutes(0, 60), (0, 50));
    let read = became(&made, Op::Get, Expired, 2, (91, 92));
    let all = Call { outcome: Outcome::Done, request: Id::NONE, ..call(1, Op::Get, (90, 99)) };
    let blamed = refused(2, 0, minutes(0, 60), (20, 30), Reason::SpotTaken);
    assert_eq!(kinds(vec![slow, blamed, all, read]), []);
    assert_eq!(kinds(vec![blamed, all, read]), [Kind::WrongGrant, Kind::UnjustifiedRefusal]);
}

#[test]
fn a_booking_is_in_a_state_that_its_history_allows() {
    let a = held(1, 1, 0, minutes(0, 60), (0, 10));
    let confirmed = became(&a, Op::Confirm, Reserved, 2, (20, 30));
    assert_eq!(kinds(vec![a, confirmed, became(&a, Op::Get, Reserved, 2, (40, 50))]), []);
    for (state, version) in [(Held, 1), (Cancelled, 3), (Completed, 4), (Reserved, 3)] {
        let read = became(&a, Op::Get, state, version, (40, 50));
        assert_eq!(kinds(vec![a, confirmed, read]), [Kind::WrongState], "{state:?}");
    }
    // It was given back, and yet confirmed afterwards.
    let cancelled = became(&a, Op::Cancel, Cancelled, 2, (11, 15));
    assert_eq!(kinds(vec![a, cancelled, confirmed]), [Kind::WrongGrant]);
}

#[test]
fn a_hold_is_over_when_it_is_over_and_not_before() {
    let a = Call { hold_end: SECOND, ..held(1, 1, 0, minutes(0, 60), (0, 10)) };
    let over = |time| {
        let call = became(&a, Op::Confirm, Held, 0, time);
        Call { outcome: Outcome::Refused, reason: Reason::HoldExpired, ..call }
    };
    assert_eq!(kinds(vec![a, over((950, 1_001))]), []);
    assert_eq!(kinds(vec![a, over((500, 510))]), [Kind::UnjustifiedRefusal]);
    let late = became(&a, Op::Confirm, Reserved, 2, (40_000, 40_010));
    assert_eq!(kinds(vec![a, late]), [Kind::WrongGrant]);
}

#[test]
fn versions_of_spots_explain_refusals_and_grants() {
    let status = |version, out: bool, time| Call {
        outcome: Outcome::Done,
        spot: 0,
        seen: version,
        got_spot: u32::from(out),
        ..call(7, Op::SpotStatus, time)
    };
    let (out, back) = (status(2, true, (10, 20)), status(3, false, (50, 60)));
    let told = |reason, seen, time| Call { seen, ..refused(1, 0, minutes(0, 60), time, reason) };
    assert_eq!(kinds(vec![out, back, told(Reason::SpotOutOfService, 0, (30, 40))]), []);
    assert_eq!(kinds(vec![out, back, told(Reason::SpotVersionStale, 1, (70, 80))]), []);
    let wrong = [
        told(Reason::SpotOutOfService, 0, (70, 80)),
        told(Reason::SpotVersionStale, 3, (70, 80)),
        told(Reason::SpotVersionStale, 0, (70, 80)),
    ];
    for call in wrong {
        assert_eq!(kinds(vec![out, back, call]), [Kind::UnjustifiedRefusal], "{call:?}");
    }
    assert_eq!(kinds(vec![out, back, held(1, 1, 0, minutes(0, 60), (30, 40))]), [Kind::WrongGrant]);
    let stale = Call { seen: 1, ..held(1, 1, 0, minutes(0, 60), (70, 80)) };
    assert_eq!(kinds(vec![out, back, stale]), [Kind::WrongGrant]);
}

#[test]
fn facts_without_a_gap() {
    let a = held(1, 1, 0, minutes(0, 60), (0, 10));
    let confirmed = became(&a, Op::Confirm, Reserved, 2, (20, 30));
    let read = became(&a, Op::Get, Reserved, 2, (40, 50));
    let fact = |version: u32, state| Fact { booking: a.booking, version, state };
    let judge = |facts: Vec<Fact>| {
        let report =
            check(&parkmesh_history::file::Record { facts, ..record(vec![a, confirmed, read]) });
        report.violations.into_iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(judge(vec![fact(1, 1), fact(2, 2)]), []);
    // Told twice is told once.
    assert_eq!(judge(vec![fact(2, 2), fact(1, 1), fact(2, 2)]), []);
    for lost in [vec![fact(2, 2)], vec![fact(1, 1)], vec![fact(1, 1), fact(2, 2), fact(2, 5)]] {
        assert_eq!(judge(lost), [Kind::LostFact]);
    }
}

#[test]
fn what_nobody_can_explain_is_never_justified() {
    let broken = refused(1, 0, minutes(0, 60), (0, 10), Reason::Internal);
    assert_eq!(kinds(vec![broken]), [Kind::UnjustifiedRefusal]);
}
