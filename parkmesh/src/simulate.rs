//! `parkmesh simulate`: a city of cars, drivers and sensors, and the truth about it.
//!
//! [`world`] is pure and knows everything: [`people`] who come and go by the hour of the [`day`], the [`ground`] under them, the
//! [`radio`] that tells of it. [`city`] finds or makes the spots; [`drivers`] is the door to the gateway, MQTT the sensors';
//! [`pace`] is the time; [`check`] compares what the product says with the truth.

mod check;
mod city;
mod day;
mod drivers;
mod ground;
mod pace;
mod people;
mod radio;
mod told;
mod world;

use std::time::Duration;

use jiff::tz::TimeZone;
use parkmesh_contracts::sensor::v1::SpotOccupancy;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::clock_file;
use parkmesh_platform::tasks::Tasks;

use crate::Failure;
use crate::cli::Simulate;
use crate::client::{Gateway, UpFile, connect};
use crate::mqtt::Publisher;

use check::Expected;
use drivers::{Drivers, Wish};
use pace::Pace;
use people::{Habits, Trip};
use radio::{Air, Faults};
use told::Report;
use world::{Act, Plan, World};

pub use city::{City, Place};
pub use day::Day;
pub use pace::move_clock;

/// Between two looks at what happens.
const TICK: Duration = Duration::from_millis(20);
/// Heartbeats after which each sensor has been heard again, however much the air loses.
const HEARTBEATS_WAITED: i64 = 6;
/// Before flapping sensors are first looked at all have spoken, in milliseconds of the simulation.
const ALL_SPOKEN_MS: i64 = 30_000;

/// Lets cars come and go until it is told to stop.
pub fn run(options: Simulate) -> Result<(), Failure> {
    if let Some(mistake) = options.mistake() {
        return Err(mistake.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::movable();
        let tasks = Tasks::new(&clock);
        let stopped = tasks.token();
        tokio::select! {
            outcome = simulate(&options, &clock, &tasks) => outcome,
            _ = tokio::signal::ctrl_c() => Ok(()),
            () = stopped.cancelled() => Ok(()),
            () = crate::serve::until_the_parent_is_gone() => Ok(()),
        }
    })
}

async fn simulate(options: &Simulate, clock: &Clock, tasks: &Tasks) -> Result<(), Failure> {
    let token = options.target.operator_token()?;
    let gateway = connect(&options.target.gateway, &token).await?;
    let city = City::find(&gateway, options).await?;
    let file = UpFile::read(&options.target.home).ok().map(|up| up.clock_offset_file.into());
    if let Some(file) = &file {
        clock_file::follow(clock, std::path::PathBuf::clone(file), tasks);
    }
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "simulate", clock, tasks)?;
    let drivers = match options.chances.booked > 0.0 {
        true => Some(Drivers::new(&options.target.gateway, &options.target.home, tasks)?),
        false => None,
    };
    let pace = Pace::begin(clock, options.speed, file)?;
    let plan = plan(options, &city, &pace)?;
    let sensors = city.places.iter().map(|place| place.sensor.clone()).collect();
    let world = World::new(&plan, sensors);
    println!(
        "{} spots, {} of them taken; about {:.0} cars come or go in a minute of the busiest hour",
        city.places.len(),
        world.ground.occupied(),
        2.0 * plan.habits.occupancy * to_float(city.places.len()) / plan.habits.stay_minutes
    );
    let mut live = Live { world, city, drivers, publisher, pace, trips: Vec::new() };
    match options.minutes {
        None => live.until(None, tasks).await,
        Some(minutes) => live.finish(options, minutes, &gateway, tasks).await,
    }
}

/// A simulation that is under way.
struct Live {
    world: World,
    city: City,
    drivers: Option<Drivers>,
    publisher: Publisher,
    pace: Pace,
    trips: Vec<Trip>,
}

impl Live {
    /// Lives until this time of the simulation, or for ever.
    async fn until(&mut self, end_ms: Option<i64>, tasks: &Tasks) -> Result<(), Failure> {
        while end_ms.is_none_or(|end| self.pace.now_ms() < end) {
            self.pace.keep()?;
            for act in self.world.advance(self.pace.now_ms()) {
                self.carry_out(act).await?;
            }
            tasks.sleep(TICK).await;
        }
        Ok(())
    }

