//! The timeline into messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::time;

use crate::domain::timeline::Entry;

impl From<Entry> for proto::TimelineEntry {
    fn from(entry: Entry) -> Self {
        let fact = entry.fact_type.rsplit('.').next().unwrap_or_default().to_owned();
        // A spot's own facts are told of the spot. A booking that kept none, or none that its driver was told, stands there under its own id.
        let keeps_spot = entry.aggregate_id != entry.spot_id;
        let is_booking = keeps_spot
            || (entry.fact_type.starts_with("parkmesh.booking.v1.")
                && entry.fact_type != proto::SpotStateChanged::TYPE);
        Self {
            fact,
            booking_id: if is_booking { entry.aggregate_id.to_string() } else { String::new() },
            spot_id: match keeps_spot || !is_booking {
                true => entry.spot_id.to_string(),
                false => String::new(),
            },
            version: entry.version,
            create_time: Some(time::to_proto(entry.create_time)),
            cause: entry.cause.into(),
            actor: entry.actor.unwrap_or_default(),
        }
    }
}
