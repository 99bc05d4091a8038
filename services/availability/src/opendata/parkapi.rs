//! ParkAPI version 3: parking sites and parking spots with static and realtime values together, as its readers take them
//! (<https://github.com/ParkenDD/parkapi-sources-v3>). Pure.

use parkmesh_contracts::common::v1::{SpotStatus, SpotType};
use serde_json::{Value, json};

use super::view::{Lot, Spot};

/// Letters that a reader takes.
const NAME_CHARS_MAX: usize = 256;
const ADDRESS_CHARS_MAX: usize = 512;

/// A lot as a parking site.
pub fn site(lot: &Lot) -> Value {
    let mut site = json!({
        "uid": lot.lot_id,
        "name": cut(&lot.listing.name, NAME_CHARS_MAX),
        "purpose": "CAR",
        "type": kind(lot).unwrap_or("OTHER"),
        "lat": lot.listing.place.latitude,
        "lon": lot.listing.place.longitude,
        "capacity": lot.total,
        "opening_hours": lot.listing.opening_hours(),
        "has_realtime_data": true,
        "static_data_updated_at": time(lot.listing.told),
        "realtime_data_updated_at": time(lot.as_of),
        "realtime_capacity": lot.total,
        "realtime_free_capacity": lot.free,
    });
    if !lot.listing.address.is_empty() {
        site["address"] = cut(&lot.listing.address, ADDRESS_CHARS_MAX).into();
    }
    for (spot_type, name) in [(SpotType::Accessible, "disabled"), (SpotType::Ev, "charging")] {
        if let Some((free, total)) = lot.of_type(spot_type) {
            site[format!("capacity_{name}")] = total.into();
            site[format!("realtime_capacity_{name}")] = total.into();
            site[format!("realtime_free_capacity_{name}")] = free.into();
        }
    }
    site
}

/// A spot as a parking spot.
pub fn spot(lot: &Lot, spot: &Spot) -> Value {
    let place = lot.place_of(spot);
    let mut told = json!({
        "uid": spot.spot_id,
        "name": cut(&format!("{} {}", lot.listing.name, spot.number), NAME_CHARS_MAX),
        "purpose": if spot.spot_type == SpotType::Motorcycle { "MOTORCYCLE" } else { "CAR" },
        "lat": place.latitude,
        "lon": place.longitude,
        "has_realtime_data": spot.watched,
        "static_data_updated_at": time(lot.listing.told),
        "realtime_data_updated_at": time(lot.as_of),
        "realtime_status": status(spot.status),
    });
    if let Some(kind) = kind(lot) {
        told["type"] = kind.into();
    }
    if !lot.listing.address.is_empty() {
        told["address"] = cut(&lot.listing.address, ADDRESS_CHARS_MAX).into();
    }
    let audience = match (spot.status, spot.spot_type) {
        (SpotStatus::OutOfService, _) => Some("NO_PARKING"),
        (_, SpotType::Accessible) => Some("DISABLED"),
        (_, SpotType::Ev) => Some("CHARGING"),
        _ => None,
    };
    if let Some(audience) = audience {
        told["restricted_to"] = json!([{ "type": audience }]);
    }
    told
}

/// Who looks for a place has no use for one that waits for somebody else.
fn status(status: SpotStatus) -> &'static str {
    match status {
        SpotStatus::Available => "AVAILABLE",
        SpotStatus::Reserved | SpotStatus::Occupied => "TAKEN",
        SpotStatus::Unknown | SpotStatus::OutOfService | SpotStatus::Unspecified => "UNKNOWN",
    }
}

/// Several levels make a car park; of a single one nobody told us what it is.
fn kind(lot: &Lot) -> Option<&'static str> {
    (lot.floors > 1).then_some("CAR_PARK")
}

/// Without fractions of a second, which readers cut off.
fn time(time: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::super::view::examples::garage;
    use super::*;

    #[test]
    fn a_site_tells_what_is_free_by_kind() {
        let told = site(&garage());
        assert_eq!((&told["capacity"], &told["realtime_free_capacity"]), (&json!(5), &json!(1)));
        assert_eq!(told["capacity_disabled"], 1);
        assert_eq!(told["realtime_free_capacity_charging"], 0);
        assert_eq!(told["type"], "CAR_PARK");
        assert_eq!(told["realtime_data_updated_at"], "2026-05-01T08:00:00Z");
    }

    #[test]
    fn a_spot_is_taken_when_somebody_else_has_it_and_unknown_when_nobody_may() {
        let lot = garage();
        let told: Vec<Value> = lot.spots.iter().map(|one| spot(&lot, one)).collect();
        let statuses: Vec<&Value> = told.iter().map(|one| &one["realtime_status"]).collect();
        assert_eq!(statuses, ["AVAILABLE", "TAKEN", "TAKEN", "UNKNOWN", "UNKNOWN"]);
        assert_eq!((&told[0]["lat"], &told[1]["lat"]), (&json!(52.5221), &json!(52.5219)));
        assert_eq!(told[3]["restricted_to"], json!([{ "type": "NO_PARKING" }]));
    }
}
