//! The demo mall's plan.

use parkmesh_contracts::booking::v1::{CreateLotRequest, NewSpot};
use parkmesh_contracts::common::v1::SpotType;

use super::money;

/// Seconds between two heartbeats of a demo sensor.
pub const HEARTBEAT_SECONDS: i32 = 3_600;

/// Spots in one row of a floor's plan.
const SPOTS_PER_ROW: usize = 20;
/// Size of a spot on the plan, in plan units (metres).
const SPOT_WIDTH: f64 = 2.5;
const ROW_HEIGHT: f64 = 11.0;

/// A floor of the mall.
pub struct FloorPlan {
    /// 0 is the street's level.
    pub number: i32,
    /// Name that drivers see.
    pub name: &'static str,
    spots: usize,
    accessible: usize,
    ev: usize,
}

/// The lot.
pub fn lot() -> CreateLotRequest {
    CreateLotRequest {
        name: "Demo Mall".to_owned(),
        address: "Alexanderplatz 1, 10178 Berlin".to_owned(),
        latitude: 52.5219,
        longitude: 13.4132,
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: money(2, 500_000_000, "EUR"),
        ..Default::default()
    }
}

/// Its floors: 200, 200 and 100 spots.
pub fn floors() -> [FloorPlan; 3] {
    [
        FloorPlan { number: 0, name: "Ground floor", spots: 200, accessible: 10, ev: 20 },
        FloorPlan { number: 1, name: "First floor", spots: 200, accessible: 6, ev: 10 },
        FloorPlan { number: 2, name: "Roof", spots: 100, accessible: 4, ev: 0 },
    ]
}

/// The device in a spot.
pub fn device_of(spot_number: &str) -> String {
    format!("demo-{}", spot_number.to_ascii_lowercase())
}

impl FloorPlan {
    /// Size of the plan.
    pub fn size(&self) -> (f64, f64) {
        let rows = self.spots.div_ceil(SPOTS_PER_ROW);
        (coordinate(SPOTS_PER_ROW) * SPOT_WIDTH, coordinate(rows) * ROW_HEIGHT)
    }

    /// Its spots: the accessible ones nearest to the lift, then those with a charger.
    pub fn spots(&self) -> Vec<NewSpot> {
        let spot = |index: usize| NewSpot {
            spot_number: format!("{}-{:03}", self.number, index + 1),
            spot_type: self.spot_type(index).into(),
            plan_x: coordinate(index % SPOTS_PER_ROW) * SPOT_WIDTH,
            plan_y: coordinate(index / SPOTS_PER_ROW) * ROW_HEIGHT,
            latitude: 0.0,
            longitude: 0.0,
        };
        (0..self.spots).map(spot).collect()
    }

    fn spot_type(&self, index: usize) -> SpotType {
        if index < self.accessible {
            SpotType::Accessible
        } else if index < self.accessible + self.ev {
            SpotType::Ev
        } else {
            SpotType::Regular
        }
    }
}

fn coordinate(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mall_has_five_hundred_spots_on_three_floors_all_types_and_no_number_twice() {
        let spots: Vec<NewSpot> = floors().iter().flat_map(FloorPlan::spots).collect();
        let numbers: std::collections::BTreeSet<_> =
            spots.iter().map(|spot| spot.spot_number.clone()).collect();
        assert_eq!((spots.len(), numbers.len()), (500, 500));
        assert_eq!(floors().map(|floor| floor.spots().len()), [200, 200, 100]);
        for wanted in [SpotType::Accessible, SpotType::Ev, SpotType::Regular] {
            assert!(spots.iter().any(|spot| spot.spot_type() == wanted));
        }
    }
}
