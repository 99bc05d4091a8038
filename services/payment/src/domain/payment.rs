//! A payment and how it moves: pending → authorised → captured or voided; or declined.
//!
//! Between two states stands an [`Intent`]: what the provider is being asked. It is committed
//! before the call, so that whoever finds it later asks again with the same key, and its
//! [`Outcome`] moves the payment on, once.

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, LotId, PaymentId, RefundId, RequestId, UserId};
use parkmesh_contracts::money::Money;
use uuid::Uuid;

use super::receipt::Line;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The provider's answer to the authorisation is not known.
    Pending,
    /// The amount is set aside.
    Authorized,
    /// The card was refused.
    Declined,
    /// The final amount is taken.
    Captured,
    /// What was set aside is given back.
    Voided,
}

/// What a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The booking.
    Booking,
    /// What the booking costs more since it was changed.
    Addition,
    /// The time past its window.
    Overstay,
    /// What a capture that was refused has left owed.
    Debt,
}

/// What the provider is being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Set the amount aside.
    Authorize,
    /// Take this much, give the rest back.
    Capture(Money),
    /// Give everything back.
    Void,
    /// Give back this much of what was taken.
    Refund(RefundId, Money),
}

/// What a card's bank has its owner do before anything is set aside (3-D Secure).
#[derive(Clone, PartialEq, Eq)]
pub struct Action {
    /// The provider's id of what waits for it.
    pub provider_id: String,
    /// Where the driver does it. Whoever has it can: never in logs or facts.
    pub url: String,
    /// When it is given up.
    pub expire_time: Timestamp,
    /// Whether it is given up. What is accepted after that is given back.
    pub ended: bool,
}

impl std::fmt::Debug for Action {
    /// Without the page.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Action")
            .field("provider_id", &self.provider_id)
            .field("expire_time", &self.expire_time)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What the provider has said for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The amount is set aside, under this id of the provider, until then; `None`: it does not say.
    Authorized(String, Option<Timestamp>),
    /// Nothing is set aside before the driver has done this.
    ActionRequired(Action),
    /// Refused, with this code.
    Declined(String),
    /// This much is taken.
    Captured(Money),
    /// Everything is given back.
    Voided,
    /// Everything was given back by the provider itself, whom nobody had asked: its time was over.
    Lapsed,
    /// This refund of so much is on its way to the driver.
    Refunded(RefundId, Money),
    /// This refund will not be made, for this reason.
    RefundFailed(RefundId, String),
    /// This refund of so much was on its way, and the card's bank has sent it back.
    RefundReturned(RefundId, Money, String),
}

/// How a booking ended, as far as money goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What is to be captured; `None`: everything is given back.
    pub capture: Option<Money>,
    /// What the receipt will say.
    pub lines: Vec<Line>,
    /// Name of the fact that ended it.
    pub reason: String,
}

/// Why a payment does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its state does not allow it.
    StateWrong(Status),
    /// More than was set aside.
    AboveAuthorized(Money),
    /// More than is left of what was taken.
    AboveCaptured(Money),
    /// Another refund is under way.
    RefundInFlight,
    /// Nothing, less than nothing, or another currency.
    AmountWrong,
}

/// Money of one booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id; the provider knows it as our reference.
    pub payment_id: PaymentId,
    /// The booking it covers.
    pub booking_id: BookingId,
    /// What of it.
    pub kind: Kind,
    /// Whose lot.
    pub lot_id: LotId,
    /// Whose money.
    pub user_id: UserId,
    /// What is or was set aside.
    pub authorized: Money,
    /// What was taken.
    pub captured: Option<Money>,
    /// What was given back of it, in all.
    pub refunded: Money,
    /// The provider's token.
    pub payment_method: String,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused.
    pub decline_code: Option<String>,
    /// The provider's id of the authorisation.
    pub provider_id: Option<String>,
    /// Key of the authorisation.
    pub authorize_key: Uuid,
    /// What the provider is being asked.
    pub intent: Option<Intent>,
    /// Whether whoever asked can have the driver do what the card's bank wants.
    pub action_allowed: bool,
    /// What the driver is to do; only while it is pending.
    pub action: Option<Action>,
    /// How often what it is for was asked for in vain before.
    pub chases: i16,
    /// When the clockwork asks for it for the first time; `None`: whoever made it asks at once.
    pub authorize_time: Option<Timestamp>,
    /// The payment whose place it takes.
    pub replaces: Option<PaymentId>,
    /// Counts up with everything that was noted of it.
    pub version: i64,
    /// When it was asked for.
    pub create_time: Timestamp,
}

/// Version of a payment whose amount has just been set aside: the one after its first.
const AUTHORIZED_VERSION: i64 = 2;

