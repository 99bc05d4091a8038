//! A city's ground, its people and its sensors in one order of time. Pure.

use jiff::Timestamp;

use crate::chance::Dice;

use super::ground::Ground;
use super::people::{Doing, Habits, People, Trip};
use super::radio::{Air, Fault, Faults, Message, Radio, Sensor};

/// What the world does to those outside of it.
#[derive(Clone, Debug)]
pub enum Act {
    /// A message reaches the broker.
    Says(Message),
    /// A driver asks for a booking.
    Books(Trip),
    /// The driver of this visit tells that the car is there.
    ChecksIn(u32),
}

/// What the product should show of a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// A car.
    Occupied,
    /// None.
    Vacant,
    /// Its sensor is silent.
    Unknown,
}

/// How a world is made.
pub struct Plan {
    /// People.
    pub habits: Habits,
    /// The air.
    pub air: Air,
    /// Devices.
    pub faults: Faults,
    /// The same seed, the same world.
    pub seed: u64,
    /// When it begins.
    pub began: Timestamp,
    /// The same in milliseconds after midnight where it is.
    pub after_midnight_ms: i64,
}

/// The world.
pub struct World {
    /// What really stands where.
    pub ground: Ground,
    people: People,
    /// The sensors.
    pub radio: Radio,
}

impl World {
    /// A world over these sensors, one to a spot.
    pub fn new(plan: &Plan, sensors: Vec<Sensor>) -> Self {
        let mut ground = Ground::new(sensors.len());
        let usable = (0..sensors.len()).filter(|at| sensors.get(*at).is_some_and(|one| !one.spare));
        let mut people = People::new(
            plan.habits,
            usable.collect(),
            plan.after_midnight_ms,
            Dice::new(plan.seed, 1),
        );
        people.begin(&mut ground);
        let spots = sensors.len();
        let dice = Dice::new(plan.seed, 2);
        let mut radio = Radio::new((plan.air, plan.faults), sensors, plan.began, dice);
        for spot in (0..spots).filter(|spot| ground.is_occupied(*spot)) {
            radio.stands(spot);
        }
        Self { ground, people, radio }
    }

    /// All that happens up to this time, in its order.
    pub fn advance(&mut self, upto_ms: i64) -> Vec<Act> {
        let mut acts = Vec::new();
        loop {
            let (people, radio) = (self.people.next_ms(), self.radio.next_ms());
            let Some(next) = people.into_iter().chain(radio).min().filter(|at| *at <= upto_ms)
            else {
                break;
            };
            if people == Some(next) {
                self.move_people(next, &mut acts);
            } else {
                self.radio.step();
            }
        }
        acts.extend(self.radio.arrived(upto_ms).into_iter().map(Act::Says));
        acts
    }

    fn move_people(&mut self, now_ms: i64, acts: &mut Vec<Act>) {
        for doing in self.people.step(&mut self.ground) {
            match doing {
                Doing::Books(trip) => acts.push(Act::Books(trip)),
                Doing::Comes { spot, checks_in } => {
                    self.radio.change(spot, true, now_ms);
                    acts.extend(checks_in.map(Act::ChecksIn));
                }
                Doing::Goes { spot } => self.radio.change(spot, false, now_ms),
            }
        }
    }

    /// From now on no car moves and no sensor flaps; heartbeats go on.
    pub fn rest(&mut self, now_ms: i64) {
        self.people.rest();
        self.radio.rest(now_ms);
    }

    /// What should be known of a spot: what stands there, but for a sensor that cannot tell.
    pub fn truth(&self, spot: usize) -> Truth {
        let occupied = match self.radio.fault(spot) {
            Fault::Silent => return Truth::Unknown,
            Fault::Broken(always) => always,
            Fault::None | Fault::Flapping => self.ground.is_occupied(spot),
        };
        if occupied { Truth::Occupied } else { Truth::Vacant }
    }

    /// Those who found no place.
    pub fn turned_away(&self) -> u32 {
        self.people.turned_away
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::day::Day;
    use crate::simulate::radio::Voice;

    fn world(seed: u64) -> World {
        let habits = Habits {
            occupancy: 0.6,
            stay_minutes: 20.0,
            day: Day::Flat,
            booked: 0.3,
            no_show: 0.1,
            overstay: 0.1,
            mispark: 0.1,
            check_in: 0.2,
        };
        let air = Air { duplicates: 0.2, late: 0.3, late_max_ms: 60_000.0, loss: 0.05 };
        let faults = Faults {
            wrong_clocks: 0.5,
            restarts_per_hour: 1.0,
            silent: 0.05,
            broken: 0.05,
            flapping: 0.05,
        };
        let sensor = |at: usize| Sensor {
            device_id: format!("d{at}"),
            voice: if at.is_multiple_of(2) { Voice::Plain } else { Voice::Bosch },
            heartbeat_ms: 300_000,
            spare: at < 3,
        };
        let began = Timestamp::new(1_800_000_000, 0).expect("in range");
        let plan = Plan { habits, air, faults, seed, began, after_midnight_ms: 0 };
        World::new(&plan, (0..60).map(sensor).collect())
    }

    /// All acts in so many steps of a second.
    fn live(world: &mut World, seconds: std::ops::Range<i64>) -> Vec<String> {
        let acts = seconds.flat_map(|second| world.advance(second * 1_000));
        acts.map(|act| format!("{act:?}")).collect()
    }

    #[test]
    fn the_same_seed_is_the_same_city_however_often_it_is_looked_at() {
        let (mut one, mut other) = (world(7), world(7));
        let steps = live(&mut one, 0..3_600);
        assert_eq!(steps, live(&mut other, 0..3_600));
        assert_ne!(steps, live(&mut world(8), 0..3_600));
        assert!(steps.len() > 1_000, "{}", steps.len());
        // In one look all is the same but for the order in which kinds of acts stand.
        let (mut all, mut steps) = (live(&mut world(7), 3_599..3_600), steps);
        all.sort();
        steps.sort();
        assert_eq!(all, steps);
    }

    #[test]
    fn spots_for_trying_things_stay_empty_and_the_truth_is_what_a_sensor_can_tell() {
        let mut world = world(9);
        live(&mut world, 0..1_800);
        world.rest(1_800_000);
        assert!((0..3).all(|spot| world.truth(spot) == Truth::Vacant));
        for spot in 0..60 {
            let stands = world.ground.is_occupied(spot);
            let truth = world.truth(spot);
            match world.radio.fault(spot) {
                Fault::None => assert_eq!(truth == Truth::Occupied, stands),
                Fault::Silent => assert_eq!(truth, Truth::Unknown),
                Fault::Broken(always) => assert_eq!(truth == Truth::Occupied, always),
                Fault::Flapping => panic!("nobody flaps at rest"),
            }
        }
        let before: Vec<Truth> = (0..60).map(|spot| world.truth(spot)).collect();
        assert!(live(&mut world, 1_800..3_600).len() > 100, "heartbeats go on");
        assert_eq!(before, (0..60).map(|spot| world.truth(spot)).collect::<Vec<_>>());
    }
}
