//! A thousand drivers at once, over gRPC: on one free spot, and for the last places of a pool.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use parkmesh_contracts::booking::v1::HoldSpotRequest;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tonic::Code;

use super::house::{self, House};
use super::town::{Call, Size, Told, Town};
use crate::Failure;
use crate::lab::stats::percentile;
use crate::proof::Figure;

/// Drivers of a crowd.
const DRIVERS: usize = 1_000;
/// Places left in the rounds of a pool.
const PLACES: u32 = 30;
/// How many times longer than the rate explains the slowest hundredth of the losers may wait.
const LOSER_RATIO_MAX: f64 = 2.0;

/// Options of both proofs.
#[derive(Debug, Clone, Args)]
pub struct Rounds {
    /// Rounds; default: 200 of the herd, 100 of the pool.
    #[arg(long)]
    rounds: Option<u64>,
    /// Replicas of booking, among which the drivers are divided.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Test this `parkmesh` instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What all rounds together have shown.
#[derive(Debug, Default)]
struct Crowds {
    right_rounds: u64,
    told: BTreeMap<String, u64>,
    internal: u64,
    losers: Vec<Duration>,
    attempts: u64,
    time: Duration,
    deadlocks: i64,
}

/// One free spot: one winner in every round.
pub fn herd(rounds: &Rounds) -> Result<bool, Failure> {
    let count = rounds.rounds.unwrap_or(200);
    let wish = |town: &Town, round: u64| town.spot(round as usize, round);
    let crowds = run(("herd", 10, 1), (count, rounds), wish, "SPOT_TAKEN")?;
    judge(("herd", "herd-errors", "herd-loser-p99"), count, &crowds)
}

/// The last places: as many winners in every round, and nobody told "full" before.
pub fn pool(rounds: &Rounds) -> Result<bool, Failure> {
    let count = rounds.rounds.unwrap_or(100);
    let wish = |town: &Town, round: u64| town.pool(round);
    let places = ("pool", PLACES, u64::from(PLACES));
    let crowds = run(places, (count, rounds), wish, "SOLD_OUT")?;
    judge(("pool", "pool-errors", "pool-loser-p99"), count, &crowds)
}

fn run(
    (name, spots, winners): (&str, u32, u64),
    (count, options): (u64, &Rounds),
    wish: fn(&Town, u64) -> HoldSpotRequest,
    refusal: &str,
) -> Result<Crowds, Failure> {
    let mut house = House::prepare(&house::binary(options.binary.as_deref())?, name)?;
    for _replica in 0..options.replicas {
        house.start(&[])?;
    }
    let crowds = crate::runtime()?.block_on(async {
        let town = Town::make(&house, Size::of(spots), DRIVERS).await?;
        let mut crowds = Crowds::default();
        let before = house.deadlocks().await?;
        for round in 0..count {
            let calls = crowd(&town, round, wish).await?;
            crowds.count(&calls, winners, refusal);
        }
        // Sessions tell their deadlocks a second late.
        crate::pause(Duration::from_millis(1_500)).await;
        crowds.deadlocks = house.deadlocks().await? - before;
        Ok::<_, Failure>(crowds)
    })?;
    house.end()?;
    Ok(crowds)
}

/// All drivers at once; the earlier rounds' holds are of other hours.
async fn crowd(
    town: &Arc<Town>,
    round: u64,
    wish: fn(&Town, u64) -> HoldSpotRequest,
) -> Result<Vec<Call>, Failure> {
    let start = Arc::new(Barrier::new(DRIVERS));
    let mut running = JoinSet::new();
    for driver in 0..DRIVERS {
        let (town, start) = (Arc::clone(town), Arc::clone(&start));
        running.spawn(async move {
            let wish = wish(&town, round);
            start.wait().await;
            town.call(driver, wish).await
        });
    }
    let mut calls = Vec::with_capacity(DRIVERS);
    while let Some(call) = running.join_next().await {
        calls.push(call?);
    }
    Ok(calls)
}

impl Crowds {
    fn count(&mut self, calls: &[Call], winners: u64, refusal: &str) {
        let held = calls.iter().filter(|call| call.told == Told::Held).count() as u64;
        let others = calls.iter().filter(|call| call.told != Told::Held);
        let all_told = others.clone().all(|call| call.told == Told::No(refusal.to_owned()));
        let right = held == winners && all_told && nobody_is_refused_early(calls, winners);
        self.right_rounds += u64::from(right);
        for call in calls {
            *self.told.entry(format!("{:?}", call.told)).or_default() += 1;
            let every = call.before.iter().chain([&call.told]);
            let broken = |told: &&Told| matches!(told, Told::Wrong(Code::Internal | Code::Unknown));
            self.internal += every.filter(broken).count() as u64;
            self.attempts += u64::from(call.tries);
        }
        self.losers.extend(others.map(|call| call.answered - call.asked));
        let from = calls.iter().map(|call| call.asked).min().unwrap_or_default();
        let to = calls.iter().map(|call| call.answered).max().unwrap_or_default();
        self.time += to - from;
    }
}

/// Whether every refusal was told after as many of the winners had asked as there were places.
fn nobody_is_refused_early(calls: &[Call], winners: u64) -> bool {
    let held = calls.iter().filter(|call| call.told == Told::Held);
    let mut asked: Vec<Duration> = held.map(|call| call.asked).collect();
    asked.sort();
    let last = asked.get(winners.saturating_sub(1) as usize);
    let mut refused = calls.iter().filter(|call| call.told != Told::Held);
    last.is_some_and(|&last| refused.all(|call| call.answered >= last))
}

fn judge(
    names: (&'static str, &'static str, &'static str),
    rounds: u64,
    crowds: &Crowds,
) -> Result<bool, Failure> {
    let mut losers = crowds.losers.clone();
    losers.sort();
    let p99 = percentile(&losers, 0.99).unwrap_or_default().as_secs_f64();
    let rate = crowds.attempts as f64 / crowds.time.as_secs_f64().max(1e-9);
    let explained = DRIVERS as f64 / rate;
    println!("told: {:?}", crowds.told);
    println!("{rate:.0} attempts/s; a crowd of {DRIVERS} takes {:.0} ms", explained * 1e3);
    println!("losers' p99: {:.0} ms; deadlocks: {}", p99 * 1e3, crowds.deadlocks);
    let wrong = crowds.internal + u64::try_from(crowds.deadlocks).unwrap_or(0);
    let figures = [
        Figure {
            name: names.0,
            figure: crowds.right_rounds as f64,
            unit: "rounds of 1,000 drivers with exactly the winners that there were places for, all others refused for that reason",
            yardstick: "none",
            ask: format!("= {rounds}"),
            holds: crowds.right_rounds == rounds,
        },
        Figure {
            name: names.1,
            figure: wrong as f64,
            unit: "deadlocks, and answers INTERNAL or UNKNOWN",
            yardstick: "none",
            ask: "= 0".to_owned(),
            holds: wrong == 0,
        },
        Figure {
            name: names.2,
            figure: p99 / explained,
            unit: "times what the measured rate of attempts explains (1,000 / rate)",
            yardstick: "1,000 / rate",
            ask: format!("<= {LOSER_RATIO_MAX}"),
            holds: p99 <= LOSER_RATIO_MAX * explained,
        },
    ];
    let mut holds = true;
    for figure in figures {
        holds &= figure.tell()?;
    }
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(asked: u64, answered: u64, told: Told) -> Call {
        let at = Duration::from_millis;
        Call { asked: at(asked), answered: at(answered), told, tries: 1, before: Vec::new() }
    }

    #[test]
    fn a_round_counts_when_the_winners_are_all_and_all_others_are_told_why() {
        let taken = || Told::No("SPOT_TAKEN".to_owned());
        let right = [call(0, 5, Told::Held), call(1, 6, taken())];
        let two_winners = [call(0, 5, Told::Held), call(1, 6, Told::Held)];
        let not_told = [call(0, 5, Told::Held), call(1, 6, Told::Wrong(Code::Internal))];
        let too_early = [call(0, 1, taken()), call(2, 5, Told::Held)];
        let mut crowds = Crowds::default();
        for (calls, right_rounds) in [(right, 1), (two_winners, 1), (not_told, 1), (too_early, 1)] {
            crowds.count(&calls, 1, "SPOT_TAKEN");
            assert_eq!(crowds.right_rounds, right_rounds);
        }
        assert_eq!(crowds.internal, 1);
        assert_eq!(crowds.losers.len(), 3);
    }
}