/// Keys of the provider are names in this space, so that they never meet another's.
const KEYS: Uuid = Uuid::from_u128(0x6b1d_2f5a_93c4_4f0e_9a57_6d1c_0d8e_52b7);

/// The authorisation's key: the same request always asks with the same key.
pub fn authorize_key(request_id: RequestId) -> Uuid {
    Uuid::new_v5(&KEYS, format!("authorize:{request_id}").as_bytes())
}

/// The same for an overstay, of which a booking has one.
pub fn overstay_key(booking_id: BookingId) -> Uuid {
    Uuid::new_v5(&KEYS, format!("overstay:{booking_id}").as_bytes())
}

/// The same for what asks again for what this payment has left owed.
pub fn chase_key(declined: PaymentId) -> Uuid {
    Uuid::new_v5(&KEYS, format!("chase:{declined}").as_bytes())
}

/// The same for what takes the place of this payment before its time is over.
pub fn renewal_key(old: PaymentId) -> Uuid {
    Uuid::new_v5(&KEYS, format!("renew:{old}").as_bytes())
}

/// Key of a refund.
pub fn refund_key(refund_id: RefundId) -> Uuid {
    Uuid::new_v5(&KEYS, format!("refund:{refund_id}").as_bytes())
}

impl Payment {
    /// Key of the capture: one for ever, so that there is never a second one.
    pub fn capture_key(&self) -> Uuid {
        Uuid::new_v5(&KEYS, format!("capture:{}", self.payment_id).as_bytes())
    }

    /// Key of the void.
    pub fn void_key(&self) -> Uuid {
        Uuid::new_v5(&KEYS, format!("void:{}", self.payment_id).as_bytes())
    }

    /// Whether it is for a stay far ahead, and was answered before it was asked for.
    pub fn is_promised(&self) -> bool {
        self.comes_by_itself() && self.replaces.is_none() && self.chases == 0
    }

    /// Whether it goes on where this payment was refused and another card may be given: the named one
    /// itself, or what asks again for what it has left open.
    pub fn goes_on_from(&self, named: &Self) -> bool {
        let overstay = |one: &Self| one.kind == Kind::Overstay;
        let later = self.chases > 0 || self.is_promised();
        let open = self.status == Status::Pending && later;
        open && overstay(self) == overstay(named)
    }

    /// Whether nobody waits for its outcome who would hear of a refusal: it covers a booking that is promised
    /// already.
    pub fn comes_by_itself(&self) -> bool {
        let covering = matches!(self.kind, Kind::Booking | Kind::Addition);
        covering && (self.authorize_time.is_some() || self.replaces.is_some())
    }

