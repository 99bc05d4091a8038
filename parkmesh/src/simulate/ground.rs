//! What really stands where: the truth that the product is compared with. Pure.

use std::collections::BTreeMap;

/// A car on a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Car {
    /// Whose visit it is.
    pub visit: u32,
    /// Since when, in milliseconds of the simulation.
    pub since_ms: i64,
}

/// One visit's time on a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The spot, by its place in the list.
    pub spot: usize,
    /// When it came, in milliseconds of the simulation.
    pub came_ms: i64,
    /// When it left; None: it is still there.
    pub left_ms: Option<i64>,
}

/// All spots, and where every visit stood.
#[derive(Clone, Debug)]
pub struct Ground {
    spots: Vec<Option<Car>>,
    stays: BTreeMap<u32, Stay>,
}

impl Ground {
    /// So many empty spots.
    pub fn new(spots: usize) -> Self {
        Self { spots: vec![None; spots], stays: BTreeMap::new() }
    }

    /// What stands on a spot.
    pub fn car(&self, spot: usize) -> Option<Car> {
        self.spots.get(spot).copied().flatten()
    }

    /// Whether a car stands there.
    pub fn is_occupied(&self, spot: usize) -> bool {
        self.car(spot).is_some()
    }

    /// How many are taken.
    pub fn occupied(&self) -> usize {
        self.spots.iter().flatten().count()
    }

    /// Where a visit stands or stood; None: it never came, or went away again.
    pub fn stay(&self, visit: u32) -> Option<Stay> {
        self.stays.get(&visit).copied()
    }

    /// A car comes; not where one stands already.
    pub fn park(&mut self, spot: usize, visit: u32, at_ms: i64) -> bool {
        let Some(place @ None) = self.spots.get_mut(spot) else { return false };
        *place = Some(Car { visit, since_ms: at_ms });
        self.stays.insert(visit, Stay { spot, came_ms: at_ms, left_ms: None });
        true
    }

    /// It leaves; says from where.
    pub fn leave(&mut self, visit: u32, at_ms: i64) -> Option<usize> {
        let stay = self.stays.get_mut(&visit).filter(|stay| stay.left_ms.is_none())?;
        stay.left_ms = Some(at_ms);
        let spot = stay.spot;
        *self.spots.get_mut(spot)? = None;
        Some(spot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_holds_one_car_and_remembers_nobody_who_left() {
        let mut ground = Ground::new(2);
        assert!(ground.park(0, 7, 10) && !ground.park(0, 8, 11), "one car");
        assert_eq!((ground.occupied(), ground.car(0).map(|car| car.visit)), (1, Some(7)));
        assert_eq!(ground.leave(7, 20), Some(0));
        assert_eq!(ground.leave(7, 21), None, "it has left already");
        assert!(!ground.is_occupied(0) && !ground.park(9, 9, 22), "there is no such spot");
        assert_eq!(ground.stay(7), Some(Stay { spot: 0, came_ms: 10, left_ms: Some(20) }));
    }
}
