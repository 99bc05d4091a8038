//! What is owed when the provider says no: it stays owed, and is asked for again.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;

use super::payment::{Intent, Kind, Payment, Status, chase_key};

/// How long after each refusal the same is asked for again; from then on as after the last.
const WAITS: [SignedDuration; 5] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(3 * 24),
    SignedDuration::from_hours(7 * 24),
];

/// The payment that asks again for what a refused one has left owed, and when it does; `None`: nothing
/// is owed. The parking is over when money is captured, so that what was owed then stays owed; what
/// was only to be set aside is not.
pub fn chase(
    declined: &Payment,
    asked: Intent,
    payment_id: PaymentId,
    now: Timestamp,
) -> Option<(Payment, Timestamp)> {
    let (kind, owed) = match (asked, declined.kind) {
        (Intent::Capture(owed), Kind::Overstay) => (Kind::Overstay, owed),
        (Intent::Capture(owed), _) => (Kind::Debt, owed),
        (Intent::Authorize, kind @ (Kind::Overstay | Kind::Debt)) => (kind, declined.authorized),
        _ => return None,
    };
    let due = wait_after(declined.chases, now);
    Some((asked_again(declined, (kind, owed), payment_id, (due, now)), due))
}

/// The debt that a refused payment leaves of which this much is owed, and when it is asked for.
pub fn owing(
    declined: &Payment,
    owed: Money,
    payment_id: PaymentId,
    now: Timestamp,
) -> (Payment, Timestamp) {
    let due = wait_after(declined.chases, now);
    (asked_again(declined, (Kind::Debt, owed), payment_id, (due, now)), due)
}

/// When the same is asked for again that was refused so often before.
pub(super) fn wait_after(chases: i16, now: Timestamp) -> Timestamp {
    let wait = WAITS[usize::try_from(chases).unwrap_or_default().min(WAITS.len() - 1)];
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The payment that asks for so much in the place of a refused one, at that time.
pub(super) fn asked_again(
    declined: &Payment,
    (kind, owed): (Kind, Money),
    payment_id: PaymentId,
    (due, now): (Timestamp, Timestamp),
) -> Payment {
    Payment {
        payment_id,
        kind,
        authorized: owed,
        captured: None,
        refunded: Money::zero(owed.currency),
        status: Status::Pending,
        decline_code: None,
        provider_id: None,
        authorize_key: chase_key(declined.payment_id),
        intent: Some(Intent::Authorize),
        action_allowed: false,
        action: None,
        chases: declined.chases.saturating_add(1),
        authorize_time: Some(due),
        replaces: declined.replaces.or(Some(declined.payment_id)),
        version: 1,
        create_time: now,
        ..declined.clone()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::payment::tests::{eur, pending};
    use super::*;
    use crate::domain::Outcome;

    #[test]
    fn what_is_owed_is_asked_for_later_and_later_and_never_forgotten() {
        let mut declined = pending().after(&Outcome::Authorized("p".to_owned(), None)).unwrap();
        let (mut asked, mut waits, now) =
            (Intent::Capture(eur(850)), Vec::new(), Timestamp::UNIX_EPOCH);
        for number in 0..8_u128 {
            let id = uuid::Uuid::from_u128(100 + number).into();
            let (next, due) = chase(&declined, asked, id, now).unwrap();
            assert_eq!((next.kind, next.authorized), (Kind::Debt, eur(850)));
            assert_ne!(next.authorize_key, declined.authorize_key);
            waits.push(due.duration_since(now).as_hours());
            declined = next.after(&Outcome::Declined("no".to_owned())).unwrap();
            asked = Intent::Authorize;
        }
        assert_eq!(waits, [1, 6, 24, 72, 168, 168, 168, 168]);
    }

    #[test]
    fn an_overstay_is_asked_for_as_one_and_a_booking_that_was_never_confirmed_is_not() {
        let id = uuid::Uuid::from_u128(100).into();
        let overstay = Payment { kind: Kind::Overstay, ..pending() };
        let (next, _) = chase(&overstay, Intent::Authorize, id, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(next.kind, Kind::Overstay);
        for kind in [Kind::Booking, Kind::Addition] {
            let refused = Payment { kind, ..pending() };
            assert_eq!(chase(&refused, Intent::Authorize, id, Timestamp::UNIX_EPOCH), None);
        }
    }
}
