//! Both sides of every movement of money.

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

use super::Chargeback;
use super::payment::{Outcome, Payment};

/// One side of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The movement.
    pub movement_id: Uuid,
    /// `driver:<user>`, `operator:<lot>` or `held:<payment>`.
    pub account: String,
    /// Positive adds to the account.
    pub amount: Money,
    /// `authorize`, `capture`, `void`, `refund`, `refund_failed`, `chargeback` or
    /// `chargeback_reversed`.
    pub kind: &'static str,
    /// The payment.
    pub payment_id: PaymentId,
}

/// The movement that an outcome has made of a payment that stands so after it; its entries sum to
/// zero. Empty where no money moved.
pub fn entries(payment: &Payment, outcome: &Outcome) -> Vec<Entry> {
    let driver = format!("driver:{}", payment.user_id);
    let held = format!("held:{}", payment.payment_id);
    let operator = format!("operator:{}", payment.lot_id);
    let amount = payment.authorized.minor;
    let (kind, sides) = match outcome {
        Outcome::Authorized(..) => ("authorize", vec![(driver, -amount), (held, amount)]),
        Outcome::Captured(taken) => {
            let taken = taken.minor;
            ("capture", vec![(held, -amount), (operator, taken), (driver, amount - taken)])
        }
        Outcome::Voided | Outcome::Lapsed => ("void", vec![(held, -amount), (driver, amount)]),
        Outcome::Refunded(_, back) => {
            ("refund", vec![(operator, -back.minor), (driver, back.minor)])
        }
        Outcome::RefundReturned(_, back, _) => {
            ("refund_failed", vec![(operator, back.minor), (driver, -back.minor)])
        }
        // Refused at the capture: what was set aside is given back.
        Outcome::Declined(_) if payment.provider_id.is_some() => {
            ("void", vec![(held, -amount), (driver, amount)])
        }
        Outcome::Declined(_) | Outcome::RefundFailed(..) | Outcome::ActionRequired(_) => {
            return Vec::new();
        }
    };
    let name = match outcome {
        Outcome::Refunded(refund_id, _) => format!("refund:{refund_id}"),
        Outcome::RefundReturned(refund_id, ..) => format!("refund_failed:{refund_id}"),
        _ => kind.to_owned(),
    };
    movement(payment, kind, &name, sides)
}

/// The movement of a disputed charge: the money goes, or comes back.
pub fn chargeback_entries(payment: &Payment, told: &Chargeback, returned: bool) -> Vec<Entry> {
    let (kind, minor) = match returned {
        false => ("chargeback", told.amount.minor),
        true => ("chargeback_reversed", -told.amount.minor),
    };
    let driver = format!("driver:{}", payment.user_id);
    let operator = format!("operator:{}", payment.lot_id);
    let name = format!("{kind}:{}", told.chargeback_id);
    movement(payment, kind, &name, vec![(operator, -minor), (driver, minor)])
}

/// Its id follows from the payment and its name, so that it is written once.
fn movement(
    payment: &Payment,
    kind: &'static str,
    name: &str,
    sides: Vec<(String, i64)>,
) -> Vec<Entry> {
    let movement_id = Uuid::new_v5(&payment.payment_id.as_uuid(), name.as_bytes());
    let entry = |(account, minor): (String, i64)| Entry {
        movement_id,
        account,
        amount: Money::new(minor, payment.authorized.currency),
        kind,
        payment_id: payment.payment_id,
    };
    sides.into_iter().filter(|(_, minor)| *minor != 0).map(entry).collect()
}
