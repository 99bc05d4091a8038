//! Both sides of every movement of money.

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

use super::payment::{Payment, Status};

/// One side of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The movement.
    pub movement_id: Uuid,
    /// `driver:<user>`, `operator:<lot>` or `held:<payment>`.
    pub account: String,
    /// Positive adds to the account.
    pub amount: Money,
    /// `authorize`, `capture` or `void`.
    pub kind: &'static str,
    /// The payment.
    pub payment_id: PaymentId,
}

/// The movement that brought a payment where it stands; its entries sum to zero. Empty where no
/// money moved.
pub fn entries(payment: &Payment) -> Vec<Entry> {
    let driver = format!("driver:{}", payment.user_id);
    let held = format!("held:{}", payment.payment_id);
    let operator = format!("operator:{}", payment.lot_id);
    let amount = payment.authorized.minor;
    let (kind, sides) = match payment.status {
        Status::Authorized => ("authorize", vec![(driver, -amount), (held, amount)]),
        Status::Captured => {
            let taken = payment.captured.map_or(0, |captured| captured.minor);
            ("capture", vec![(held, -amount), (operator, taken), (driver, amount - taken)])
        }
        Status::Voided => ("void", vec![(held, -amount), (driver, amount)]),
        Status::Pending | Status::Declined => return Vec::new(),
    };
    let movement_id = Uuid::new_v5(&payment.payment_id.as_uuid(), kind.as_bytes());
    let entry = |(account, minor): (String, i64)| Entry {
        movement_id,
        account,
        amount: Money::new(minor, payment.authorized.currency),
        kind,
        payment_id: payment.payment_id,
    };
    sides.into_iter().filter(|(_, minor)| *minor != 0).map(entry).collect()
}
