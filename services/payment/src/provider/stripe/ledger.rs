//! Stripe's balance transactions: what moved to and from us.

use jiff::Timestamp;
use serde::Deserialize;

use super::minor::money;
use super::wire::{Listed, Metadata, reference};
use crate::provider::{Movement, MovementKind, Movements, ProviderError};

/// A balance transaction with its source.
#[derive(Deserialize)]
pub struct Line {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    reporting_category: Option<String>,
    amount: i64,
    #[serde(default)]
    fee: i64,
    currency: String,
    created: i64,
    source: Option<Source>,
}

/// A charge, a refund or a dispute.
#[derive(Deserialize)]
struct Source {
    payment_intent: Option<Intent>,
}

/// Which intent it belongs to.
#[derive(Deserialize)]
struct Intent {
    id: String,
    #[serde(default)]
    metadata: Metadata,
}

/// The lines that are about payments, and where the next page begins.
pub fn movements(page: Listed<Line>) -> Result<Movements, ProviderError> {
    let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.clone());
    let movements = page.data.into_iter().filter_map(|line| {
        let kind = kind(&line)?;
        Some(line.movement(kind))
    });
    Ok(Movements { movements: movements.collect::<Result<_, _>>()?, next })
}

fn kind(line: &Line) -> Option<MovementKind> {
    match (line.kind.as_str(), line.reporting_category.as_deref()) {
        ("charge" | "payment", _) => Some(MovementKind::Capture),
        ("refund" | "payment_refund", _) => Some(MovementKind::Refund),
        ("refund_failure" | "payment_failure_refund", _) => Some(MovementKind::RefundFailed),
        ("adjustment", Some("dispute")) => Some(MovementKind::Chargeback),
        ("adjustment", Some("dispute_reversal")) => Some(MovementKind::ChargebackReversed),
        // Fees of Stripe's own, pay-outs, transfers.
        _ => None,
    }
}

impl Line {
    fn movement(self, kind: MovementKind) -> Result<Movement, ProviderError> {
        let intent = self.source.and_then(|source| source.payment_intent);
        Ok(Movement {
            movement_id: self.id,
            kind,
            reference: intent.as_ref().map(|of| reference(&of.metadata)).unwrap_or_default(),
            provider_id: intent.map(|of| of.id).unwrap_or_default(),
            amount: money(self.amount.abs(), &self.currency)?,
            fee: money(self.fee, &self.currency)?,
            time: Timestamp::from_second(self.created)
                .map_err(|error| ProviderError::Unknown(error.into()))?,
        })
    }
}
