//! What we listen to: the facts of booking and sensor that change the picture, each translated into
//! one change.

use std::sync::LazyLock;

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::facts::{self, Fact};
use parkmesh_contracts::sensor::v1 as sensor;
use prost::Message as _;

use crate::convert::{self, Unreadable};
use crate::domain::picture::Change;

static BOOKING: LazyLock<Vec<&'static str>> = LazyLock::new(|| facts_of("BOOKING"));
static SENSOR: LazyLock<Vec<&'static str>> = LazyLock::new(|| facts_of("SENSOR"));

/// What we listen to in a stream: every fact of it. Those that change nothing tell how far the
/// stream has come.
#[must_use]
pub fn fact_types(stream: &str) -> &'static [&'static str] {
    match stream {
        "BOOKING" => &BOOKING,
        "SENSOR" => &SENSOR,
        _ => &[],
    }
}

fn facts_of(stream: &str) -> Vec<&'static str> {
    facts::ALL.iter().filter(|fact| fact.stream == stream).map(|fact| fact.fact_type).collect()
}

/// Facts of a booking that tell nothing else that the picture shows.
const OF_BOOKING: [&str; 14] = [
    booking::BookingSpotAssigned::TYPE,
    booking::BookingReserved::TYPE,
    booking::BookingActivated::TYPE,
    booking::BookingDeparted::TYPE,
    booking::BookingReturned::TYPE,
    booking::BookingCompleted::TYPE,
    booking::BookingCancelled::TYPE,
    booking::BookingExpired::TYPE,
    booking::BookingNoShow::TYPE,
    booking::BookingExtended::TYPE,
    booking::BookingMoved::TYPE,
    booking::BookingRelocated::TYPE,
    booking::BookingOverstayed::TYPE,
    booking::BookingClaimAsked::TYPE,
];

/// They all tell the booking in the same field.
#[derive(Clone, PartialEq, prost::Message)]
struct OfBooking {
    #[prost(message, optional, tag = "3")]
    booking: Option<booking::BookingSummary>,
}

/// A fact that could not become a change.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EventError {
    /// Not the message that its type names.
    #[error("the body is not the message that the fact's type names: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A message that makes no sense.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// The change that a fact brings; `None` for facts that the picture has no use for, those of a
/// newer version among them.
///
/// # Errors
/// When the body is not what the type names.
pub fn change(fact_type: &str, body: &[u8]) -> Result<Option<Change>, EventError> {
    let change = match fact_type {
        booking::BookingHeld::TYPE => {
            let fact = booking::BookingHeld::decode(body)?;
            convert::booking_change(fact.booking.as_ref(), fact.hold_expire_time)?
        }
        booking::BookingPaymentDeclined::TYPE => {
            let fact = booking::BookingPaymentDeclined::decode(body)?;
            convert::booking_change(fact.booking.as_ref(), fact.hold_expire_time)?
        }
        booking::BookingPriceReduced::TYPE => {
            let fact = booking::BookingPriceReduced::decode(body)?;
            convert::booking_change(fact.booking.as_ref(), fact.hold_expire_time)?
        }
        fact_type if OF_BOOKING.contains(&fact_type) => {
            convert::booking_change(OfBooking::decode(body)?.booking.as_ref(), None)?
        }
        booking::SpotStateChanged::TYPE => {
            let fact = booking::SpotStateChanged::decode(body)?;
            convert::spot_change(&fact.spot.unwrap_or_default())?
        }
        booking::InventoryChanged::TYPE => {
            let fact = booking::InventoryChanged::decode(body)?;
            convert::lot_change(&fact.lot.unwrap_or_default(), &fact.floors)?
        }
        _ => return ground_change(fact_type, body),
    };
    Ok(Some(change))
}

fn ground_change(fact_type: &str, body: &[u8]) -> Result<Option<Change>, EventError> {
    use sensor::OccupancyState as State;
    let (state, lot_id, spot_id, version) = match fact_type {
        sensor::SpotOccupied::TYPE => {
            let fact = sensor::SpotOccupied::decode(body)?;
            (State::Occupied, fact.lot_id, fact.spot_id, fact.version)
        }
        sensor::SpotVacated::TYPE => {
            let fact = sensor::SpotVacated::decode(body)?;
            (State::Vacant, fact.lot_id, fact.spot_id, fact.version)
        }
        sensor::SensorSilent::TYPE => {
            let fact = sensor::SensorSilent::decode(body)?;
            (State::Unknown, fact.lot_id, fact.spot_id, fact.version)
        }
        sensor::SensorRecovered::TYPE => {
            let fact = sensor::SensorRecovered::decode(body)?;
            let state = if fact.occupied { State::Occupied } else { State::Vacant };
            (state, fact.lot_id, fact.spot_id, fact.version)
        }
        _ => return Ok(None),
    };
    let row = sensor::SpotOccupancy {
        spot_id,
        lot_id,
        state: i32::from(state),
        version,
        ..Default::default()
    };
    Ok(Some(convert::ground_change(&row)?))
}

#[cfg(test)]
mod tests {
    use prost_types::{DescriptorProto, FileDescriptorSet};
    use uuid::Uuid;

    use super::*;

    /// A fact that tells what a booking has become, and that we let pass, leaves the picture at an
    /// older version than its owner's until the next comparison.
    #[test]
    fn every_fact_that_tells_a_booking_is_heard() {
        // Stands beside `held` of the same booking in the same version.
        let told_already = booking::WaitlistOffered::TYPE;
        let of_bookings: Vec<&str> = facts::ALL
            .iter()
            .filter(|fact| fact.stream == "BOOKING" && tells_a_booking(&message(fact.message)))
            .map(|fact| fact.fact_type)
            .filter(|fact_type| *fact_type != told_already)
            .collect();
        assert!(of_bookings.len() > 10, "{of_bookings:?}");

        let ended = OfBooking {
            booking: Some(booking::BookingSummary {
                booking_id: Uuid::from_u128(1).to_string(),
                lot_id: Uuid::from_u128(2).to_string(),
                state: booking::BookingState::Completed.into(),
                ..Default::default()
            }),
        };
        let body = ended.encode_to_vec();
        let unheard: Vec<&str> = of_bookings
            .into_iter()
            .filter(|fact_type| !matches!(change(fact_type, &body), Ok(Some(Change::Ended { .. }))))
            .collect();
        assert!(unheard.is_empty(), "{unheard:?}");
    }

    fn tells_a_booking(message: &DescriptorProto) -> bool {
        let summary = ".parkmesh.booking.v1.BookingSummary";
        message.field.iter().any(|field| field.name() == "booking" && field.type_name() == summary)
    }

    fn message(full_name: &str) -> DescriptorProto {
        let all = FileDescriptorSet::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET);
        let (package, name) = full_name.rsplit_once('.').expect("a package");
        let files = all.expect("descriptors").file.into_iter();
        let mut messages =
            files.filter(|file| file.package() == package).flat_map(|file| file.message_type);
        messages.find(|message| message.name() == name).expect("the message of a fact")
    }
}
