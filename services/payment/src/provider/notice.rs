//! What a provider tells by itself, through a webhook. A notice may come twice, late, or after a newer
//! one: what counts of an authorisation or a refund is what the provider says when it is asked again.

use jiff::Timestamp;

use super::Refund;
use crate::domain::Chargeback;

/// One verified webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The provider's id of the event; each acts once.
    pub event_id: String,
    /// The provider's id of the authorisation.
    pub provider_id: String,
    /// Our reference of the authorisation; empty where the event does not carry it.
    pub reference: String,
    /// When it happened, by the provider's clock.
    pub time: Timestamp,
    /// What.
    pub told: Told,
}

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something became of the authorisation. What, [`super::Provider::look`] tells: the event may be
    /// older than what is known.
    Moved,
    /// A refund stood so when the event was made; [`super::Provider::find_refund`] tells the present.
    Refund {
        /// Our reference of it; empty: made in the provider's dashboard, not by us.
        reference: String,
        /// The refund.
        refund: Refund,
    },
    /// The card's holder disputes the charge.
    Chargeback(Chargeback),
}

/// Why a webhook is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// No secret is set to verify with.
    #[error("webhooks are not set up here")]
    NotSetUp,
    /// Not signed, or not by the provider.
    #[error("the signature is not the provider's")]
    SignatureWrong,
    /// Signed too long ago, or in the future: perhaps a replay.
    #[error("the signature is not of now")]
    NotOfNow,
    /// Signed well, and not readable.
    #[error("the body is not what the provider sends")]
    Unreadable,
}
