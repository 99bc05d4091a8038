//! What a run of one strategy under one load has shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lab::check::Verdict;
use crate::lab::load::{Attempt, Load};
use crate::lab::stats::{departure, median, percentile};
use crate::lab::strategy::Outcome;

/// Figures of one load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Result {
    pub load: Load,
    pub clients: usize,
    pub attempts: usize,
    pub reserved: usize,
    pub errors: usize,
    pub double_bookings: u64,
    pub oversold: u64,
    pub false_refusals: u64,
    pub deadlocks: i64,
    /// Reservations a second, and attempts a second.
    pub reserved_a_second: f64,
    pub attempts_a_second: f64,
    pub winners_ms: Option<(f64, f64)>,
    pub losers_ms: Option<(f64, f64)>,
    /// See [`departure`]; the median of the rounds.
    pub departure: Option<f64>,
    /// Processor time of a reservation, drivers and Postgres together.
    pub cpu_us: f64,
    /// Share of the processors that other programs had meanwhile: rates mean little where it is large.
    #[serde(default)]
    pub others: Option<f64>,
    /// The first error's text.
    pub trouble: Option<String>,
}

/// All figures of one strategy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfStrategy {
    pub name: String,
    pub shows: String,
    pub results: Vec<Result>,
}

impl OfStrategy {
    /// The figures under a load.
    pub fn under(&self, load: Load) -> Option<&Result> {
        self.results.iter().find(|result| result.load == load)
    }

    /// Whether it books twice or sells too much, under any load.
    pub fn is_wrong(&self) -> bool {
        self.results.iter().any(|result| result.double_bookings + result.oversold > 0)
    }
}

/// Reckons the figures.
pub fn of(
    load: Load,
    clients: usize,
    (attempts, trouble): (&[Attempt], Option<String>),
    verdict: Verdict,
    (deadlocks, cpu_seconds, others): (i64, f64, f64),
) -> Result {
    let count = |outcome| attempts.iter().filter(|attempt| attempt.outcome == outcome).count();
    let reserved = count(Some(Outcome::Won));
    let seconds = time_under_load(load, attempts).as_secs_f64().max(1e-9);
    Result {
        load,
        clients,
        attempts: attempts.len(),
        reserved,
        errors: count(None),
        double_bookings: verdict.double_bookings,
        oversold: verdict.oversold,
        false_refusals: verdict.false_refusals,
        deadlocks,
        reserved_a_second: reserved as f64 / seconds,
        attempts_a_second: attempts.len() as f64 / seconds,
        winners_ms: middle_and_end(attempts, Some(Outcome::Won)),
        losers_ms: middle_and_end(attempts, Some(Outcome::Refused)),
        departure: median(rounds(load, attempts).iter().filter_map(|round| order(round)).collect()),
        cpu_us: cpu_seconds * 1e6 / reserved.max(1) as f64,
        others: Some(others),
        trouble,
    }
}

/// From the first question to the last answer; of rounds, without the pauses between them.
fn time_under_load(load: Load, attempts: &[Attempt]) -> Duration {
    let span = |attempts: &[&Attempt]| {
        let from = attempts.iter().map(|attempt| attempt.asked).min().unwrap_or_default();
        let to = attempts.iter().map(|attempt| attempt.answered).max().unwrap_or_default();
        to - from
    };
    match load {
        Load::Spread | Load::OneSpot => span(&attempts.iter().collect::<Vec<_>>()),
        Load::Herd | Load::LastPlaces => {
            rounds(load, attempts).iter().map(|round| span(round)).sum()
        }
    }
}

/// The attempts of each round, in the order of arrival.
fn rounds(load: Load, attempts: &[Attempt]) -> Vec<Vec<&Attempt>> {
    let mut rounds: BTreeMap<u32, Vec<&Attempt>> = BTreeMap::new();
    if matches!(load, Load::Herd | Load::LastPlaces) {
        for attempt in attempts {
            rounds.entry(attempt.round).or_default().push(attempt);
        }
    }
    rounds.into_values().collect()
}

fn order(round: &[&Attempt]) -> Option<f64> {
    let success =
        |attempt: &&Attempt| (attempt.outcome == Some(Outcome::Won)).then_some(attempt.answered);
    departure(&round.iter().map(success).collect::<Vec<_>>())
}

fn middle_and_end(attempts: &[Attempt], outcome: Option<Outcome>) -> Option<(f64, f64)> {
    let of_outcome = attempts.iter().filter(|attempt| attempt.outcome == outcome);
    let mut waits: Vec<Duration> = of_outcome.map(Attempt::waited).collect();
    waits.sort();
    let ms = |share| percentile(&waits, share).map(|wait| wait.as_secs_f64() * 1e3);
    Some((ms(0.5)?, ms(0.99)?))
}
