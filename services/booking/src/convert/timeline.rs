//! The timeline into messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::time;

use crate::domain::timeline::Entry;

impl From<Entry> for proto::TimelineEntry {
    fn from(entry: Entry) -> Self {
        let fact = entry.fact_type.rsplit('.').next().unwrap_or_default().to_owned();
        // A spot's own facts are told of the spot.
        let is_booking = entry.aggregate_id != entry.spot_id;
        Self {
            fact,
            booking_id: if is_booking { entry.aggregate_id.to_string() } else { String::new() },
            spot_id: entry.spot_id.to_string(),
            version: entry.version,
            create_time: Some(time::to_proto(entry.create_time)),
            cause: entry.cause.into(),
            actor: entry.actor.unwrap_or_default(),
        }
    }
}