    /// Whether it may still take money, or has.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Pending | Status::Authorized | Status::Captured)
    }

    /// What the driver is to do, and still may.
    pub fn open_action(&self) -> Option<&Action> {
        self.action.as_ref().filter(|action| !action.ended)
    }

    /// Asks to take an amount. Done already, or being done: the payment as it is.
    ///
    /// # Errors
    /// When the state or the amount does not allow it.
    pub fn ask_capture(&self, amount: Money) -> Result<Self, Refusal> {
        if amount.currency != self.authorized.currency || amount.minor < 1 {
            return Err(Refusal::AmountWrong);
        }
        if amount.minor > self.authorized.minor {
            return Err(Refusal::AboveAuthorized(self.authorized));
        }
        match (self.status, self.intent) {
            (Status::Captured, _) if self.captured == Some(amount) => Ok(self.clone()),
            (Status::Authorized, Some(Intent::Capture(asked))) if asked == amount => {
                Ok(self.clone())
            }
            (Status::Authorized, None) => {
                Ok(Self { intent: Some(Intent::Capture(amount)), ..self.clone() })
            }
            _ => Err(Refusal::StateWrong(self.status)),
        }
    }

    /// Asks to give everything back. Done already, or being done: the payment as it is.
    ///
    /// # Errors
    /// When the state does not allow it.
    pub fn ask_void(&self) -> Result<Self, Refusal> {
        match (self.status, self.intent) {
            (Status::Voided, _) | (Status::Authorized, Some(Intent::Void)) => Ok(self.clone()),
            (Status::Authorized, None) => Ok(Self { intent: Some(Intent::Void), ..self.clone() }),
            _ => Err(Refusal::StateWrong(self.status)),
        }
    }

    /// Asks to give back this much of what was taken, or all that is left of it.
    ///
    /// # Errors
    /// When the state or the amount does not allow it.
    pub fn ask_refund(&self, refund_id: RefundId, amount: Option<Money>) -> Result<Self, Refusal> {
        let Some(captured) = self.captured.filter(|_| self.status == Status::Captured) else {
            return Err(Refusal::StateWrong(self.status));
        };
        if self.intent.is_some() {
            return Err(Refusal::RefundInFlight);
        }
        let left = Money::new(captured.minor - self.refunded.minor, captured.currency);
        let amount = amount.unwrap_or(left);
        if amount.currency != left.currency {
            return Err(Refusal::AmountWrong);
        }
        if amount.minor > left.minor || left.minor == 0 {
            return Err(Refusal::AboveCaptured(left));
        }
        if amount.minor < 1 {
            return Err(Refusal::AmountWrong);
        }
        Ok(Self { intent: Some(Intent::Refund(refund_id, amount)), ..self.clone() })
    }

    /// As it stood when the amount was set aside: what whoever asked for that was told, however it
    /// went on.
    #[must_use]
    pub fn when_authorized(&self) -> Self {
        Self {
            status: Status::Authorized,
            captured: None,
            refunded: Money::zero(self.authorized.currency),
            intent: None,
            version: AUTHORIZED_VERSION,
            ..self.clone()
        }
    }

    /// As it stood when it was noted that it is to be set aside later: what whoever asked for that was
    /// told, whenever that comes to be and however it goes on.
    #[must_use]
    pub fn when_promised(&self) -> Self {
        Self {
            status: Status::Pending,
            decline_code: None,
            authorize_time: None,
            version: 1,
            ..self.when_authorized()
        }
    }

    /// Asks to take all that was set aside for an overstay or a debt, which needs no word of booking any more;
    /// `None` when nothing is to be asked.
    pub fn ask_owed(&self) -> Option<Self> {
        let owed = matches!(self.kind, Kind::Overstay | Kind::Debt);
        let open = owed && self.status == Status::Authorized;
        let asked = self.intent.is_none().then_some(Intent::Capture(self.authorized));
        open.then_some(asked).flatten().map(|intent| Self { intent: Some(intent), ..self.clone() })
    }

    /// What the provider's answer makes of it; `None` when the answer was noted before or is not of
    /// what was asked.
    pub fn after(&self, outcome: &Outcome) -> Option<Self> {
        let version = self.version + 1;
        let next = match (self.intent, outcome) {
            // What comes by itself, whatever is asked at that time.
            (intent, Outcome::RefundReturned(_, back, _)) => {
                let minor =
                    self.refunded.minor.checked_sub(back.minor).filter(|left| *left >= 0)?;
                let refunded = Money::new(minor, back.currency);
                return Some(Self { refunded, intent, version, ..self.clone() });
            }
            // The same is still being asked: whether anything is set aside is open.
            (Some(Intent::Authorize), Outcome::ActionRequired(action)) => {
                let next = Self { action: Some(action.clone()), ..self.clone() };
                return self.action.is_none().then_some(next);
            }
            (None, Outcome::Lapsed) if self.status == Status::Authorized => {
                Self { status: Status::Voided, ..self.clone() }
            }
            (None, _) => return None,
            (Some(intent), outcome) => self.after_asked(intent, outcome)?,
        };
        // Accepted when it was given up already: nobody counts on it.
        let late = self.action.as_ref().is_some_and(|action| action.ended);
        let accepted = next.status == Status::Authorized && self.status == Status::Pending;
        let intent = (late && accepted).then_some(Intent::Void);
        Some(Self { intent, action: None, version, ..next })
    }

    fn after_asked(&self, intent: Intent, outcome: &Outcome) -> Option<Self> {
        Some(match (intent, outcome) {
            (Intent::Authorize, Outcome::Authorized(id, _)) => {
                Self { status: Status::Authorized, provider_id: Some(id.clone()), ..self.clone() }
            }
            // A capture that is refused leaves nothing set aside: what is owed stays owed.
            (Intent::Authorize | Intent::Capture(_), Outcome::Declined(code)) => {
                Self { status: Status::Declined, decline_code: Some(code.clone()), ..self.clone() }
            }
            (Intent::Capture(asked), Outcome::Captured(amount)) if asked == *amount => {
                Self { status: Status::Captured, captured: Some(asked), ..self.clone() }
            }
            (Intent::Void, Outcome::Voided) => Self { status: Status::Voided, ..self.clone() },
            (Intent::Refund(asked, amount), Outcome::Refunded(id, back))
                if asked == *id && amount == *back =>
            {
                let minor = self.refunded.minor + amount.minor;
                Self { refunded: Money::new(minor, amount.currency), ..self.clone() }
            }
            (Intent::Refund(asked, _), Outcome::RefundFailed(id, _)) if asked == *id => {
                self.clone()
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
#[path = "payment_tests.rs"]
pub(crate) mod tests;
