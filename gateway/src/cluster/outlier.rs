//! Which replica answers badly, and until when it is left alone.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::OutlierConfig;

/// How an attempt ended, as far as it speaks of the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer; with the time that it took, where that says something.
    Good(Option<Duration>),
    /// An answer that speaks of a broken replica.
    Broken,
    /// No answer.
    Away,
}

/// Why a replica is to be ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does not answer, or brokenly.
    Failing,
    /// It takes much longer than the others.
    Slow,
}

#[derive(Clone, Copy, Debug)]
struct Ejection {
    until: Instant,
    verdict: Verdict,
}

/// What is remembered of a replica.
#[derive(Debug, Default)]
pub struct Monitor {
    broken: AtomicU32,
    away: AtomicU32,
    answers: AtomicU32,
    answers_us: AtomicU64,
    /// Ejections so far, less one for each interval that went well.
    times: AtomicU32,
    ejection: Mutex<Option<Ejection>>,
}

impl Monitor {
    /// Notes an outcome; says when that was one too many.
    pub fn see(&self, outcome: Outcome, config: &OutlierConfig) -> Option<Verdict> {
        let counted = |counter: &AtomicU32, limit: u32| {
            limit > 0 && counter.fetch_add(1, Ordering::Relaxed) + 1 >= limit
        };
        match outcome {
            Outcome::Good(took) => {
                self.forgive();
                if let Some(took) = took {
                    self.answers.fetch_add(1, Ordering::Relaxed);
                    let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                    self.answers_us.fetch_add(us, Ordering::Relaxed);
                }
                None
            }
            Outcome::Broken => {
                self.away.store(0, Ordering::Relaxed);
                counted(&self.broken, config.consecutive_5xx).then_some(Verdict::Failing)
            }
            Outcome::Away => {
                let away = counted(&self.away, config.consecutive_gateway_failure);
                let broken = counted(&self.broken, config.consecutive_5xx);
                (away || broken).then_some(Verdict::Failing)
            }
        }
    }

    /// Whether it is left alone.
    pub fn is_ejected(&self) -> bool {
        self.current().is_some()
    }

