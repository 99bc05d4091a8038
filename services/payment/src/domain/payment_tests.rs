#![expect(clippy::unwrap_used, reason = "tests")]

use parkmesh_contracts::ids::RefundId;
use parkmesh_contracts::money::Currency;
use proptest::prelude::*;

use super::*;
use crate::domain::ledger;
use crate::domain::settle::ask_settled;

pub fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

pub fn pending() -> Payment {
    Payment {
        payment_id: Uuid::from_u128(1).into(),
        booking_id: Uuid::from_u128(2).into(),
        kind: Kind::Booking,
        lot_id: Uuid::from_u128(3).into(),
        user_id: UserId::parse("anna").unwrap(),
        authorized: eur(1_200),
        captured: None,
        refunded: eur(0),
        action_allowed: false,
        action: None,
        chases: 0,
        authorize_time: None,
        replaces: None,
        payment_method: "pm_card_ok".to_owned(),
        status: Status::Pending,
        decline_code: None,
        provider_id: None,
        authorize_key: authorize_key(Uuid::from_u128(4).into()),
        intent: Some(Intent::Authorize),
        version: 1,
        create_time: Timestamp::UNIX_EPOCH,
    }
}

fn refund(id: u128) -> RefundId {
    Uuid::from_u128(id).into()
}

/// Something that somebody does to a payment.
#[derive(Clone, Debug)]
enum Act {
    Capture(i64),
    Void,
    Settle(Option<i64>),
    Refund(u128, Option<i64>),
    Hear(Outcome),
}

fn act() -> impl Strategy<Value = Act> {
    // Amounts that meet, so that captures and their outcomes belong together often.
    let amount = || prop_oneof![Just(0), Just(400), Just(1_200), Just(1_201), -5..2_000_i64];
    prop_oneof![
        amount().prop_map(Act::Capture),
        Just(Act::Void),
        proptest::option::of(amount()).prop_map(Act::Settle),
        Just(Act::Hear(Outcome::Authorized("p".to_owned(), None))),
        Just(Act::Hear(Outcome::Declined("d".to_owned()))),
        amount().prop_map(|minor| Act::Hear(Outcome::Captured(eur(minor)))),
        Just(Act::Hear(Outcome::Voided)),
        (0..2_u128, proptest::option::of(amount())).prop_map(|(id, minor)| Act::Refund(id, minor)),
        (0..2_u128, amount())
            .prop_map(|(id, minor)| Act::Hear(Outcome::Refunded(refund(id), eur(minor)))),
        (0..2_u128).prop_map(|id| Act::Hear(Outcome::RefundFailed(refund(id), "f".to_owned()))),
    ]
}

fn settled(payment: &Payment, capture: Option<Money>) -> Option<Payment> {
    let end = Settlement { capture, lines: Vec::new(), reason: "completed".to_owned() };
    ask_settled(std::slice::from_ref(payment), &end).pop()
}

fn after(payment: &Payment, act: &Act) -> Option<Payment> {
    match act {
        Act::Capture(minor) => payment.ask_capture(eur(*minor)).ok(),
        Act::Void => payment.ask_void().ok(),
        Act::Settle(capture) => settled(payment, capture.map(eur)),
        Act::Refund(id, minor) => payment.ask_refund(refund(*id), minor.map(eur)).ok(),
        Act::Hear(outcome) => payment.after(outcome),
    }
}

