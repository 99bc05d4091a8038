//! An authorisation and where it stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where an authorisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The driver is asked by the bank; nothing is set aside yet.
    ActionRequired,
    /// The amount is set aside.
    Authorized,
    /// Refused.
    Declined,
    /// The capture is accepted; its outcome comes later.
    Capturing,
    /// Taken; what was not taken is given back.
    Captured,
    /// Given back.
    Voided,
    /// Given back because its time was over.
    Expired,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispute {
    /// The money is gone until it is won.
    Opened,
    /// The money is back.
    Won,
    /// The money is gone.
    Lost,
}

/// An amount set aside on a card, or refused. The same words in the database and in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Ours.
    pub authorization_id: Uuid,
    /// The merchant's.
    pub reference: String,
    /// The token that was charged.
    pub payment_method: String,
    /// Set aside, in minor units, with all increases.
    pub amount_minor: i64,
    /// Taken, or being taken.
    pub captured_minor: i64,
    /// Given back of what was taken.
    pub refunded_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused.
    pub decline_code: Option<String>,
    /// What the driver's app acts with, while it is asked.
    pub client_secret: Option<String>,
    /// When it was asked for.
    pub create_time: Timestamp,
    /// When the sandbox lets go of it.
    pub expire_time: Timestamp,
    /// When the outcome comes that is open.
    pub settle_time: Option<Timestamp>,
    /// Whether the charge is disputed.
    pub dispute: Option<Dispute>,
    /// How much of it.
    pub disputed_minor: i64,
}

impl Authorization {
    /// Whether its time is over, though nobody has noted it yet.
    pub fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.status, Status::ActionRequired | Status::Authorized)
            && self.expire_time <= now
    }
}
