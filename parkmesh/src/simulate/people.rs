//! Who comes when, for how long, with or without a booking, and what they do wrong. Pure: the same seed gives the
//! same people. What the product answers them changes nothing about where their cars stand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::chance::Dice;

use super::day::Day;
use super::ground::Ground;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;
/// Of all stays so many are short ones, and how long both kinds are, in means.
const SHORT_SHARE: f64 = 0.4;
const SHORT_LENGTH: f64 = 0.3;
const LONG_LENGTH: f64 = (1.0 - SHORT_SHARE * SHORT_LENGTH) / (1.0 - SHORT_SHARE);
/// Nobody stays shorter, in minutes.
const STAY_MINUTES_MIN: f64 = 1.0;
/// How long before its start a booking is made, in minutes: at least, and on average more.
const AHEAD_MINUTES_MIN: f64 = 1.0;
const AHEAD_MINUTES: f64 = 7.0;
/// A car comes so many minutes around the start of its booking.
const EARLY_MINUTES: f64 = 5.0;
const LATE_MINUTES: f64 = 10.0;
/// Who books takes up to so many minutes more than needed.
const MORE_MINUTES: f64 = 10.0;
/// Who overstays leaves so many minutes after the end.
const OVERSTAY_MINUTES: (f64, f64) = (16.0, 45.0);
/// How long nobody else is sent to the spot of somebody who does not come.
const GIVEN_UP_MS: i64 = 40 * MINUTE_MS;
/// Picks of a spot by chance before all are looked at.
const PICKS_MAX: usize = 20;

/// What people are like. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Share of the spots that is taken in the busiest hour.
    pub occupancy: f64,
    /// Minutes of a stay, on average.
    pub stay_minutes: f64,
    /// How busy each hour is.
    pub day: Day,
    /// Share of those who come with a booking.
    pub booked: f64,
    /// Of those with a booking: never come.
    pub no_show: f64,
    /// Of those with a booking: leave after its end.
    pub overstay: f64,
    /// Of all: stand elsewhere than they should, those without a booking on a spot that waits for somebody.
    pub mispark: f64,
    /// Of those with a booking: also check in by themselves.
    pub check_in: f64,
}

