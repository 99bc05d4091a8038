//! The payment provider: a trait, because the other side is not ours, and what its answers mean.
//!
//! Every call carries a key that names its effect for ever. An answer that does not come, or comes
//! broken, says nothing: [`ProviderError::Unknown`]. Whoever gets it asks again with the same key,
//! or looks up by our reference; never with a new key.

use std::error::Error;
use std::fmt;

use futures_util::future::BoxFuture;
use http::HeaderMap;
use jiff::Timestamp;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

pub mod notice;
mod sandbox;
pub mod signature;
mod stripe;

pub use notice::{Notice, NoticeError, Told};
pub use sandbox::SandboxProvider;
pub use stripe::{StripeProvider, StripeSettings};

/// What to set aside.
#[derive(Clone)]
pub struct Charge {
    /// Names the effect.
    pub key: Uuid,
    /// How much.
    pub amount: Money,
    /// The provider's token of a payment method.
    pub payment_method: String,
    /// Our id of the payment: what an unknown outcome is looked up by.
    pub reference: String,
    /// Where the driver comes back to who had to act on the provider's page.
    pub return_url: Option<String>,
}

/// What came of an authorisation that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    /// The provider's id of it.
    pub provider_id: String,
    /// When the provider lets go of what is set aside, by itself; `None`: it does not say.
    pub expire_time: Option<Timestamp>,
    /// `Some`: nothing is set aside yet. The driver's app finishes with this client secret what the
    /// card's bank asks for (3-D Secure); then [`Provider::look`] tells what came of it, and a
    /// notice does. Until then it can be voided. It is the driver's alone: never in logs or facts.
    pub client_secret: Option<String>,
    /// The provider's page on which the driver does it, where there is one.
    pub action_url: Option<String>,
}

/// Where an authorisation stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The driver is asked by the card's bank, with this client secret; nothing is set aside yet.
    ActionRequired(String),
    /// Set aside.
    Authorized,
    /// Refused, with this code.
    Declined(String),
    /// The capture was accepted and its outcome comes later.
    Capturing(Money),
    /// Taken.
    Captured(Money),
    /// Given back.
    Voided,
    /// Given back by the provider itself: the authorisation's time was over.
    Expired,
}

/// An authorisation that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The provider's id.
    pub provider_id: String,
    /// Our reference.
    pub reference: String,
    /// Where it stands.
    pub standing: Standing,
    /// What is or was set aside, with all increases.
    pub authorized: Money,
    /// What was given back of what was taken. A refund under way counts, one that failed does not.
    pub refunded: Money,
    /// When the provider lets go of what is set aside, by itself.
    pub expire_time: Option<Timestamp>,
}

/// What came of a capture that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The money is taken.
    Done,
    /// Accepted; the card's bank has not said yet.
    Pending,
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStanding {
    /// Accepted; the card's bank has not said yet.
    Pending,
    /// Given back.
    Succeeded,
    /// The bank sent it back, with this code: the money is with the merchant again.
    Failed(String),
}

/// A refund that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The provider's id of it.
    pub refund_id: String,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub standing: RefundStanding,
}

/// What may be shown of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// `visa`, `mastercard` and so on.
    pub brand: String,
    /// The last four digits.
    pub last_four: String,
    /// 1 to 12.
    pub expiry_month: u8,
    /// Four digits.
    pub expiry_year: u16,
}

/// What kind of movement stands in the provider's ledger. Holds are none: they move no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MovementKind {
    /// Taken from a card: adds.
    Capture,
    /// Given back: takes off.
    Refund,
    /// A refund that the bank sent back: adds.
    RefundFailed,
    /// The card's holder disputes the charge: takes off.
    Chargeback,
    /// The dispute was won: adds.
    ChargebackReversed,
}

/// One line of the provider's own ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The provider's id of the line; each line once.
    pub movement_id: String,
    /// What it is.
    pub kind: MovementKind,
    /// The provider's id of the authorisation.
    pub provider_id: String,
    /// Our reference of the authorisation; empty: not ours.
    pub reference: String,
    /// How much, always more than zero; the kind says in which direction.
    pub amount: Money,
    /// What the provider keeps for itself of it.
    pub fee: Money,
    /// When the provider wrote it.
    pub time: Timestamp,
}

/// A part of the provider's ledger, in the provider's own order; whoever reads reads all parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movements {
    /// Its lines.
    pub movements: Vec<Movement>,
    /// Where the next part begins; `None`: that was the last.
    pub next: Option<String>,
}

/// Why a call had no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The card was refused, for certain; nothing is set aside.
    #[error("declined: {0}")]
    Declined(String),
    /// The provider will not do this, for certain, whoever asks how often.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider cannot do this at all, or not with this card; nothing was done. For increases:
    /// a second authorisation is the way then.
    #[error("the provider cannot do this")]
    Unsupported,
    /// It may have happened or not.
    #[error("the outcome is not known")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

/// A payment provider. All calls end within a bound of the implementation.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Sets an amount aside, or begins to: [`Authorized::client_secret`]. A repeat by the key has
    /// the first answer, also when the driver has acted since; [`Self::look`] tells the present.
    fn authorize<'a>(
        &'a self,
        charge: &'a Charge,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>>;

    /// Sets aside more, up to this total. Refused by the bank: what was set aside before stays.
    fn increase<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        total: Money,
    ) -> BoxFuture<'a, Result<Authorized, ProviderError>>;

    /// Takes an amount of what was set aside and gives the rest back. `Pending`: accepted, and what
    /// comes of it is told later, by [`Self::look`] and by a notice.
    fn capture<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
    ) -> BoxFuture<'a, Result<Taken, ProviderError>>;

    /// Gives back what was set aside, and ends what waits for the driver.
    fn void<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ProviderError>>;

    /// Gives back a part or all of what was taken. `reference`: our id of the refund.
    fn refund<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Refund, ProviderError>>;

    /// What the provider knows under our reference; the newest one that is not declined first.
    fn find<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>>;

    /// What the provider knows under its own id, now.
    fn look<'a>(
        &'a self,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>>;

    /// The refund of this authorisation that carries our reference.
    fn find_refund<'a>(
        &'a self,
        provider_id: &'a str,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Refund>, ProviderError>>;

    /// What may be shown of a payment method; `None`: there is no such token.
    fn inspect<'a>(
        &'a self,
        payment_method: &'a str,
    ) -> BoxFuture<'a, Result<Option<Card>, ProviderError>>;

    /// The provider's own ledger since a time, or after a part that was read before.
    fn movements<'a>(
        &'a self,
        since: Timestamp,
        next: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Movements, ProviderError>>;

    /// What a webhook says, if it is truly the provider's and not too old; `None`: nothing that
    /// concerns us. Whoever reads it acts on each event id once.
    ///
    /// # Errors
    /// When the signature or the body is not the provider's.
    fn notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Notice>, NoticeError>;
}

impl fmt::Debug for Charge {
    /// Without the payment method: it is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge")
            .field("key", &self.key)
            .field("amount", &self.amount)
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}