    /// Leaves it alone; longer each time.
    pub fn eject(&self, verdict: Verdict, at: Instant, config: &OutlierConfig) {
        let times = self.times.fetch_add(1, Ordering::Relaxed) + 1;
        let long = config.base_ejection_time.saturating_mul(times);
        let longest = config.max_ejection_time.max(config.base_ejection_time);
        let until = at + long.min(longest);
        *self.ejection.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Ejection { until, verdict });
    }

    /// Takes it back if its time is over; says whether it was.
    pub fn take_back(&self, at: Instant) -> bool {
        self.take_back_if(|ejection| ejection.until <= at)
    }

    /// It says that it is well: one that failed comes back at once. A slow one is well too.
    pub fn take_back_well(&self) -> bool {
        self.take_back_if(|ejection| ejection.verdict == Verdict::Failing)
    }

    /// An interval without an ejection went by.
    pub fn went_well(&self) {
        let less = |times: u32| Some(times.saturating_sub(1));
        let _before = self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// The average answer of the interval, where there were enough; a new interval begins.
    pub fn average(&self, answers_min: u32) -> Option<Duration> {
        let answers = self.answers.swap(0, Ordering::Relaxed);
        let us = self.answers_us.swap(0, Ordering::Relaxed);
        (answers > 0 && answers >= answers_min)
            .then(|| Duration::from_micros(us / u64::from(answers)))
    }

    fn forgive(&self) {
        self.broken.store(0, Ordering::Relaxed);
        self.away.store(0, Ordering::Relaxed);
    }

    fn current(&self) -> Option<Ejection> {
        *self.ejection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_back_if(&self, over: impl FnOnce(&Ejection) -> bool) -> bool {
        let mut ejection = self.ejection.lock().unwrap_or_else(PoisonError::into_inner);
        let back = ejection.as_ref().is_some_and(over);
        if back {
            *ejection = None;
            self.forgive();
        }
        back
    }
}

/// Who is slow: takes many times as long as the others do in the middle. `averages` are those of the
/// replicas that answered often enough.
pub fn slow(averages: &[(usize, Duration)], config: &OutlierConfig) -> Vec<usize> {
    if config.slow_host_factor <= 0.0 {
        return Vec::new();
    }
    let is_slow = |&(index, average): &(usize, Duration)| {
        let others = averages.iter().filter(|(other, _)| *other != index);
        let mut others: Vec<Duration> = others.map(|(_, average)| *average).collect();
        others.sort_unstable();
        // The lower middle: with two others, the quicker one is the measure.
        let middle = others.get(others.len().saturating_sub(1) / 2)?;
        let limit = middle.mul_f64(config.slow_host_factor).max(config.slow_host_minimum);
        (average > limit).then_some(index)
    };
    averages.iter().filter_map(is_slow).collect()
}

/// How many of so many may be ejected.
pub fn ejections_max(hosts: usize, config: &OutlierConfig) -> usize {
    (hosts * config.max_ejection_percent as usize / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> OutlierConfig {
        OutlierConfig::default()
    }

    #[test]
    fn only_failures_in_a_row_count() {
        let (monitor, config) = (Monitor::default(), config());
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(monitor.see(Outcome::Away, &config), None);
            }
            assert_eq!(monitor.see(Outcome::Good(None), &config), None);
        }
        for _ in 0..4 {
            assert_eq!(monitor.see(Outcome::Broken, &config), None);
        }
        assert_eq!(monitor.see(Outcome::Broken, &config), Some(Verdict::Failing));
    }

    #[tokio::test]
    async fn each_ejection_is_longer_and_good_intervals_shorten_the_next() {
        let (monitor, config, at) = (Monitor::default(), config(), Instant::now());
        let base = config.base_ejection_time;
        for times in [1, 2, 3] {
            monitor.eject(Verdict::Failing, at, &config);
            assert!(!monitor.take_back(at + base * times - Duration::from_millis(1)));
            assert!(monitor.is_ejected());
            assert!(monitor.take_back(at + base * times));
        }
        for _ in 0..3 {
            monitor.went_well();
        }
        monitor.eject(Verdict::Failing, at, &config);
        assert!(monitor.take_back(at + base));
    }

    #[tokio::test]
    async fn who_failed_comes_back_when_it_is_well_and_who_is_slow_does_not() {
        let (monitor, config, at) = (Monitor::default(), config(), Instant::now());
        monitor.eject(Verdict::Failing, at, &config);
        assert!(monitor.take_back_well() && !monitor.is_ejected());
        monitor.eject(Verdict::Slow, at, &config);
        assert!(!monitor.take_back_well() && monitor.is_ejected());
    }

    #[test]
    fn slow_is_who_takes_many_times_as_long_as_the_others_and_more_than_the_least() {
        let ms = Duration::from_millis;
        let slow = |averages: &[u64]| {
            let averages: Vec<_> =
                averages.iter().enumerate().map(|(index, one)| (index, ms(*one))).collect();
            super::slow(&averages, &config())
        };
        assert_eq!(slow(&[10, 12, 300]), [2]);
        assert_eq!(slow(&[10, 300]), [1]);
        assert!(slow(&[1, 90]).is_empty(), "below the least");
        assert!(slow(&[300, 310, 290]).is_empty(), "all are");
        assert!(slow(&[300]).is_empty(), "there is nobody to compare with");
        assert!(slow(&[]).is_empty());
    }

    #[test]
    fn one_may_always_be_ejected_and_never_more_than_the_share() {
        assert_eq!([1, 2, 3, 4, 10].map(|hosts| ejections_max(hosts, &config())), [1, 1, 1, 2, 5]);
    }
}
