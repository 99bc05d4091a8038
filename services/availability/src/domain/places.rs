//! Where lots are: a grid over the globe, so that those near a point are found without looking at all.

use std::collections::{BTreeSet, HashMap};

use parkmesh_contracts::ids::LotId;

/// Mean radius of the Earth.
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = EARTH_RADIUS_M * std::f64::consts::PI / 180.0;
/// Cells to a degree: about 11 km a cell at the equator.
const CELLS_PER_DEGREE: f64 = 10.0;
/// Cells around the globe.
const CELLS_AROUND: i32 = 3_600;

/// A point on the globe, WGS 84 degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

impl Point {
    /// Metres to another point, as the crow flies over a sphere: within half a per cent of the globe's.
    #[must_use]
    pub fn meters_to(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let turn = (other.longitude - self.longitude).to_radians();
        let half = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (turn / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_M * half.sqrt().min(1.0).asin()
    }

    fn cell(self) -> (i32, i32) {
        (cell(self.latitude), cell(self.longitude).rem_euclid(CELLS_AROUND))
    }
}

// Degrees are small; the cast saturates.
fn cell(degrees: f64) -> i32 {
    (degrees * CELLS_PER_DEGREE).floor() as i32
}

/// Where the lots are.
#[derive(Clone, Debug, Default)]
pub struct Places {
    cells: HashMap<(i32, i32), BTreeSet<LotId>>,
    points: HashMap<LotId, Point>,
}

impl Places {
    /// Puts a lot where it is, in place of an older word.
    pub fn put(&mut self, lot_id: LotId, point: Point) {
        if let Some(before) = self.points.insert(lot_id, point)
            && let Some(lots) = self.cells.get_mut(&before.cell())
        {
            lots.remove(&lot_id);
        }
        self.cells.entry(point.cell()).or_default().insert(lot_id);
    }

    /// Lots at most so many metres from a point, with their distance, in no order.
    #[must_use]
    pub fn near(&self, point: Point, radius_m: f64) -> Vec<(LotId, f64)> {
        let reach = radius_m / DEGREE_M;
        let (south, north) = (point.latitude - reach, point.latitude + reach);
        // Where a pole is within reach, every longitude is.
        let farthest = south.abs().max(north.abs());
        let widest = (farthest < 89.0).then(|| {
            (reach.to_radians().sin() / farthest.to_radians().cos()).clamp(-1.0, 1.0).asin()
        });
        let around = match widest.map(f64::to_degrees) {
            Some(width) if width < 179.0 => {
                cell(point.longitude - width)..=cell(point.longitude + width)
            }
            _ => 0..=CELLS_AROUND - 1,
        };
        let mut found = Vec::new();
        for latitude in cell(south)..=cell(north) {
            for longitude in around.clone() {
                let lots = self.cells.get(&(latitude, longitude.rem_euclid(CELLS_AROUND)));
                for lot_id in lots.into_iter().flatten() {
                    let meters = self.points.get(lot_id).map(|it| it.meters_to(point));
                    if let Some(meters) = meters.filter(|meters| *meters <= radius_m) {
                        found.push((*lot_id, meters));
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point { latitude, longitude }
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let (berlin, paris) = (point(52.5219, 13.4132), point(48.8584, 2.2945));
        let meters = berlin.meters_to(paris);
        assert!((876_000.0..884_000.0).contains(&meters), "{meters}");
        assert!(berlin.meters_to(berlin) < 0.001);
        let across = point(0.0, 179.99).meters_to(point(0.0, -179.99));
        assert!((2_200.0..2_250.0).contains(&across), "{across}");
    }

    #[test]
    fn a_lot_that_moves_is_found_where_it_is_now_only() {
        let mut places = Places::default();
        let lot_id = LotId::from(Uuid::from_u128(1));
        places.put(lot_id, point(52.5, 13.4));
        places.put(lot_id, point(48.8, 2.3));
        assert!(places.near(point(52.5, 13.4), 1_000.0).is_empty());
        assert_eq!(places.near(point(48.8, 2.3), 1_000.0).len(), 1);
    }

    proptest! {
        #[test]
        fn the_grid_finds_what_a_look_at_every_lot_finds(
            centre in (-90.0..=90.0_f64, -180.0..=180.0_f64),
            lots in prop::collection::vec((-0.6..0.6_f64, -179.0..179.0_f64, any::<bool>()), 1..40),
            radius in 1.0..50_000.0_f64,
        ) {
            let centre = point(centre.0, centre.1);
            let mut places = Places::default();
            let mut all = Vec::new();
            for (n, (north, east, close)) in lots.into_iter().enumerate() {
                // Most of them close by, across the pole and the date line too.
                let mut latitude = centre.latitude + north;
                let mut longitude = centre.longitude + if close { east / 180.0 } else { east };
                if latitude.abs() > 90.0 {
                    latitude = latitude.signum() * 180.0 - latitude;
                    longitude += 180.0;
                }
                let longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
                let lot_id = LotId::from(Uuid::from_u128(n as u128));
                places.put(lot_id, point(latitude, longitude));
                all.push((lot_id, point(latitude, longitude)));
            }
            let near = |it: &&(LotId, Point)| it.1.meters_to(centre) <= radius;
            let expected: BTreeSet<LotId> = all.iter().filter(near).map(|it| it.0).collect();
            let found: BTreeSet<LotId> =
                places.near(centre, radius).into_iter().map(|it| it.0).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
