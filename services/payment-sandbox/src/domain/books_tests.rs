//! Whatever is asked in whatever order, the books add up.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::domain::card::CARDS;

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn times() -> Times {
    Times {
        hold: SignedDuration::from_hours(168),
        short_hold: SignedDuration::from_secs(60),
        settle: SignedDuration::from_secs(5),
    }
}

fn books() -> Books {
    Books::new(now(), times(), Vec::new(), Vec::new())
}

fn fresh(id: u128) -> Fresh {
    Fresh { id: Uuid::from_u128(id), secret: "s".to_owned() }
}

fn asked(card: &str) -> Command {
    Command::Authorize(Authorize {
        amount_minor: 1_000,
        currency: "EUR".to_owned(),
        payment_method: card.to_owned(),
        reference: "r".to_owned(),
    })
}

const ID: Uuid = Uuid::from_u128(1);

fn begun(card: &str) -> Books {
    let mut books = books();
    books.apply(&asked(card), fresh(1));
    books
}

fn later(books: Books, seconds: i64) -> Books {
    let now = books.now + SignedDuration::from_secs(seconds);
    Books { now, ..books }
}

fn status(books: &Books) -> Status {
    books.authorizations[&ID].status
}

fn capture(amount_minor: i64) -> Command {
    Command::Capture { authorization_id: ID, amount_minor }
}

fn give_back(amount_minor: i64) -> Command {
    Command::Refund { authorization_id: ID, amount_minor, reference: "f".to_owned() }
}

const SETTLE: Command = Command::Settle { authorization_id: ID };

#[test]
fn a_capture_takes_at_most_what_was_set_aside_and_only_once() {
    for minor in [0, 1_001] {
        let reply = begun("pm_card_ok").apply(&capture(minor), fresh(2));
        assert_eq!(reply, Reply::Stuck(Stuck::AmountWrong));
    }
    let mut books = begun("pm_card_ok");
    assert!(matches!(books.apply(&capture(400), fresh(2)), Reply::Done(_)));
    assert_eq!(books.apply(&capture(400), fresh(3)), Reply::Stuck(Stuck::StateWrong));
}

#[test]
fn a_driver_acts_once_and_only_with_the_secret() {
    let act = |secret: &str| Command::Act {
        authorization_id: ID,
        client_secret: secret.to_owned(),
        accepted: true,
    };
    let mut books = begun("pm_card_action_ok");
    let secret = books.authorizations[&ID].client_secret.clone().unwrap_or_default();
    assert_eq!(books.apply(&capture(1), fresh(2)), Reply::Stuck(Stuck::StateWrong));
    assert_eq!(books.apply(&act("guess"), fresh(2)), Reply::NotFound);
    assert!(books.entries.is_empty());
    assert!(matches!(books.apply(&act(&secret), fresh(2)), Reply::Done(_)));
    assert_eq!((status(&books), books.entries.len()), (Status::Authorized, 2));
    assert_eq!(books.apply(&act(&secret), fresh(2)), Reply::Stuck(Stuck::StateWrong));

    let mut books = begun("pm_card_action_fails");
    let refused = books.apply(&act(&secret), fresh(2));
    assert_eq!(refused, Reply::Declined("authentication_failed".to_owned()));
    assert!(books.entries.is_empty());
}

#[test]
fn a_capture_that_is_left_open_is_done_or_declined_later() {
    for (card, end, kept) in [
        ("pm_card_capture_settles", Status::Captured, 400),
        ("pm_card_late_decline", Status::Declined, 0),
    ] {
        let mut books = begun(card);
        books.apply(&capture(400), fresh(2));
        books.apply(&SETTLE, fresh(3));
        assert_eq!(status(&books), Status::Capturing, "{card}: not before its time");
        let mut books = later(books, 5);
        books.apply(&SETTLE, fresh(3));
        assert_eq!(status(&books), end, "{card}");
        let merchant = books.entries.iter().filter(|entry| entry.account == "merchant");
        assert_eq!(merchant.map(|entry| entry.amount_minor).sum::<i64>(), kept, "{card}");
        let events = books.events.len();
        books.apply(&SETTLE, fresh(3));
        assert_eq!(books.events.len(), events, "{card}: once");
    }
}

#[test]
fn an_authorisation_ends_with_its_time_whatever_is_asked_then() {
    let mut books = later(begun("pm_card_expires_soon"), 59);
    assert_eq!(status(&books), Status::Authorized);
    books.apply(&SETTLE, fresh(2));
    assert_eq!(status(&books), Status::Authorized, "its time is not over");
    let mut books = later(books, 1);
    assert_eq!(books.apply(&capture(1), fresh(2)), Reply::Stuck(Stuck::StateWrong));
    assert_eq!(status(&books), Status::Expired);
    assert_eq!(books.entries.last().map(|entry| entry.kind.as_str()), Some("expire"));
}

