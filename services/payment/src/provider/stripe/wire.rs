//! What Stripe says, in its own words, and what that means here. Only the fields that are used.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::call::decline;
use super::minor::money;
use crate::provider::{self, Authorized, ProviderError, RefundStanding, Standing};

/// How long an authorisation lives where Stripe does not say.
const HOLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A page of a list.
#[derive(Deserialize)]
pub struct Listed<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// Ours, that we gave with the request.
pub type Metadata = HashMap<String, String>;

/// A PaymentIntent.
#[derive(Deserialize)]
pub struct Intent {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    pub created: i64,
    #[serde(default)]
    metadata: Metadata,
    amount_received: Option<i64>,
    client_secret: Option<String>,
    next_action: Option<NextAction>,
    cancellation_reason: Option<String>,
    last_payment_error: Option<PaymentError>,
    latest_charge: Option<Charge>,
}

/// What the driver is to do.
#[derive(Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

#[derive(Deserialize)]
struct Redirect {
    url: Option<String>,
}

#[derive(Deserialize)]
struct PaymentError {
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct Charge {
    payment_method_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    card: Option<CardDetails>,
}

#[derive(Deserialize)]
struct CardDetails {
    capture_before: Option<i64>,
    incremental_authorization: Option<Increment>,
}

#[derive(Deserialize)]
struct Increment {
    status: String,
}

/// A refund.
#[derive(Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    pub payment_intent: Option<String>,
    currency: String,
    status: Option<String>,
    failure_reason: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

/// A PaymentMethod.
#[derive(Deserialize)]
pub struct Method {
    pub card: Option<Card>,
}

#[derive(Deserialize)]
pub struct Card {
    brand: String,
    last4: String,
    exp_month: u8,
    exp_year: u16,
}

/// Our reference in metadata; empty: not ours.
pub fn reference(metadata: &Metadata) -> String {
    metadata.get("reference").cloned().unwrap_or_default()
}

impl Intent {
    pub fn reference(&self) -> String {
        reference(&self.metadata)
    }

    /// What came of an authorisation that was answered well. An intent that waits for another card was refused.
    pub fn authorized(&self) -> Result<Authorized, ProviderError> {
        let client_secret = match self.standing()? {
            Standing::Declined(code) => return Err(ProviderError::Declined(code)),
            Standing::ActionRequired(secret) => Some(secret),
            _ => None,
        };
        let (provider_id, expire_time) = (self.id.clone(), self.expire_time());
        let redirect = self.next_action.as_ref().and_then(|next| next.redirect_to_url.as_ref());
        let action_url = redirect.and_then(|redirect| redirect.url.clone());
        Ok(Authorized { provider_id, expire_time, client_secret, action_url })
    }

    pub fn is_declined(&self) -> bool {
        self.status == "requires_payment_method"
    }

    pub fn standing(&self) -> Result<Standing, ProviderError> {
        let taken = || money(self.amount_received.unwrap_or(self.amount), &self.currency);
        Ok(match self.status.as_str() {
            "requires_capture" => Standing::Authorized,
            "requires_action" => {
                Standing::ActionRequired(self.client_secret.clone().unwrap_or_default())
            }
            "requires_payment_method" => {
                let error = self.last_payment_error.as_ref();
                let code =
                    error.and_then(|error| error.decline_code.as_ref().or(error.code.as_ref()));
                Standing::Declined(decline(code.map(String::as_str)))
            }
            "processing" => Standing::Capturing(taken()?),
            "succeeded" => Standing::Captured(taken()?),
            "canceled" => match self.cancellation_reason.as_deref() {
                Some("automatic" | "expired") => Standing::Expired,
                _ => Standing::Voided,
            },
            other => {
                let strange = format!("no status of an intent that we know: {other}");
                return Err(ProviderError::Unknown(strange.into()));
            }
        })
    }

    pub fn expire_time(&self) -> Option<Timestamp> {
        let told = self.card().and_then(|card| card.capture_before);
        let told = told.and_then(|second| Timestamp::from_second(second).ok());
        told.or_else(|| Timestamp::from_second(self.created).ok()?.checked_add(HOLD).ok())
    }

    /// Whether this card's bank lets us set aside more.
    pub fn can_increase(&self) -> bool {
        let increment = self.card().and_then(|card| card.incremental_authorization.as_ref());
        increment.is_some_and(|increment| increment.status == "available")
    }

    fn card(&self) -> Option<&CardDetails> {
        self.latest_charge.as_ref()?.payment_method_details.as_ref()?.card.as_ref()
    }
}

impl Refund {
    pub fn reference(&self) -> String {
        reference(&self.metadata)
    }

    pub fn is_failed(&self) -> bool {
        matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    pub fn refund(&self) -> Result<provider::Refund, ProviderError> {
        let standing = match self.status.as_deref() {
            Some("succeeded") => RefundStanding::Succeeded,
            Some("failed" | "canceled") => {
                let reason = self.failure_reason.clone().or_else(|| self.status.clone());
                RefundStanding::Failed(reason.unwrap_or_default())
            }
            _ => RefundStanding::Pending,
        };
        let amount = money(self.amount, &self.currency)?;
        Ok(provider::Refund { refund_id: self.id.clone(), amount, standing })
    }
}

impl From<Card> for provider::Card {
    fn from(card: Card) -> Self {
        Self {
            brand: card.brand,
            last_four: card.last4,
            expiry_month: card.exp_month,
            expiry_year: card.exp_year,
        }
    }
}
