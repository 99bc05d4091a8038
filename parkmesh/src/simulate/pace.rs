//! How the simulation's time runs: with the product's clock, which it moves when it is to run faster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::clock::Clock;
use tokio::time::Instant;

use crate::Failure;

/// Whoever waits longer for the broker has no more of the simulation run away meanwhile than so much of it takes.
const STALL_MAX: Duration = Duration::from_millis(250);

/// Runs at a speed.
#[derive(Clone)]
pub struct Pace {
    clock: Clock,
    began: Timestamp,
    last: Instant,
    speed: f64,
    /// How far the clock was moved when it began, and has been since.
    offset_ms: f64,
    /// The file that moves the clock of every process; None at speed 1.
    file: Option<PathBuf>,
}

impl Pace {
    /// Begins now.
    pub fn begin(clock: &Clock, speed: f64, file: Option<PathBuf>) -> Result<Self, Failure> {
        let faster = (speed - 1.0).abs() > f64::EPSILON;
        let file = file.filter(|_| faster);
        if faster && file.is_none() {
            return Err("only a system whose processes follow a clock file, as those of \
                        `parkmesh up` do, can be simulated at another speed than 1"
                .into());
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of some years at most")]
        let (began, offset_ms) = (clock.now(), clock.offset_ms() as f64);
        Ok(Self { clock: clock.clone(), began, last: Instant::now(), speed, offset_ms, file })
    }

    /// When it began, by the product's clock.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Milliseconds of the simulation so far.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now().duration_since(self.began).as_millis()).unwrap_or(i64::MAX)
    }

    /// An instant of the simulation by the product's clock.
    pub fn at(&self, ms: i64) -> Timestamp {
        self.began.checked_add(SignedDuration::from_millis(ms)).unwrap_or(self.began)
    }

    /// Lets the product's clock follow.
    pub fn keep(&mut self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let passed = self.last.elapsed().min(STALL_MAX);
        self.last = Instant::now();
        self.offset_ms += passed.as_secs_f64() * 1_000.0 * (self.speed - 1.0);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of some years at most")]
        let offset_ms = self.offset_ms as i64;
        move_clock(&self.clock, file, offset_ms)
    }

    /// How much faster than the clock on the wall it is.
    pub fn speed(&self) -> f64 {
        self.speed
    }
}

/// Moves our clock, and through the file those of all processes that follow it, to so much ahead of the system's.
pub fn move_clock(clock: &Clock, file: &Path, offset_ms: i64) -> Result<(), Failure> {
    clock.set_offset_ms(offset_ms);
    // Whoever reads it sees one number or the other, and never half of one.
    let beside = file.with_extension("next");
    std::fs::write(&beside, offset_ms.to_string())?;
    std::fs::rename(beside, file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_faster_simulation_moves_the_clock_of_every_process_and_waits_for_who_is_slow() {
        let folder = std::env::temp_dir().join(format!("parkmesh-pace-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let (clock, file) = (Clock::movable(), folder.join("clock-offset-ms"));
        clock.set_offset_ms(5_000);
        let mut pace = Pace::begin(&clock, 11.0, Some(file.clone())).expect("a file");
        for _tick in 0..10 {
            tokio::time::advance(Duration::from_millis(100)).await;
            pace.keep().expect("written");
        }
        let told = || std::fs::read_to_string(&file).expect("a number");
        assert_eq!((told(), clock.offset_ms()), ("15000".to_owned(), 15_000));
        assert!(pace.now_ms() >= 10_000, "the second itself passed on the test's own clock only");
        tokio::time::advance(Duration::from_secs(60)).await;
        pace.keep().expect("written");
        assert_eq!(told(), "17500", "a stalled minute is no ten minutes for the product");
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn without_the_file_there_is_no_other_speed() {
        let clock = Clock::system();
        assert!(Pace::begin(&clock, 2.0, None).is_err() && Pace::begin(&clock, 1.0, None).is_ok());
    }
}