#[test]
fn a_refund_that_is_sent_back_leaves_the_money_with_the_merchant() {
    let mut books = begun("pm_card_refund_fails");
    books.apply(&capture(800), fresh(2));
    assert!(matches!(books.apply(&give_back(500), fresh(3)), Reply::Refunded(_)));
    assert_eq!(books.apply(&give_back(301), fresh(4)), Reply::Stuck(Stuck::AmountWrong));
    let mut books = later(books, 5);
    let refund_id = Uuid::from_u128(3);
    let settle = Command::SettleRefund { authorization_id: ID, refund_id };
    let Reply::Refunded(failed) = books.apply(&settle, fresh(5)) else { panic!("no refund") };
    assert_eq!(failed.status, RefundStatus::Failed);
    assert_eq!(books.authorizations[&ID].refunded_minor, 0);
    assert!(matches!(books.apply(&give_back(800), fresh(6)), Reply::Refunded(_)));
}

#[test]
fn a_disputed_charge_is_gone_until_the_dispute_is_won() {
    let mut books = begun("pm_card_disputed");
    books.apply(&capture(800), fresh(2));
    let mut books = later(books, 5);
    books.apply(&SETTLE, fresh(3));
    assert_eq!(books.apply(&give_back(1), fresh(4)), Reply::Stuck(Stuck::AmountWrong));
    let won = Command::Dispute { authorization_id: ID, dispute: Dispute::Won };
    assert!(matches!(books.apply(&won, fresh(5)), Reply::Done(_)));
    let told = books.events.last().map(|event| event.body(ID, now()));
    assert_eq!(told.map(|body| body["chargeback"]["amount_minor"].clone()), Some(800.into()));
    assert_eq!(books.apply(&won, fresh(5)), Reply::Stuck(Stuck::StateWrong));
    assert!(matches!(books.apply(&give_back(800), fresh(6)), Reply::Refunded(_)));
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = ID;
    prop_oneof![
        (1..2_500_i64).prop_map(capture),
        (1..2_500_i64).prop_map(give_back),
        (1..2_500_i64)
            .prop_map(move |amount_minor| Command::Increase { authorization_id: id, amount_minor }),
        Just(Command::Void { authorization_id: id }),
        Just(SETTLE),
        Just(Command::Expire { authorization_id: id }),
        (1..40_u128).prop_map(move |refund| Command::SettleRefund {
            authorization_id: id,
            refund_id: Uuid::from_u128(refund),
        }),
        prop_oneof![Just(Dispute::Opened), Just(Dispute::Won), Just(Dispute::Lost)]
            .prop_map(move |dispute| Command::Dispute { authorization_id: id, dispute }),
        any::<bool>().prop_map(move |accepted| Command::Act {
            authorization_id: id,
            client_secret: format!("{id}_secret_s"),
            accepted,
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_asked_the_books_balance_and_nothing_is_taken_twice(
        card in 0..CARDS.len(),
        commands in prop::collection::vec((any_command(), 0..40_i64), 1..40),
    ) {
        let mut books = begun(CARDS[card].token);
        for (place, (command, seconds)) in commands.iter().enumerate() {
            books = later(books, *seconds);
            books.apply(command, fresh(2 + place as u128));
            let sum = |account: &str, kinds: &[&str]| -> i64 {
                let entries = books.entries.iter();
                let of = entries.filter(|entry| entry.account.starts_with(account));
                let of = of.filter(|entry| kinds.is_empty() || kinds.contains(&entry.kind.as_str()));
                of.map(|entry| entry.amount_minor).sum()
            };
            let of = &books.authorizations[&ID];
            prop_assert_eq!(sum("", &[]), 0);
            let held = matches!(of.status, Status::Authorized | Status::Capturing);
            prop_assert_eq!(sum("held", &[]), if held { of.amount_minor } else { 0 });
            prop_assert!(sum("merchant", &["capture"]) <= sum("held", &["authorize", "increase"]));
            prop_assert!(sum("merchant", &[]) >= 0);
            let taken = if of.status == Status::Captured { of.captured_minor } else { 0 };
            prop_assert_eq!(sum("merchant", &["capture"]), taken);
            prop_assert_eq!(-sum("merchant", &["refund", "refund_failed"]), of.refunded_minor);
        }
    }
}