/// A booking that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The visit.
    pub visit: u32,
    /// The spot, by its place in the list.
    pub spot: usize,
    /// The window, in milliseconds of the simulation.
    pub from_ms: i64,
    /// Its end.
    pub to_ms: i64,
}

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Asks for a booking.
    Books(Trip),
    /// Parks; the ground shows it already.
    Comes {
        /// Where.
        spot: usize,
        /// The visit, if its driver checks in.
        checks_in: Option<u32>,
    },
    /// Leaves; the ground shows it already.
    Goes {
        /// From where.
        spot: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Plan {
    NextVisit,
    Arrive(u32),
    Leave(u32),
    GiveUp(u32),
}

#[derive(Clone, Copy, Debug)]
struct Visit {
    spot: usize,
    stay_ms: i64,
    booked: bool,
    mispark: bool,
    checks_in: bool,
}

/// All people of a city.
#[derive(Clone, Debug)]
pub struct People {
    habits: Habits,
    /// Spots that people use.
    usable: Vec<usize>,
    /// The simulation's beginning, in milliseconds after midnight where the city is.
    began_ms: i64,
    dice: Dice,
    plans: BinaryHeap<Reverse<(i64, Plan)>>,
    visits: BTreeMap<u32, Visit>,
    /// Who is expected on a spot.
    expected: BTreeMap<usize, u32>,
    last_visit: u32,
    quiet: bool,
    /// Those who found no place.
    pub turned_away: u32,
}

impl People {
    /// People of this city; nobody has come yet.
    pub fn new(habits: Habits, usable: Vec<usize>, began_ms: i64, dice: Dice) -> Self {
        Self {
            habits,
            usable,
            began_ms,
            dice,
            plans: BinaryHeap::new(),
            visits: BTreeMap::new(),
            expected: BTreeMap::new(),
            last_visit: 0,
            quiet: false,
            turned_away: 0,
        }
    }

    /// Those who are there when it begins; the next is on the way.
    pub fn begin(&mut self, ground: &mut Ground) {
        let share = self.habits.occupancy * self.habits.day.share(self.began_ms);
        for spot in self.usable.clone() {
            if self.dice.hits(share) {
                let stay_ms = self.stay_ms();
                let visit = self.visit(spot, stay_ms);
                ground.park(spot, visit, 0);
                self.plan(stay_ms, Plan::Leave(visit));
            }
        }
        self.plan_next(0);
    }

    /// When somebody does something next.
    pub fn next_ms(&self) -> Option<i64> {
        self.plans.peek().map(|Reverse((at_ms, _))| *at_ms).filter(|_| !self.quiet)
    }

    /// Nobody moves any more.
    pub fn rest(&mut self) {
        self.quiet = true;
    }

    /// Carries the next plan out.
    pub fn step(&mut self, ground: &mut Ground) -> Vec<Doing> {
        let Some(Reverse((now_ms, plan))) = self.plans.pop() else { return Vec::new() };
        match plan {
            Plan::NextVisit => {
                self.plan_next(now_ms);
                self.set_out(now_ms, ground)
            }
            Plan::Arrive(visit) => self.arrive(visit, now_ms, ground),
            Plan::Leave(visit) => {
                self.visits.remove(&visit);
                ground.leave(visit, now_ms).map(|spot| Doing::Goes { spot }).into_iter().collect()
            }
            Plan::GiveUp(visit) => {
                if let Some(gone) = self.visits.remove(&visit) {
                    self.expected.remove(&gone.spot);
                }
                Vec::new()
            }
        }
    }

    fn plan(&mut self, at_ms: i64, plan: Plan) {
        self.plans.push(Reverse((at_ms, plan)));
    }

    /// As many come in the busiest hour as leave when so many spots are taken.
    fn plan_next(&mut self, now_ms: i64) {
        let spots = u32::try_from(self.usable.len()).map_or(0.0, f64::from);
        let share = self.habits.day.share(self.began_ms + now_ms).max(0.001);
        let per_minute = self.habits.occupancy * spots * share / self.habits.stay_minutes;
        if per_minute > 0.0 {
            // Not beyond the hour: the next one may be busier.
            let wait = self.dice.exponential(1.0 / per_minute).min(60.0);
            self.plan(now_ms + minutes(wait).max(1), Plan::NextVisit);
        }
    }

    fn stay_ms(&mut self) -> i64 {
        let short = self.dice.hits(SHORT_SHARE);
        let length = if short { SHORT_LENGTH } else { LONG_LENGTH };
        let stay = self.dice.exponential(self.habits.stay_minutes * length);
        minutes(stay.max(STAY_MINUTES_MIN))
    }

    fn visit(&mut self, spot: usize, stay_ms: i64) -> u32 {
        self.last_visit += 1;
        let visit = Visit { spot, stay_ms, booked: false, mispark: false, checks_in: false };
        self.visits.insert(self.last_visit, visit);
        self.last_visit
    }

    /// Somebody wants to park.
    fn set_out(&mut self, now_ms: i64, ground: &mut Ground) -> Vec<Doing> {
        let Habits { booked, no_show, overstay, mispark, check_in, .. } = self.habits;
        let stay_ms = self.stay_ms();
        let with_booking = self.dice.hits(booked);
        let misparks = self.dice.hits(mispark);
        // Who parks wherever they like without a booking does not mind whom a spot waits for.
        let Some(spot) = self.free_spot(ground, misparks && !with_booking) else {
            self.turned_away += 1;
            return Vec::new();
        };
        let number = self.visit(spot, stay_ms);
        if !with_booking {
            return self.arrive(number, now_ms, ground);
        }
        let ahead = AHEAD_MINUTES_MIN + self.dice.exponential(AHEAD_MINUTES);
        let from_ms = now_ms + minutes(ahead);
        let around = self.dice.between(-EARLY_MINUTES, LATE_MINUTES);
        let arrive_ms = (from_ms + minutes(around)).max(now_ms + MINUTE_MS / 2);
        let to_ms =
            arrive_ms.max(from_ms) + stay_ms + minutes(self.dice.between(0.0, MORE_MINUTES));
        let late = self.dice.hits(overstay).then(|| {
            let late = self.dice.between(OVERSTAY_MINUTES.0, OVERSTAY_MINUTES.1);
            to_ms + minutes(late) - arrive_ms
        });
        let visit = Visit {
            spot,
            stay_ms: late.unwrap_or(stay_ms),
            booked: true,
            mispark: misparks,
            checks_in: self.dice.hits(check_in),
        };
        self.visits.insert(number, visit);
        self.expected.insert(spot, number);
        let never = self.dice.hits(no_show);
        let next = if never { Plan::GiveUp(number) } else { Plan::Arrive(number) };
        self.plan(if never { from_ms + GIVEN_UP_MS } else { arrive_ms }, next);
        vec![Doing::Books(Trip { visit: number, spot, from_ms, to_ms })]
    }

    /// A car comes, where it should or elsewhere.
    fn arrive(&mut self, number: u32, now_ms: i64, ground: &mut Ground) -> Vec<Doing> {
        let Some(visit) = self.visits.get(&number).copied() else { return Vec::new() };
        if visit.booked {
            self.expected.remove(&visit.spot);
        }
        let elsewhere = visit.booked && visit.mispark || ground.is_occupied(visit.spot);
        let spot = match elsewhere {
            true => self.free_spot(ground, false),
            false => Some(visit.spot),
        };
        let Some(spot) = spot.filter(|spot| ground.park(*spot, number, now_ms)) else {
            self.visits.remove(&number);
            self.turned_away += 1;
            return Vec::new();
        };
        self.plan(now_ms + visit.stay_ms, Plan::Leave(number));
        let checks_in = visit.booked && visit.checks_in && spot == visit.spot;
        vec![Doing::Comes { spot, checks_in: checks_in.then_some(number) }]
    }

    /// A spot without a car; one that waits for somebody only for those who do not mind.
    fn free_spot(&mut self, ground: &Ground, ruthless: bool) -> Option<usize> {
        let expected = &self.expected;
        let fits =
            |spot: usize| !ground.is_occupied(spot) && (ruthless || !expected.contains_key(&spot));
        for _pick in 0..PICKS_MAX {
            let spot = self.usable.get(self.dice.below(self.usable.len())).copied()?;
            if fits(spot) {
                return Some(spot);
            }
        }
        let first = self.dice.below(self.usable.len());
        let (before, after) = self.usable.split_at(first);
        after.iter().chain(before).copied().find(|spot| fits(*spot))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "minutes of some weeks at most")]
fn minutes(minutes: f64) -> i64 {
    (minutes * 60_000.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HABITS: Habits = Habits {
        occupancy: 0.6,
        stay_minutes: 30.0,
        day: Day::Flat,
        booked: 0.3,
        no_show: 0.1,
        overstay: 0.2,
        mispark: 0.1,
        check_in: 0.2,
    };

    /// What happens in so many hours on so many spots, with the ground as it is then.
    fn live(habits: Habits, spots: usize, hours: i64, seed: u64) -> (Vec<(i64, Doing)>, Ground) {
        let mut ground = Ground::new(spots);
        let mut people = People::new(habits, (0..spots).collect(), 0, Dice::new(seed, 0));
        people.begin(&mut ground);
        let mut done = Vec::new();
        while let Some(at_ms) = people.next_ms().filter(|at| *at < hours * 60 * MINUTE_MS) {
            done.extend(people.step(&mut ground).into_iter().map(|doing| (at_ms, doing)));
        }
        (done, ground)
    }

    #[test]
    fn the_same_seed_gives_the_same_people_and_another_gives_others() {
        assert_eq!(live(HABITS, 50, 3, 1).0, live(HABITS, 50, 3, 1).0);
        assert_ne!(live(HABITS, 50, 3, 1).0, live(HABITS, 50, 3, 2).0);
    }

    #[test]
    fn about_as_many_spots_are_taken_as_was_asked_for() {
        let (done, ground) = live(Habits { booked: 0.0, ..HABITS }, 1_000, 5, 3);
        assert!((500..700).contains(&ground.occupied()), "{}", ground.occupied());
        let comes = done.iter().filter(|(_, doing)| matches!(doing, Doing::Comes { .. })).count();
        // 1,000 × 0.6 / 30 min × 300 min.
        assert!((5_400..6_600).contains(&comes), "{comes}");
    }

    #[test]
    fn some_book_and_of_them_some_never_come_some_stand_elsewhere_and_some_stay_too_long() {
        let (done, ground) = live(HABITS, 400, 6, 4);
        let trips: Vec<Trip> = done
            .iter()
            .filter_map(|(_, doing)| match doing {
                Doing::Books(trip) => Some(*trip),
                _ => None,
            })
            .filter(|trip| trip.from_ms < 240 * MINUTE_MS)
            .collect();
        let stays: Vec<_> = trips.iter().map(|trip| (trip, ground.stay(trip.visit))).collect();
        let count = |fits: &dyn Fn(&Trip, super::super::ground::Stay) -> bool| {
            stays.iter().filter(|(trip, stay)| stay.is_some_and(|stay| fits(trip, stay))).count()
        };
        let all = trips.len();
        assert!(all > 500, "{all}");
        let came = count(&|_, _| true);
        assert!(came * 100 / all > 80 && came < all, "{came} of {all} come");
        let elsewhere = count(&|trip, stay| stay.spot != trip.spot);
        assert!((all / 30..all / 4).contains(&elsewhere), "{elsewhere} of {all} stand elsewhere");
        let over = count(&|trip, stay| stay.left_ms.is_some_and(|left| left > trip.to_ms));
        assert!((all / 20..all / 3).contains(&over), "{over} of {all} stay too long");
    }

    #[test]
    fn who_rests_does_nothing_any_more() {
        let mut ground = Ground::new(10);
        let mut people = People::new(HABITS, (0..10).collect(), 0, Dice::new(1, 0));
        people.begin(&mut ground);
        assert!(people.next_ms().is_some());
        people.rest();
        assert_eq!(people.next_ms(), None);
    }
}
