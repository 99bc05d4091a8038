//! The payment provider: a trait, because the other side is not ours, and what its answers mean.
//!
//! Every call carries a key that names its effect for ever. An answer that does not come, or comes
//! broken, says nothing: [`ProviderError::Unknown`]. Whoever gets it asks again with the same key,
//! or looks up by our reference; never with a new key.

use std::error::Error;
use std::fmt;

use futures_util::future::BoxFuture;
use parkmesh_contracts::money::Money;
use uuid::Uuid;

mod sandbox;

pub use sandbox::SandboxProvider;

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
}

/// Where an authorisation stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Set aside.
    Authorized,
    /// Refused, with this code.
    Declined(String),
    /// Taken.
    Captured(Money),
    /// Given back.
    Voided,
}

/// An authorisation that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The provider's id.
    pub provider_id: String,
    /// Where it stands.
    pub standing: Standing,
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
    /// It may have happened or not.
    #[error("the outcome is not known")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

/// A payment provider. All calls end within a bound of the implementation.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Sets an amount aside and tells the provider's id of it.
    fn authorize<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<String, ProviderError>>;

    /// Takes an amount of what was set aside and gives the rest back.
    fn capture<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
        amount: Money,
    ) -> BoxFuture<'a, Result<(), ProviderError>>;

    /// Gives back what was set aside.
    fn void<'a>(
        &'a self,
        key: Uuid,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<(), ProviderError>>;

    /// What the provider knows under our reference; the newest one that is not declined first.
    fn find<'a>(
        &'a self,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ProviderError>>;
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
