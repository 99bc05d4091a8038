//! Spots, and what may change of them.

use std::collections::HashMap;

use super::{Change, FloorId, LotId, SpotId, SpotType};
use crate::domain::booking::Place;

/// One place for one car.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Its id.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: LotId,
    /// The floor.
    pub floor_id: FloorId,
    /// What is painted on it; unique in its lot.
    pub spot_number: String,
    /// What it is made for.
    pub spot_type: SpotType,
    /// Closed by the operator.
    pub out_of_service: bool,
    /// In plan units.
    pub plan_x: f64,
    /// In plan units.
    pub plan_y: f64,
    /// Degrees; 0 with longitude 0 where the spot is not surveyed.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Counts up with every change of the spot's own state.
    pub version: i64,
}

/// The types of spots that a booking of one type may be relocated to, best liked first: the same, and
/// what is better for any car. Nobody gets an accessible spot without having booked one, nor loses it; a
/// booking with a charger keeps one.
pub const fn as_good_as(spot_type: SpotType) -> &'static [SpotType] {
    match spot_type {
        SpotType::Compact => &[SpotType::Compact, SpotType::Regular],
        SpotType::Accessible => &[SpotType::Accessible],
        SpotType::Ev => &[SpotType::Ev],
        SpotType::Motorcycle => &[SpotType::Motorcycle],
        SpotType::Regular | SpotType::Unspecified => &[SpotType::Regular],
    }
}

impl Spot {
    /// It, as what a booking keeps.
    pub fn place(&self) -> Place {
        let (floor_id, spot_id) = (self.floor_id, self.spot_id);
        Place::Spot { floor_id, spot_id, spot_number: self.spot_number.clone(), promised: true }
    }
}

/// A spot to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSpot {
    /// What is painted on it.
    pub spot_number: String,
    /// What it is made for.
    pub spot_type: SpotType,
    /// In plan units.
    pub plan_x: f64,
    /// In plan units.
    pub plan_y: f64,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
}

impl NewSpot {
    /// The spot, in service.
    pub fn make(self, spot_id: SpotId, lot_id: LotId, floor_id: FloorId) -> Spot {
        Spot {
            spot_id,
            lot_id,
            floor_id,
            spot_number: self.spot_number,
            spot_type: self.spot_type,
            out_of_service: false,
            plan_x: self.plan_x,
            plan_y: self.plan_y,
            latitude: self.latitude,
            longitude: self.longitude,
            version: 1,
        }
    }
}

/// Two spots of one request with one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotDuplicate {
    /// Index of the first.
    pub first: usize,
    /// Index of the one that repeats it.
    pub again: usize,
}

/// The first number that is asked for twice.
pub fn first_duplicate(spots: &[NewSpot]) -> Option<SpotDuplicate> {
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(spots.len());
    spots.iter().enumerate().find_map(|(again, spot)| {
        seen.insert(&spot.spot_number, again).map(|first| SpotDuplicate { first, again })
    })
}

impl Spot {
    /// Takes the spot out of service or puts it back. `seen` is the version that the caller saw, 0
    /// for whatever stands. Bookings that stand keep standing.
    pub fn set_service(&self, out_of_service: bool, seen: i64) -> Change<Self> {
        if self.out_of_service == out_of_service {
            return Change::Stands;
        }
        if seen != 0 && seen != self.version {
            return Change::Stale;
        }
        Change::Changed(Box::new(Self {
            out_of_service,
            version: self.version + 1,
            ..self.clone()
        }))
    }

    /// Whether the other is told apart from it by its number or its type: what a hold takes for sure.
    pub fn is_described_as(&self, other: &Self) -> bool {
        self.spot_number == other.spot_number && self.spot_type == other.spot_type
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn new(spot_number: &str) -> NewSpot {
        let spot_number = spot_number.to_owned();
        let spot_type = SpotType::Regular;
        NewSpot { spot_number, spot_type, plan_x: 0.0, plan_y: 0.0, latitude: 0.0, longitude: 0.0 }
    }

    fn spot() -> Spot {
        let nil = Uuid::nil();
        new("A1").make(nil.into(), nil.into(), nil.into())
    }

    #[test]
    fn a_number_asked_for_twice_is_found_with_both_places() {
        let spots = ["A1", "A2", "A3", "A2", "A1"].map(new);
        assert_eq!(first_duplicate(&spots), Some(SpotDuplicate { first: 1, again: 3 }));
        assert_eq!(first_duplicate(&spots[..3]), None);
    }

    #[test]
    fn a_change_of_service_counts_the_version_up() {
        let expected = Spot { out_of_service: true, version: 2, ..spot() };
        let changed = Change::Changed(Box::new(expected));
        assert_eq!(spot().set_service(true, 1), changed);
        assert_eq!(spot().set_service(true, 0), changed);
    }

    #[test]
    fn a_repeated_word_changes_nothing_whatever_version_was_seen() {
        for seen in [0, 1, 7] {
            assert_eq!(spot().set_service(false, seen), Change::Stands);
        }
    }

    #[test]
    fn a_word_about_an_older_spot_is_stale() {
        let spot = Spot { version: 3, ..spot() };
        assert_eq!(spot.set_service(true, 2), Change::Stale);
        assert_eq!(spot.set_service(true, 4), Change::Stale);
    }
}
