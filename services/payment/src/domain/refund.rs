//! Giving back what was taken.

use jiff::Timestamp;
use parkmesh_contracts::ids::{PaymentId, RefundId, RequestId};
use parkmesh_contracts::money::Money;

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    /// The provider's answer is not known.
    Pending,
    /// On its way to the driver. In all so much of the payment is.
    Refunded(Money),
    /// Refused, with this code.
    Failed(String),
}

/// Money of a captured payment that is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its id; the provider knows it as our reference.
    pub refund_id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// The request that asked for it.
    pub request_id: RequestId,
    /// Hash of that request.
    pub body_hash: Vec<u8>,
    /// How much.
    pub amount: Money,
    /// Why, for the books.
    pub reason: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// When it was asked for.
    pub create_time: Timestamp,
}
