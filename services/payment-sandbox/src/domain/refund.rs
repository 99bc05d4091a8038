//! A refund and where it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Accepted; the bank has not said yet.
    Pending,
    /// Given back.
    Succeeded,
    /// The bank sent it back.
    Failed,
}

/// Money given back of what was taken. The same words in the database and in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Ours.
    pub refund_id: Uuid,
    /// Of which authorisation.
    pub authorization_id: Uuid,
    /// The merchant's own id for it.
    pub reference: String,
    /// How much.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why the bank sent it back.
    pub failure_code: Option<String>,
    /// When the outcome comes that is open.
    pub settle_time: Option<Timestamp>,
    /// When it was asked for.
    pub create_time: Timestamp,
}