proptest! {
    #[test]
    fn whatever_is_done_in_whatever_order_money_adds_up(
        acts in prop::collection::vec(act(), 0..24)
    ) {
        let mut payment = pending();
        let (mut driver, mut held, mut operator) = (0, 0, 0);
        for act in acts {
            let Some(next) = after(&payment, &act) else { continue };
            if next.status != payment.status {
                prop_assert!(matches!(payment.status, Status::Pending | Status::Authorized),
                    "an end is left: {:?}", payment.status);
            }
            let entries = match &act {
                Act::Hear(outcome) => ledger::entries(&next, outcome),
                _ => Vec::new(),
            };
            prop_assert_eq!(entries.iter().map(|entry| entry.amount.minor).sum::<i64>(), 0);
            let heard = i64::from(matches!(act, Act::Hear(_)));
            prop_assert_eq!(next.version, payment.version + heard);
            for entry in entries {
                match entry.account.split(':').next() {
                    Some("driver") => driver += entry.amount.minor,
                    Some("held") => held += entry.amount.minor,
                    _ => operator += entry.amount.minor,
                }
            }
            payment = next;
            prop_assert_eq!(driver + held + operator, 0);
            let set_aside = if payment.status == Status::Authorized { 1_200 } else { 0 };
            prop_assert_eq!(held, set_aside);
            let captured = payment.captured.map_or(0, |taken| taken.minor);
            prop_assert_eq!(operator, captured - payment.refunded.minor);
            prop_assert!((0..=1_200).contains(&captured));
            prop_assert!((0..=captured).contains(&payment.refunded.minor));
            match payment.intent {
                Some(Intent::Capture(amount)) => prop_assert!((1..=1_200).contains(&amount.minor)),
                Some(Intent::Refund(_, amount)) => {
                    prop_assert!((1..=captured - payment.refunded.minor).contains(&amount.minor));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn an_outcome_counts_once() {
    let asked = pending();
    let authorized = asked.after(&Outcome::Authorized("p".to_owned(), None)).unwrap();
    assert_eq!(authorized.after(&Outcome::Authorized("p".to_owned(), None)), None);
    assert_eq!(authorized.after(&Outcome::Voided), None, "nobody asked for a void");
}

#[test]
fn the_provider_lets_go_of_what_nobody_asks_about_and_refuses_a_capture_after_that() {
    let authorized = pending().after(&Outcome::Authorized("p".to_owned(), None)).unwrap();
    let lapsed = authorized.after(&Outcome::Lapsed).unwrap();
    assert_eq!((lapsed.status, lapsed.after(&Outcome::Lapsed)), (Status::Voided, None));
    let asked = authorized.ask_capture(eur(900)).unwrap();
    assert_eq!(asked.after(&Outcome::Lapsed), None, "the capture's own answer decides");
    let refused = asked.after(&Outcome::Declined("authorization_expired".to_owned())).unwrap();
    assert_eq!((refused.status, refused.intent), (Status::Declined, None));
}

#[test]
fn a_refund_that_comes_back_leaves_what_is_being_asked_alone() {
    let taken = pending().after(&Outcome::Authorized("p".to_owned(), None)).unwrap();
    let taken = taken.ask_capture(eur(900)).unwrap().after(&Outcome::Captured(eur(900))).unwrap();
    let id = |id| uuid::Uuid::from_u128(id).into();
    let back = taken.ask_refund(id(1), Some(eur(400))).unwrap();
    let back = back.after(&Outcome::Refunded(id(1), eur(400))).unwrap();
    let asking = back.ask_refund(id(2), Some(eur(100))).unwrap();
    let returned = Outcome::RefundReturned(id(1), eur(400), "lost_card".to_owned());
    let after = asking.after(&returned).unwrap();
    assert_eq!((after.refunded, after.intent), (eur(0), asking.intent));
    assert_eq!(after.after(&returned), None, "no more comes back than was given");
}

#[test]
fn keys_follow_from_what_they_are_for() {
    let payment = pending();
    let keys = [payment.authorize_key, payment.capture_key(), payment.void_key()];
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    assert_eq!(keys, {
        let again = pending();
        [again.authorize_key, again.capture_key(), again.void_key()]
    });
}

#[test]
fn a_wrong_currency_is_never_captured() {
    let authorized = pending().after(&Outcome::Authorized("p".to_owned(), None)).unwrap();
    let yen = Money::new(100, Currency::parse("JPY").unwrap());
    assert_eq!(authorized.ask_capture(yen), Err(Refusal::AmountWrong));
    let asked = settled(&authorized, Some(yen)).unwrap();
    assert_eq!(asked.intent, Some(Intent::Void), "nobody pays for our mistake");
}
