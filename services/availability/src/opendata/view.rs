//! What the translators are given: a lot as the picture shows it, and what its operator says of it. Plain values.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};

use crate::domain::places::Point;

/// A lot.
#[derive(Clone, Debug)]
pub struct Lot {
    /// Its id.
    pub lot_id: String,
    /// What its operator says of it.
    pub listing: Listing,
    /// Levels.
    pub floors: usize,
    /// Spots that can be taken now.
    pub free: i32,
    /// Spots in all.
    pub total: i32,
    /// Spots that the operator has closed.
    pub closed: i32,
    /// Free and total by type.
    pub types: Vec<(SpotType, i32, i32)>,
    /// When the picture was as it is.
    pub as_of: Timestamp,
    /// Its spots by floor and number; empty where only the lot was asked for.
    pub spots: Vec<Spot>,
}

/// What an operator says of a lot.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Name that drivers see.
    pub name: String,
    /// Street address.
    pub address: String,
    /// Degrees, WGS 84.
    pub place: Point,
    /// IANA zone.
    pub time_zone: String,
    /// When it is open, in minutes after midnight of a day from 0 for Monday; empty: always.
    pub opening: Vec<(u8, i32, i32)>,
    /// When it was last told.
    pub told: Timestamp,
    /// The lot's version then.
    pub version: i64,
}

/// A spot.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Its id.
    pub spot_id: String,
    /// What is painted on it.
    pub number: String,
    /// 0 is the street's level.
    pub floor_number: i32,
    /// What it is made for.
    pub spot_type: SpotType,
    /// What it is now.
    pub status: SpotStatus,
    /// A sensor watches it.
    pub watched: bool,
    /// Where it is, if it was surveyed.
    pub place: Option<Point>,
}

impl Lot {
    /// Where a spot is: itself, or else the lot.
    pub fn place_of(&self, spot: &Spot) -> Point {
        spot.place.unwrap_or(self.listing.place)
    }

    /// Free and total spots of a type.
    pub fn of_type(&self, wanted: SpotType) -> Option<(i32, i32)> {
        let found = self.types.iter().find(|(spot_type, ..)| *spot_type == wanted);
        found.map(|(_, free, total)| (*free, *total))
    }
}

impl Listing {
    /// As OpenStreetMap writes opening hours: `24/7`, or `Mo 08:00-20:00; Tu 08:00-20:00`.
    pub fn opening_hours(&self) -> String {
        const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
        if self.opening.is_empty() {
            return "24/7".to_owned();
        }
        let time = |minute: i32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let mut spans = self.opening.clone();
        spans.sort_unstable();
        let told = spans.iter().filter_map(|(day, open, close)| {
            let day = DAYS.get(usize::from(*day))?;
            Some(format!("{day} {}-{}", time(*open), time(*close)))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
pub mod examples {
    use super::*;

    /// A garage with a spot of each status, and one of each type that matters.
    pub fn garage() -> Lot {
        let as_of: Timestamp = "2026-05-01T08:00:00Z".parse().expect("an instant");
        let spot = |at: u8, floor_number, spot_type, status| Spot {
            spot_id: format!("01a20000-0000-7000-8000-0000000000{at:02x}"),
            number: format!("{floor_number}-{at:03}"),
            floor_number,
            spot_type,
            status,
            watched: at != 4,
            place: (at == 1).then_some(Point { latitude: 52.5221, longitude: 13.4131 }),
        };
        Lot {
            lot_id: "01a20000-0000-7000-8000-00000000000a".to_owned(),
            listing: Listing {
                name: "Parkhaus am Markt".to_owned(),
                address: "Marktplatz 1, 10178 Berlin".to_owned(),
                place: Point { latitude: 52.5219, longitude: 13.4132 },
                time_zone: "Europe/Berlin".to_owned(),
                opening: vec![(0, 480, 1_200), (5, 540, 1_560)],
                told: "2026-04-30T07:00:00Z".parse().expect("an instant"),
                version: 3,
            },
            floors: 2,
            free: 1,
            total: 5,
            closed: 1,
            types: vec![
                (SpotType::Regular, 1, 3),
                (SpotType::Accessible, 0, 1),
                (SpotType::Ev, 0, 1),
            ],
            as_of,
            spots: vec![
                spot(1, 0, SpotType::Regular, SpotStatus::Available),
                spot(2, 0, SpotType::Accessible, SpotStatus::Occupied),
                spot(3, 0, SpotType::Ev, SpotStatus::Reserved),
                spot(4, 1, SpotType::Regular, SpotStatus::OutOfService),
                spot(5, 1, SpotType::Regular, SpotStatus::Unknown),
            ],
        }
    }

    #[test]
    fn opening_hours_are_told_as_maps_read_them() {
        let mut listing = garage().listing;
        assert_eq!(listing.opening_hours(), "Mo 08:00-20:00; Sa 09:00-26:00");
        listing.opening.clear();
        assert_eq!(listing.opening_hours(), "24/7");
    }
}
