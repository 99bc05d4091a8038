//! DATEX II, Parking Publication light (version 3), in its JSON form: sites with their spaces. Pure.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use serde_json::{Value, json};

use super::view::{Lot, Spot};
use crate::domain::places::Point;

/// The language of what operators write is not known to us; the attribute must say one.
const LANGUAGE: &str = "en";

/// All lots, with the spots that they were given with.
pub fn publication(lots: &[Lot], now: Timestamp) -> Value {
    let spaces = lots.iter().flat_map(|lot| lot.spots.iter().map(|spot| space(lot, spot)));
    let publication = json!({
        "lang": LANGUAGE,
        "publicationTime": now.to_string(),
        "publicationCreator": { "country": "zz", "nationalIdentifier": "parkmesh" },
        "name": "Parking",
        "parkingSite": lots.iter().map(site).collect::<Vec<_>>(),
        "parkingSpace": spaces.collect::<Vec<_>>(),
    });
    json!({
        "_version": "3.0",
        "_modelBaseVersion": "3",
        "parkingPublicationLight": publication,
    })
}

fn site(lot: &Lot) -> Value {
    let kind = if lot.floors > 1 { "carPark" } else { "other" };
    let assigned = [(SpotType::Accessible, "disabled")].into_iter().filter_map(|(of, user)| {
        let (free, _) = lot.of_type(of)?;
        Some(json!({
            "typeOfAssignment": { "value": "allowedFor" },
            "user": { "value": user },
            "availableSpaces": free,
        }))
    });
    let mut location = location(lot.listing.place);
    if !lot.listing.address.is_empty() {
        location["locationDescriptor"] = lot.listing.address.clone().into();
    }
    json!({
        "_id": lot.lot_id,
        "lastUpdate": lot.as_of.to_string(),
        "type": { "value": kind },
        "name": lot.listing.name,
        "openingTimesDescription": [lot.listing.opening_hours()],
        "numberOfSpaces": lot.total - lot.closed,
        "availableSpaces": lot.free,
        "assignedFor": assigned.collect::<Vec<_>>(),
        "locationAndDimension": location,
    })
}

fn space(lot: &Lot, spot: &Spot) -> Value {
    let availability = match spot.status {
        SpotStatus::Available => "available",
        SpotStatus::Reserved | SpotStatus::Occupied => "occupied",
        SpotStatus::OutOfService => "closed",
        SpotStatus::Unknown | SpotStatus::Unspecified => "unknown",
    };
    let mut location = location(lot.place_of(spot));
    // The schema of the JSON form makes a text of it.
    location["level"] = spot.floor_number.to_string().into();
    let mut told = json!({
        "_id": spot.spot_id,
        "externalIdentifier": spot.number,
        "parkingSiteReference": { "targetClass": "ParkingSite", "_id": lot.lot_id },
        "lastUpdate": lot.as_of.to_string(),
        "availability": { "value": availability },
        "locationAndDimension": location,
    });
    let assigned = match spot.spot_type {
        SpotType::Accessible => {
            told["accessibility"] = json!([{ "value": "handicappedMarked" }]);
            Some(json!({ "user": { "value": "disabled" } }))
        }
        SpotType::Ev => Some(json!({ "fuelType": { "value": "battery" } })),
        SpotType::Motorcycle => Some(json!({ "vehicleType": { "value": "motorcycle" } })),
        SpotType::Regular | SpotType::Compact | SpotType::Unspecified => None,
    };
    if let Some(mut assigned) = assigned {
        assigned["typeOfAssignment"] = json!({ "value": "onlyFor" });
        told["assignedFor"] = json!([assigned]);
    }
    told
}

fn location(place: Point) -> Value {
    let Point { latitude, longitude } = place;
    json!({ "coordinatesForDisplay": { "latitude": latitude, "longitude": longitude } })
}

#[cfg(test)]
mod tests {
    use super::super::view::examples::garage;
    use super::*;

    #[test]
    fn the_publication_is_the_golden_document() {
        let lot = garage();
        let told = publication(std::slice::from_ref(&lot), lot.as_of);
        let golden: Value = serde_json::from_str(include_str!("golden/datex.json")).expect("JSON");
        assert_eq!(told, golden, "{told:#}");
    }
}
