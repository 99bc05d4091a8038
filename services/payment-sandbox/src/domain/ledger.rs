//! Both sides of every movement, and what is told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Authorization, Dispute, Refund};

/// One side of a movement. The same words in the database and in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of which authorisation.
    pub authorization_id: Uuid,
    /// The merchant's id.
    pub reference: String,
    /// `authorize`, `increase`, `capture`, `void`, `expire`, `refund`, `refund_failed`, `chargeback`
    /// or `chargeback_reversed`.
    pub kind: String,
    /// `card:<method>`, `held` or `merchant`.
    pub account: String,
    /// Positive adds to the account.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// When.
    pub create_time: Timestamp,
}

/// Where money of an authorisation moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The driver's card.
    Card,
    /// What is set aside.
    Held,
    /// The merchant.
    Merchant,
}

/// The entries of one movement; sides without an amount are left out.
pub fn entries(
    of: &Authorization,
    kind: &str,
    sides: &[(Account, i64)],
    now: Timestamp,
) -> Vec<Entry> {
    let moved = sides.iter().filter(|(_, amount)| *amount != 0);
    moved
        .map(|(account, amount_minor)| Entry {
            authorization_id: of.authorization_id,
            reference: of.reference.clone(),
            kind: kind.to_owned(),
            account: match account {
                Account::Card => format!("card:{}", of.payment_method),
                Account::Held => "held".to_owned(),
                Account::Merchant => "merchant".to_owned(),
            },
            amount_minor: *amount_minor,
            currency: of.currency.clone(),
            create_time: now,
        })
        .collect()
}

/// What a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An authorisation stands so.
    Authorization(Authorization),
    /// A refund of it does.
    Refund(Authorization, Refund),
    /// The charge is disputed, or the dispute has ended.
    Chargeback(Authorization, Dispute),
}

impl Event {
    /// Its body.
    pub fn body(&self, event_id: Uuid, now: Timestamp) -> Value {
        let (authorization, refund, chargeback) = match self {
            Self::Authorization(of) => (of, None, None),
            Self::Refund(of, refund) => (of, Some(refund), None),
            Self::Chargeback(of, dispute) => {
                let chargeback = json!({
                    "chargeback_id": format!("dp_{}", of.authorization_id),
                    "amount_minor": of.disputed_minor,
                    "reason": "fraudulent",
                    "status": dispute,
                });
                (of, None, Some(chargeback))
            }
        };
        json!({
            "event_id": event_id,
            "create_time": now,
            "authorization": authorization,
            "refund": refund,
            "chargeback": chargeback,
        })
    }
}
