//! Facts: what happened, published on JetStream. The list is generated from the `(parkmesh.common.v1.fact)` options.

use crate::ids::LotId;

/// Stands in a subject where a fact belongs to no lot.
pub const NO_LOT: &str = "none";

/// A message that is published as a fact. Implemented by build.rs for every message of a `*_events.proto` with the fact option.
pub trait Fact: prost::Message + Default {
    /// Name of the fact and beginning of its subject, `parkmesh.booking.v1.held`.
    const TYPE: &'static str;
    /// The stream that keeps it, `BOOKING` (without any prefix of a test).
    const STREAM: &'static str;
    /// Text of the lot it belongs to, as it stands in the message; may be empty.
    fn lot_id(&self) -> &str;
}

/// A line of the list of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactInfo {
    /// [`Fact::TYPE`].
    pub fact_type: &'static str,
    /// [`Fact::STREAM`].
    pub stream: &'static str,
    /// Full name of the message, `parkmesh.booking.v1.BookingHeld`.
    pub message: &'static str,
}

/// The fact of this type, or None when Parkmesh knows no such fact (a consumer then lets it pass). Binary search.
pub fn find(fact_type: &str) -> Option<&'static FactInfo> {
    let at = ALL.binary_search_by(|fact| fact.fact_type.cmp(fact_type)).ok()?;
    ALL.get(at)
}

/// Where a fact is published: `parkmesh.booking.v1.held.<lot_id>`, or `….none` for a fact without a lot.
pub fn subject(fact_type: &str, lot_id: impl Into<Option<LotId>>) -> String {
    match lot_id.into() {
        Some(lot_id) => format!("{fact_type}.{lot_id}"),
        None => format!("{fact_type}.{NO_LOT}"),
    }
}

/// What a consumer of this fact filters on, all lots: `parkmesh.booking.v1.held.*`.
pub fn filter(fact_type: &str) -> String {
    format!("{fact_type}.*")
}

include!(concat!(env!("OUT_DIR"), "/facts.rs"));
