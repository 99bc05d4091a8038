//! What may be asked of the books, and what they answer.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Authorization, Dispute, Refund};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Set an amount aside.
    Authorize(Authorize),
    /// Set aside more, up to a total.
    Increase {
        /// Of which.
        authorization_id: Uuid,
        /// The new total.
        amount_minor: i64,
    },
    /// Take an amount, once.
    Capture {
        /// Of which.
        authorization_id: Uuid,
        /// How much.
        amount_minor: i64,
    },
    /// Give everything back.
    Void {
        /// Of which.
        authorization_id: Uuid,
    },
    /// Give back of what was taken.
    Refund {
        /// Of which.
        authorization_id: Uuid,
        /// How much.
        amount_minor: i64,
        /// The merchant's own id.
        reference: String,
    },
    /// The driver has done what the bank asked for.
    Act {
        /// Of which.
        authorization_id: Uuid,
        /// What the driver's app was given.
        client_secret: String,
        /// Whether the driver agrees; what the card does then is its own matter.
        accepted: bool,
    },
    /// An open outcome is due, or the time is over.
    Settle {
        /// Of which.
        authorization_id: Uuid,
    },
    /// The same for a refund.
    SettleRefund {
        /// Of which authorisation.
        authorization_id: Uuid,
        /// Which.
        refund_id: Uuid,
    },
    /// Its time is over now.
    Expire {
        /// Of which.
        authorization_id: Uuid,
    },
    /// The card's holder disputes, or the dispute ends.
    Dispute {
        /// Of which.
        authorization_id: Uuid,
        /// Where it stands now.
        dispute: Dispute,
    },
}

/// What to set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorize {
    /// In minor units of the currency.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// A token, never a number.
    pub payment_method: String,
    /// The merchant's own id.
    pub reference: String,
}

/// Made for one command, and used if something new comes of it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Of what is new.
    pub id: Uuid,
    /// Nobody can guess it.
    pub secret: String,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long an authorisation lives.
    pub hold: SignedDuration,
    /// The same for the card that expires soon.
    pub short_hold: SignedDuration,
    /// How long an outcome is left open.
    pub settle: SignedDuration,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The authorisation stands so.
    Done(Authorization),
    /// The refund does.
    Refunded(Refund),
    /// The card was refused, with this code.
    Declined(String),
    /// It does not move.
    Stuck(Stuck),
    /// There is no such authorisation.
    NotFound,
}

/// Why it does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// It is not in the state for it.
    StateWrong,
    /// More than there is, or nothing.
    AmountWrong,
    /// More cannot be set aside on this card.
    IncreaseNotSupported,
}

impl Command {
    /// The authorisation that must be known.
    pub fn authorization_id(&self) -> Option<Uuid> {
        match self {
            Self::Authorize(_) => None,
            Self::Increase { authorization_id, .. }
            | Self::Capture { authorization_id, .. }
            | Self::Void { authorization_id }
            | Self::Refund { authorization_id, .. }
            | Self::Act { authorization_id, .. }
            | Self::Settle { authorization_id }
            | Self::SettleRefund { authorization_id, .. }
            | Self::Expire { authorization_id }
            | Self::Dispute { authorization_id, .. } => Some(*authorization_id),
        }
    }

    /// The refund that must be known.
    pub fn refund_id(&self) -> Option<Uuid> {
        match self {
            Self::SettleRefund { refund_id, .. } => Some(*refund_id),
            _ => None,
        }
    }
}