    async fn carry_out(&mut self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Says(message) => self.publisher.publish(message.topic, message.body).await?,
            Act::Books(trip) => {
                self.trips.push(trip);
                let Some(place) = self.city.places.get(trip.spot) else { return Ok(()) };
                if let Some(drivers) = &mut self.drivers {
                    drivers.book(Wish {
                        visit: trip.visit,
                        spot_id: place.spot_id.clone(),
                        from: self.pace.at(trip.from_ms),
                        to: self.pace.at(trip.to_ms),
                    })?;
                }
            }
            Act::ChecksIn(visit) => {
                if let Some(drivers) = &mut self.drivers {
                    drivers.check_in(visit)?;
                }
            }
        }
        Ok(())
    }

    /// Lives so many minutes, lets cars stop, and compares if that is asked for.
    async fn finish(
        &mut self,
        options: &Simulate,
        minutes: f64,
        gateway: &Gateway,
        tasks: &Tasks,
    ) -> Result<(), Failure> {
        let end_ms = whole(minutes * 60_000.0);
        self.until(Some(ALL_SPOKEN_MS.min(end_ms)), tasks).await?;
        let (flapping, since_ms) = (self.flapping(gateway).await?, self.pace.now_ms());
        self.until(Some(end_ms), tasks).await?;
        self.world.rest(self.pace.now_ms());
        let changes = check::changes(&flapping, &self.flapping(gateway).await?);
        let flapped_ms = self.pace.now_ms() - since_ms;
        println!("cars have stopped; {} spots are taken", self.world.ground.occupied());
        if !options.check {
            return Ok(());
        }
        let chances = options.chances.as_meant();
        // What was said last may still be on its way.
        let late_ms = whole(chances.late_seconds * 1_000.0) + 1_000;
        self.until(Some(self.pace.now_ms() + late_ms), tasks).await?;
        let wait = options.wait_minutes.map_or_else(
            || self.heartbeat_ms() * HEARTBEATS_WAITED + late_ms,
            |minutes| whole(minutes * 60_000.0),
        );
        let found =
            self.compare(Duration::from_millis(wait.unsigned_abs()), gateway, tasks).await?;
        let report = Report {
            found,
            radio: self.world.radio.told,
            turned_away: self.world.turned_away(),
            seconds: to_float(usize::try_from(flapped_ms)?) / 1_000.0,
            flapping_spots: changes.len(),
            flapping_changes_max: changes.into_iter().max().unwrap_or(0),
        };
        report.tell(options.json.as_deref())
    }

    /// Sensors go on with their heartbeats while everything is compared.
    async fn compare(
        &mut self,
        wait: Duration,
        gateway: &Gateway,
        tasks: &Tasks,
    ) -> Result<check::Found, Failure> {
        let city = self.city.clone();
        let stay = |trip: &Trip| (*trip, self.world.ground.stay(trip.visit));
        let expected = Expected {
            truths: (0..city.places.len()).map(|spot| self.world.truth(spot)).collect(),
            city: &city,
            trips: self.trips.iter().map(stay).collect(),
            told: self.drivers.as_ref().map(Drivers::told).unwrap_or_default(),
        };
        let pace = self.pace.clone();
        tokio::select! {
            outcome = self.until(None, tasks) => Err(outcome.err().unwrap_or("it ended".into())),
            found = check::compare(gateway, &expected, wait, &pace, tasks) => found,
        }
    }

    /// What is known of the spots whose sensors flap, or are going to.
    async fn flapping(&self, gateway: &Gateway) -> Result<Vec<SpotOccupancy>, Failure> {
        let places = self.city.places.iter().enumerate();
        let flapping = places.filter(|(at, _)| self.world.radio.flaps(*at));
        check::occupancies(gateway, flapping.map(|(_, place)| place.spot_id.as_str())).await
    }

    fn heartbeat_ms(&self) -> i64 {
        self.city.places.iter().map(|place| place.sensor.heartbeat_ms).max().unwrap_or(0)
    }
}

fn plan(options: &Simulate, city: &City, pace: &Pace) -> Result<Plan, Failure> {
    let chances = options.chances.as_meant();
    let spots = to_float(city.places.iter().filter(|place| !place.sensor.spare).count());
    // As many come as go.
    let stay_minutes = options
        .changes_per_minute
        .map_or(options.stay_minutes, |changes| 2.0 * options.occupancy * spots / changes);
    let zone = TimeZone::get(&city.time_zone)?;
    let local = pace.began().to_zoned(zone).time();
    let after_midnight = local.duration_since(jiff::civil::Time::midnight());
    Ok(Plan {
        habits: Habits {
            occupancy: options.occupancy,
            stay_minutes: stay_minutes.max(1.0),
            day: options.day,
            booked: chances.booked,
            no_show: chances.no_show,
            overstay: chances.overstay,
            mispark: chances.mispark,
            check_in: chances.check_in,
        },
        air: Air {
            duplicates: chances.duplicates,
            late: chances.late,
            late_max_ms: chances.late_seconds * 1_000.0,
            loss: chances.loss,
        },
        faults: Faults {
            wrong_clocks: chances.wrong_clocks,
            restarts_per_hour: chances.restarts_per_hour,
            silent: chances.silent,
            broken: chances.broken,
            flapping: chances.flapping,
        },
        seed: options.seed,
        began: pace.began(),
        after_midnight_ms: i64::try_from(after_midnight.as_millis())?,
    })
}

fn to_float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of some days at most")]
fn whole(ms: f64) -> i64 {
    ms as i64
}
