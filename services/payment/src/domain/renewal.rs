//! What is set aside does not stay so for ever. What is for a stay far ahead is set aside near its start. Before the provider lets go, another payment sets the
//! same aside in its place, and then the old one is given back: of the two one is captured at most, as of
//! all payments of a booking together never more is taken than it owes.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;

use super::debt::{asked_again, wait_after};
use super::payment::{Intent, Kind, Payment, Settlement, Status, renewal_key};

/// How long before its end an authorisation is made anew.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// An authorisation lives for a week. Whoever books further ahead than this has their money set aside later.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(6 * 24);

/// How long before its start that is: a refusal leaves time for another card, and the rest of the week is
/// for the stay.
const BEFORE_START: SignedDuration = SignedDuration::from_hours(3 * 24);

/// When what is for a stay that begins then is set aside; `None`: at once.
pub fn authorize_time(start: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let ahead = start.duration_since(now) > AHEAD_MAX;
    ahead.then(|| near(start, now))
}

/// The moment before the start, or now where that is over.
pub fn near(start: Timestamp, now: Timestamp) -> Timestamp {
    start.checked_sub(BEFORE_START).unwrap_or(Timestamp::MIN).max(now)
}

/// How long is waited where what has just been set aside is over already, so that one of the clocks is wrong.
const OVER_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// When what is set aside until then is to be set aside anew: a day before, or after a quarter of a life
/// that is short.
pub fn renew_time(expire_time: Timestamp, now: Timestamp) -> Timestamp {
    let life = expire_time.duration_since(now);
    let wait = match life > SignedDuration::ZERO {
        true => (life - MARGIN).max(life / 4),
        false => OVER_WAIT,
    };
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The payment that takes the place of one whose time is nearly over.
pub fn renewal(old: &Payment, payment_id: PaymentId, now: Timestamp) -> Payment {
    Payment {
        payment_id,
        status: Status::Pending,
        provider_id: None,
        authorize_key: renewal_key(old.payment_id),
        intent: Some(Intent::Authorize),
        action_allowed: false,
        authorize_time: Some(now),
        replaces: Some(old.payment_id),
        chases: 0,
        version: 1,
        create_time: now,
        ..old.clone()
    }
}

/// What becomes of the payment whose place another has taken, and of that one, now that it is
/// authorised: the old one is given back, or else the new one, if the old one is being captured.
pub fn replaced(old: &Payment, new: &Payment) -> (Payment, Payment) {
    let (mut old, mut new) = (old.clone(), new.clone());
    let void = |one: &mut Payment| one.intent = Some(Intent::Void);
    match (old.status, old.intent) {
        (Status::Authorized, None) => void(&mut old),
        (Status::Authorized, Some(Intent::Capture(_))) | (Status::Captured, _) => void(&mut new),
        _ => {}
    }
    (old, new)
}

/// What asks again for a payment of a booking that goes on, after a refusal that came by itself, when
/// nobody was there to give another card.
pub fn again(declined: &Payment, payment_id: PaymentId, now: Timestamp) -> (Payment, Timestamp) {
    let due = wait_after(declined.chases, now);
    (asked_again(declined, (declined.kind, declined.authorized), payment_id, (due, now)), due)
}

/// What is owed by a booking that has ended so, beyond what its payments have given or are to give.
/// What is still to be asked for counts for nothing.
pub fn uncovered(payments: &[Payment], ended: &Settlement) -> Option<Money> {
    let owed = ended.capture?;
    let covering = payments.iter().filter(|one| one.kind != Kind::Overstay);
    let given = |one: &Payment| match (one.status, one.intent) {
        _ if one.kind == Kind::Debt => one.authorized.minor,
        (Status::Captured, _) => one.captured.map_or(0, |taken| taken.minor),
        (_, Some(Intent::Capture(asked))) => asked.minor,
        (Status::Authorized, None) => one.authorized.minor,
        _ => 0,
    };
    let minor = owed.minor - covering.map(given).sum::<i64>();
    (minor > 0).then_some(Money::new(minor, owed.currency))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::payment::tests::{eur, pending};
    use super::*;
    use crate::domain::Outcome;

    #[test]
    fn a_week_is_renewed_after_six_days_and_a_minute_after_fifteen_seconds() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |life: SignedDuration| renew_time(now + life, now).duration_since(now);
        assert_eq!(after(SignedDuration::from_hours(168)).as_hours(), 144);
        assert_eq!(after(SignedDuration::from_secs(60)).as_secs(), 15);
        assert_eq!(after(SignedDuration::from_hours(-20)).as_hours(), 1, "not at once, for ever");
    }

    #[test]
    fn what_begins_in_more_than_six_days_is_set_aside_three_days_before() {
        let now = Timestamp::UNIX_EPOCH;
        let hours = |hours| now + SignedDuration::from_hours(hours);
        assert_eq!(authorize_time(hours(144), now), None);
        assert_eq!(authorize_time(hours(145), now), Some(hours(73)));
        assert_eq!(near(hours(24), now), now);
    }

    #[test]
    fn of_two_that_stand_for_one_the_captured_one_stays() {
        let old = pending().after(&Outcome::Authorized("old".to_owned(), None)).unwrap();
        let new = renewal(&old, uuid::Uuid::from_u128(9).into(), Timestamp::UNIX_EPOCH);
        assert_ne!(new.authorize_key, old.authorize_key);
        let new = new.after(&Outcome::Authorized("new".to_owned(), None)).unwrap();
        let (given, kept) = replaced(&old, &new);
        assert_eq!((given.intent, kept.intent), (Some(Intent::Void), None));
        let (kept, given) = replaced(&old.ask_capture(eur(300)).unwrap(), &new);
        assert_eq!(
            (kept.intent, given.intent),
            (Some(Intent::Capture(eur(300))), Some(Intent::Void))
        );
        let lapsed = old.after(&Outcome::Lapsed).unwrap();
        assert_eq!(replaced(&lapsed, &new), (lapsed.clone(), new.clone()));
    }
}
