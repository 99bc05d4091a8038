//! What the sandbox says, in its own words, and what that means here.

use jiff::Timestamp;
use parkmesh_contracts::money::{Currency, Money};
use serde::Deserialize;

use crate::domain::{Chargeback, Dispute};
use crate::provider::{
    self, Authorized, Found, Movement, MovementKind, Notice, ProviderError, RefundStanding,
    Standing, Taken, Told,
};

#[derive(Deserialize)]
pub struct Authorization {
    authorization_id: String,
    reference: String,
    status: String,
    amount_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    currency: String,
    decline_code: Option<String>,
    client_secret: Option<String>,
    expire_time: Option<Timestamp>,
}

#[derive(Deserialize)]
pub struct Authorizations {
    pub authorizations: Vec<Authorization>,
}

#[derive(Deserialize)]
pub struct Refund {
    refund_id: String,
    reference: String,
    amount_minor: i64,
    currency: String,
    status: String,
    failure_code: Option<String>,
}

#[derive(Deserialize)]
pub struct Refunds {
    pub refunds: Vec<Refund>,
}

#[derive(Deserialize)]
pub struct Card {
    brand: String,
    last_four: String,
    expiry_month: u8,
    expiry_year: u16,
}

#[derive(Deserialize)]
pub struct Movements {
    movements: Vec<Line>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    movement_id: i64,
    kind: String,
    authorization_id: String,
    reference: String,
    amount_minor: i64,
    fee_minor: i64,
    currency: String,
    create_time: Timestamp,
}

/// A webhook's body.
#[derive(Deserialize)]
pub struct Event {
    event_id: String,
    create_time: Timestamp,
    authorization: Authorization,
    refund: Option<Refund>,
    chargeback: Option<Disputed>,
}

#[derive(Deserialize)]
struct Disputed {
    chargeback_id: String,
    amount_minor: i64,
    reason: String,
    status: String,
}

impl Authorization {
    pub fn is_declined(&self) -> bool {
        self.status == "declined"
    }

    pub fn authorized(self) -> Authorized {
        let waits = self.status == "action_required";
        Authorized {
            provider_id: self.authorization_id,
            expire_time: self.expire_time,
            client_secret: self.client_secret.filter(|_| waits),
            action_url: None,
        }
    }

    pub fn taken(&self) -> Taken {
        if self.status == "capturing" { Taken::Pending } else { Taken::Done }
    }

    pub fn found(&self) -> Result<Found, ProviderError> {
        Ok(Found {
            provider_id: self.authorization_id.clone(),
            reference: self.reference.clone(),
            standing: self.standing()?,
            authorized: money(self.amount_minor, &self.currency)?,
            refunded: money(self.refunded_minor, &self.currency)?,
            expire_time: self.expire_time,
        })
    }

    fn standing(&self) -> Result<Standing, ProviderError> {
        let captured = || money(self.captured_minor, &self.currency);
        Ok(match self.status.as_str() {
            "action_required" => {
                Standing::ActionRequired(self.client_secret.clone().unwrap_or_default())
            }
            "authorized" => Standing::Authorized,
            "capturing" => Standing::Capturing(captured()?),
            "captured" => Standing::Captured(captured()?),
            "voided" => Standing::Voided,
            "expired" => Standing::Expired,
            "declined" => Standing::Declined(self.decline_code.clone().unwrap_or_default()),
            other => return Err(strange("status", other)),
        })
    }
}

impl Refund {
    pub fn refund(&self) -> Result<provider::Refund, ProviderError> {
        let standing = match self.status.as_str() {
            "pending" => RefundStanding::Pending,
            "succeeded" => RefundStanding::Succeeded,
            "failed" => RefundStanding::Failed(self.failure_code.clone().unwrap_or_default()),
            other => return Err(strange("status of a refund", other)),
        };
        let amount = money(self.amount_minor, &self.currency)?;
        Ok(provider::Refund { refund_id: self.refund_id.clone(), amount, standing })
    }
}

impl From<Card> for provider::Card {
    fn from(card: Card) -> Self {
        let Card { brand, last_four, expiry_month, expiry_year } = card;
        Self { brand, last_four, expiry_month, expiry_year }
    }
}

impl Movements {
    pub fn movements(self) -> Result<provider::Movements, ProviderError> {
        let movements = self.movements.into_iter().map(Line::movement).collect::<Result<_, _>>()?;
        Ok(provider::Movements { movements, next: self.next })
    }
}

impl Line {
    fn movement(self) -> Result<Movement, ProviderError> {
        let kind = match self.kind.as_str() {
            "capture" => MovementKind::Capture,
            "refund" => MovementKind::Refund,
            "refund_failed" => MovementKind::RefundFailed,
            "chargeback" => MovementKind::Chargeback,
            "chargeback_reversed" => MovementKind::ChargebackReversed,
            other => return Err(strange("kind of movement", other)),
        };
        Ok(Movement {
            movement_id: self.movement_id.to_string(),
            kind,
            provider_id: self.authorization_id,
            reference: self.reference,
            amount: money(self.amount_minor, &self.currency)?,
            fee: money(self.fee_minor, &self.currency)?,
            time: self.create_time,
        })
    }
}

impl Event {
    pub fn notice(self) -> Result<Notice, ProviderError> {
        let told = match (&self.refund, self.chargeback) {
            (Some(refund), _) => {
                Told::Refund { reference: refund.reference.clone(), refund: refund.refund()? }
            }
            (None, Some(disputed)) => Told::Chargeback(Chargeback {
                amount: money(disputed.amount_minor, &self.authorization.currency)?,
                dispute: match disputed.status.as_str() {
                    "opened" => Dispute::Opened,
                    "won" => Dispute::Won,
                    "lost" => Dispute::Lost,
                    other => return Err(strange("status of a dispute", other)),
                },
                chargeback_id: disputed.chargeback_id,
                reason: disputed.reason,
            }),
            (None, None) => Told::Moved,
        };
        Ok(Notice {
            event_id: self.event_id,
            provider_id: self.authorization.authorization_id,
            reference: self.authorization.reference,
            time: self.create_time,
            told,
        })
    }
}

fn money(minor: i64, currency: &str) -> Result<Money, ProviderError> {
    let currency =
        Currency::parse(currency).map_err(|error| ProviderError::Unknown(error.into()))?;
    Ok(Money::new(minor, currency))
}

fn strange(what: &str, word: &str) -> ProviderError {
    ProviderError::Unknown(format!("no {what} that we know: {word}").into())
}
