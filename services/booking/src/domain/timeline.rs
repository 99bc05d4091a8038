//! Why spots and bookings are as they are.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::Cause;
use uuid::Uuid;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Ascends with time, for each booking and spot.
    pub entry_id: i64,
    /// The booking or the spot that it happened to.
    pub aggregate_id: Uuid,
    /// The spot that it concerned then.
    pub spot_id: Uuid,
    /// Version after it.
    pub version: i64,
    /// Type of the fact.
    pub fact_type: String,
    /// What brought it about.
    pub cause: Cause,
    /// The operator who did it.
    pub actor: Option<String>,
    /// When.
    pub create_time: Timestamp,
}
