//! What the end of a booking asks of all that is set aside for it.

use parkmesh_contracts::money::Money;

use super::payment::{Intent, Kind, Payment, Settlement, Status};

/// What is to be asked of the payments of a booking that has ended so: the amount is taken from them
/// in their order, and what is not needed is given back. Returns those of which something is to be
/// asked now; the others are not (yet) authorised, done, or asked already. What they have given or
/// are to give counts.
pub fn ask_settled(payments: &[Payment], settlement: &Settlement) -> Vec<Payment> {
    let covering = payments.iter().filter(|payment| payment.kind != Kind::Overstay);
    let mut open = settlement.capture.map_or(0, |amount| amount.minor);
    for payment in covering.clone() {
        let taken = match (payment.status, payment.intent) {
            // Owed, and chased: nothing else need cover it.
            _ if payment.kind == Kind::Debt => Some(payment.authorized),
            (Status::Captured, _) => payment.captured,
            (_, Some(Intent::Capture(asked))) => Some(asked),
            _ => None,
        };
        open -= taken.map_or(0, |taken| taken.minor);
    }
    let mut asked = Vec::new();
    for payment in covering {
        let is_debt = payment.kind == Kind::Debt;
        if is_debt || payment.status != Status::Authorized || payment.intent.is_some() {
            continue;
        }
        let intent = match settlement.capture {
            Some(amount) if amount.currency == payment.authorized.currency && open > 0 => {
                // Booking promises never to ask for more than was authorised; nobody pays for our
                // mistake.
                let minor = open.min(payment.authorized.minor);
                open -= minor;
                Intent::Capture(Money::new(minor, amount.currency))
            }
            _ => Intent::Void,
        };
        asked.push(Payment { intent: Some(intent), ..payment.clone() });
    }
    asked
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::super::payment::tests::{eur, pending};
    use super::*;
    use crate::domain::Outcome;

    fn ended(capture: Option<i64>) -> Settlement {
        let capture = capture.map(eur);
        Settlement { capture, lines: Vec::new(), reason: "completed".to_owned() }
    }

    fn authorized(kind: Kind, minor: i64) -> Payment {
        let asked = Payment { kind, authorized: eur(minor), ..pending() };
        asked.after(&Outcome::Authorized("p".to_owned(), None)).unwrap()
    }

    #[test]
    fn the_first_payment_gives_before_the_others_and_what_is_not_needed_goes_back() {
        let payments = [(Kind::Booking, 500), (Kind::Addition, 300), (Kind::Overstay, 900)]
            .map(|(kind, minor)| authorized(kind, minor));
        let asked = |capture| {
            let asked = ask_settled(&payments, &ended(capture));
            asked.into_iter().map(|payment| payment.intent.unwrap()).collect::<Vec<_>>()
        };
        let capture = |minor| Intent::Capture(eur(minor));
        assert_eq!(asked(Some(800)), [capture(500), capture(300)]);
        assert_eq!(asked(Some(600)), [capture(500), capture(100)]);
        assert_eq!(asked(Some(500)), [capture(500), Intent::Void]);
        assert_eq!(asked(None), [Intent::Void, Intent::Void]);
    }

    #[test]
    fn an_authorisation_that_comes_after_the_end_is_given_back_when_the_others_suffice() {
        let first = authorized(Kind::Booking, 500);
        let late = Payment { kind: Kind::Addition, authorized: eur(300), ..pending() };
        let end = ended(Some(450));
        let asked = ask_settled(&[first, late.clone()], &end);
        assert_eq!(asked.len(), 1, "nothing is asked of what is not authorised");
        let late = late.after(&Outcome::Authorized("late".to_owned(), None)).unwrap();
        let asked = ask_settled(&[asked[0].clone(), late], &end);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].intent, Some(Intent::Void));
    }

    proptest! {
        /// However the outcomes come in, exactly the amount is taken, or all there is.
        #[test]
        fn exactly_the_amount_is_taken_over_all_payments(
            amounts in prop::collection::vec((1..1_000_i64, any::<bool>()), 1..6),
            capture in proptest::option::of(1..4_000_i64),
        ) {
            let mut payments: Vec<Payment> = amounts.iter().enumerate().map(|(at, (minor, late))| {
                let kind = if at == 0 { Kind::Booking } else { Kind::Addition };
                let payment_id = uuid::Uuid::from_u128(at as u128).into();
                match late {
                    true => Payment { payment_id, kind, authorized: eur(*minor), ..pending() },
                    false => Payment { payment_id, ..authorized(kind, *minor) },
                }
            }).collect();
            let end = ended(capture);
            loop {
                for asked in ask_settled(&payments, &end) {
                    let place = payments.iter().position(|p| p.payment_id == asked.payment_id);
                    payments[place.unwrap()] = asked;
                }
                let Some(open) = payments.iter_mut().find(|p| p.intent.is_some()) else { break };
                let outcome = match open.intent.unwrap() {
                    Intent::Authorize => Outcome::Authorized("p".to_owned(), None),
                    Intent::Capture(amount) => Outcome::Captured(amount),
                    Intent::Void => Outcome::Voided,
                    Intent::Refund(..) => unreachable!("nobody asks for one here"),
                };
                *open = open.after(&outcome).unwrap();
            }
            let set_aside: i64 = amounts.iter().map(|(minor, _)| minor).sum();
            let taken: i64 = payments.iter().filter_map(|p| p.captured).map(|m| m.minor).sum();
            prop_assert_eq!(taken, capture.unwrap_or(0).min(set_aside));
        }
    }
}
