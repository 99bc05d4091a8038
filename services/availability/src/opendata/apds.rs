//! Places as the Alliance for Parking Data Standards describes them (ISO/TS 5206-1): the hierarchy of a car park, its levels and its
//! spaces, each with its supply and what is taken of it. Pure.

use std::collections::BTreeMap;

use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use serde_json::{Value, json};

use super::view::{Lot, Spot};
use crate::domain::places::Point;

/// The language of what operators write is not known to us; the attribute must say one.
const LANGUAGE: &str = "en";

/// All lots, with the spots that they were given with.
pub fn places(lots: &[Lot]) -> Value {
    json!({ "data": lots.iter().map(place).collect::<Vec<_>>() })
}

fn place(lot: &Lot) -> Value {
    let mut floors: BTreeMap<i32, Vec<&Spot>> = BTreeMap::new();
    for spot in &lot.spots {
        floors.entry(spot.floor_number).or_default().push(spot);
    }
    let children = floors.iter().map(|(number, spots)| level(lot, *number, spots));
    let mut told = element(&lot.lot_id, "place", &lot.listing.name, lot.listing.place);
    told["version"] = lot.listing.version.into();
    told["versionCreationDateTime"] = lot.listing.told.to_string().into();
    told["address"] = json!({ "formattedAddress": lot.listing.address });
    told["timezone"] = lot.listing.time_zone.clone().into();
    told["openingTimes"] = lot.listing.opening_hours().into();
    told["supply"] = json!({ "supplyQuantity": lot.total, "supplyUnit": "space" });
    told["occupancy"] = json!({
        "observationDateTime": lot.as_of.to_string(),
        "vacantSpaces": lot.free,
        "occupiedSpaces": lot.total - lot.free,
    });
    told["childElements"] = children.collect::<Vec<_>>().into();
    told
}

fn level(lot: &Lot, number: i32, spots: &[&Spot]) -> Value {
    let id = format!("{}/{number}", lot.lot_id);
    let mut told = element(&id, "identifiedArea", &number.to_string(), lot.listing.place);
    told["level"] = number.into();
    told["supply"] = json!({ "supplyQuantity": spots.len(), "supplyUnit": "space" });
    told["childElements"] = spots.iter().map(|spot| space(lot, spot)).collect::<Vec<_>>().into();
    told
}

fn space(lot: &Lot, spot: &Spot) -> Value {
    let mut told = element(&spot.spot_id, "space", &spot.number, lot.place_of(spot));
    told["occupancyState"] = match spot.status {
        SpotStatus::Available => "vacant",
        SpotStatus::Occupied => "occupied",
        SpotStatus::Reserved => "reserved",
        SpotStatus::OutOfService => "outOfService",
        SpotStatus::Unknown | SpotStatus::Unspecified => "unknown",
    }
    .into();
    let usage = match spot.spot_type {
        SpotType::Accessible => "disabled",
        SpotType::Ev => "electricVehicleCharging",
        SpotType::Motorcycle => "motorcycle",
        SpotType::Compact => "compact",
        SpotType::Regular | SpotType::Unspecified => "general",
    };
    told["usage"] = usage.into();
    told
}

fn element(id: &str, kind: &str, name: &str, place: Point) -> Value {
    let Point { latitude, longitude } = place;
    json!({
        "id": id,
        "type": kind,
        "name": [{ "language": LANGUAGE, "string": name }],
        "indicativePointLocation": { "latitude": latitude, "longitude": longitude },
    })
}

#[cfg(test)]
mod tests {
    use super::super::view::examples::garage;
    use super::*;

    #[test]
    fn the_places_are_the_golden_document() {
        let told = places(&[garage()]);
        let golden: Value = serde_json::from_str(include_str!("golden/apds.json")).expect("JSON");
        assert_eq!(told, golden, "{told:#}");
    }
}
