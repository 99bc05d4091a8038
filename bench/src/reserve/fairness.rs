//! Fairness in a burst over two replicas: who is served when, and whether losers get what they are told instead.
//!
//! The order of arrival at a replica is the order in which calls are sent to it over one connection. The order of
//! service is that of the commits, and within a commit that of its facts; what was written by one statement bears one
//! time of creation.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::hold_spot_request::Choice;
use parkmesh_platform::fault::find_detail;
use sqlx::{PgConnection, Row};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tonic::Status;
use uuid::Uuid;

use super::house::{self, House};
use super::town::{Size, Town};
use crate::Failure;
use crate::lab::stats;
use crate::proof::Figure;

const REPLICAS: usize = 2;
/// Places of the pool that a burst is after.
const PLACES: u32 = 300;
const CORRELATION_MIN: f64 = 0.99;
const BOOKABLE_MIN: f64 = 0.95;
/// Hours of the day of the bench at which each kind of burst takes place, apart from each other's.
const HOURS_APART: u64 = 1_000;

/// Options of the proof.
#[derive(Debug, Clone, Args)]
pub struct Fairness {
    /// Bursts of each kind.
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// Drivers at each replica.
    #[arg(long, default_value_t = 500)]
    drivers: usize,
    /// Test this `parkmesh` instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What all bursts together have shown.
#[derive(Debug, Default)]
struct Shown {
    calls: u64,
    overtaken: u64,
    correlations: Vec<f64>,
    alternatives: u64,
    booked: u64,
    unexpected: BTreeMap<String, u64>,
}

/// Runs the bursts; prints and writes the figures.
pub fn prove(options: &Fairness) -> Result<bool, Failure> {
    let mut house = House::prepare(&house::binary(options.binary.as_deref())?, "fairness")?;
    for _replica in 0..REPLICAS {
        house.start(&[])?;
    }
    // One thread sends in the order in which it is told to; several do not, beyond a few hundred calls.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shown = runtime.block_on(bursts(&house, options))?;
    house.end()?;
    if !shown.unexpected.is_empty() {
        println!("told beside what was expected: {:?}", shown.unexpected);
    }
    let lowest = shown.correlations.iter().copied().fold(f64::INFINITY, f64::min);
    let middle = stats::median(shown.correlations.clone()).unwrap_or(f64::NAN);
    println!(
        "{} calls in {} bursts; rank correlation: lowest {lowest:.4}, median {middle:.4}; {} alternatives asked for",
        shown.calls,
        shown.correlations.len(),
        shown.alternatives
    );
    let bookable = shown.booked as f64 / (shown.alternatives as f64).max(1.0);
    let figures = [
        Figure {
            name: "fairness-overtaken",
            figure: shown.overtaken as f64,
            unit: "calls of bursts over two replicas that were overtaken by more than one commit group of their replica",
            yardstick: "the order in which calls were sent to the replica",
            ask: "= 0".to_owned(),
            holds: shown.overtaken == 0 && shown.unexpected.is_empty(),
        },
        Figure {
            name: "fairness-correlation",
            figure: lowest,
            unit: "rank correlation of the order of sending and of being served at a replica, the lowest of all bursts",
            yardstick: "the order in which calls were sent to the replica",
            ask: format!(">= {CORRELATION_MIN}"),
            holds: lowest >= CORRELATION_MIN,
        },
        Figure {
            name: "fairness-alternatives",
            figure: bookable,
            unit: "of the spots that losers of two replicas were told first, those that their next call held",
            yardstick: "none",
            ask: format!(">= {BOOKABLE_MIN}"),
            holds: bookable >= BOOKABLE_MIN,
        },
    ];
    let mut holds = true;
    for figure in figures {
        holds &= figure.tell()?;
    }
    Ok(holds)
}

impl Shown {
    /// Counts a burst. Returns how many were overtaken in it, and its lowest correlation.
    async fn count(
        &mut self,
        db: &mut PgConnection,
        answers: Vec<Answers>,
    ) -> Result<(u64, f64), Failure> {
        let (mut overtaken_here, mut lowest) = (0, f64::INFINITY);
        for of_replica in answers {
            let served = served(db, &of_replica, &mut self.unexpected).await?;
            self.calls += served.len() as u64;
            overtaken_here += overtaken(&served);
            let correlation = correlation(&served);
            if correlation.is_some_and(|correlation| correlation < CORRELATION_MIN) {
                println!("  served out of order: {}", runs(&served));
            }
            lowest = correlation.map_or(lowest, |correlation| lowest.min(correlation));
            self.correlations.extend(correlation);
        }
        self.overtaken += overtaken_here;
        Ok((overtaken_here, lowest))
    }
}

async fn bursts(house: &House, options: &Fairness) -> Result<Shown, Failure> {
    let drivers = options.drivers * REPLICAS;
    // As many spots as drivers, twice: losers find one each, and none is the last.
    let size = Size { lots: 1, spots_each: drivers as u32 * 2, pool_spots: PLACES };
    let town = Town::make(house, size, drivers).await?;
    let mut db = house.database().await?;
    let mut shown = Shown::default();
    // Tokens are checked once, spots read once: that is not what a burst is about.
    let warm = |driver| town.spot(driver, HOURS_APART * 3);
    in_order(&town, options.drivers, warm).await?;
    for round in 0..options.rounds {
        let own = |driver| town.spot(driver, round);
        let last = |_driver| town.pool(HOURS_APART + round);
        let begin = Instant::now();
        let answers = in_order(&town, options.drivers, own).await?;
        let (spread, (overtaken, lowest)) = (begin.elapsed(), shown.count(&mut db, answers).await?);
        println!(
            "round {round}: a spot each {spread:.0?}, overtaken {overtaken}, correlation {lowest:.4}"
        );
        let begin = Instant::now();
        let answers = in_order(&town, options.drivers, last).await?;
        let (pool, (overtaken, lowest)) = (begin.elapsed(), shown.count(&mut db, answers).await?);
        let begin = Instant::now();
        at_one_spot(&town, drivers, round, &mut shown).await?;
        println!(
            "  last places {pool:.0?}, overtaken {overtaken}, correlation {lowest:.4}; one spot {:.0?}",
            begin.elapsed()
        );
    }
    Ok(shown)
}

type Answers = Vec<Result<proto::Booking, Status>>;

/// All drivers at once, each replica's one after the other over one connection. The answers of each replica, in the
/// order of sending.
async fn in_order(
    town: &Arc<Town>,
    drivers: usize,
    wish: impl Fn(usize) -> proto::HoldSpotRequest,
) -> Result<Vec<Answers>, Failure> {
    let start = Arc::new(Barrier::new(REPLICAS));
    let mut running = JoinSet::new();
    for replica in 0..REPLICAS {
        let numbers = (0..drivers).map(|number| number * REPLICAS + replica);
        let wishes: Vec<_> = numbers.map(|driver| (driver, wish(driver))).collect();
        let (town, start) = (Arc::clone(town), Arc::clone(&start));
        running.spawn(async move {
            let line = town.line(replica);
            start.wait().await;
            // A task each: of many futures in one task tokio puts off those beyond the 128th, and takes up the last
            // of them first.
            let mut calls = JoinSet::new();
            for (place, (driver, wish)) in wishes.into_iter().enumerate() {
                let (mut line, request) = (line.clone(), town.request(driver, wish));
                calls.spawn(async move { (place, line.hold_spot(request).await) });
            }
            let mut answers = BTreeMap::new();
            while let Some(done) = calls.join_next().await {
                let (place, answer) = done?;
                let booking = answer.map(|held| held.into_inner().booking.unwrap_or_default());
                answers.insert(place, booking);
            }
            Ok::<_, Failure>((replica, answers.into_values().collect::<Answers>()))
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(of_replica) = running.join_next().await {
        let (replica, of_replica) = of_replica??;
        answers.insert(replica, of_replica);
    }
    Ok(answers.into_values().collect())
}

/// When each call was served, in the order of sending: the moment of its group, and its place there. None for who was
/// told that nothing is left.
async fn served(
    db: &mut PgConnection,
    answers: &Answers,
    unexpected: &mut BTreeMap<String, u64>,
) -> Result<Vec<Option<(i64, i64)>>, Failure> {
    let ids = answers.iter().flatten().map(|held| held.booking_id.parse::<Uuid>());
    let rows = sqlx::query(
        "SELECT booking.booking_id, (extract(epoch FROM booking.create_time) * 1000000)::bigint, outbox.seq
         FROM booking JOIN outbox ON outbox.aggregate_id = booking.booking_id AND outbox.version = 1
         WHERE booking.booking_id = ANY ($1)",
    )
    .bind(ids.collect::<Result<Vec<_>, _>>()?)
    .fetch_all(db)
    .await?;
    let mut times = HashMap::new();
    for row in rows {
        times.insert(row.try_get::<Uuid, _>(0)?.to_string(), (row.try_get(1)?, row.try_get(2)?));
    }
    let mut served = Vec::with_capacity(answers.len());
    for answer in answers {
        match answer {
            Ok(held) => served.push(times.get(&held.booking_id).copied()),
            Err(status) => {
                let reason = parkmesh_platform::fault::reason_of(status);
                if reason.as_deref() != Some("SOLD_OUT") {
                    *unexpected.entry(format!("{:?} {reason:?}", status.code())).or_default() += 1;
                }
                served.push(None);
            }
        }
    }
    Ok(served)
}

/// Calls that were overtaken by more than one group: somebody sent later was served two groups before, or, where the
/// call was refused, several groups took somebody who was sent later.
fn overtaken(served: &[Option<(i64, i64)>]) -> u64 {
    let (mut later, mut count) = (BTreeSet::new(), 0);
    for group in ranks(served).into_iter().rev() {
        count += u64::from(match group {
            Some(group) => later.first().is_some_and(|first| first + 1 < group),
            None => later.len() > 1,
        });
        later.extend(group);
    }
    count
}

/// Which group served how many in a row, in the order of sending; 0 stands for the refused.
fn runs(served: &[Option<(i64, i64)>]) -> String {
    let ranks = ranks(served);
    let run = |run: &[Option<usize>]| {
        let group = run.first().copied().flatten().map_or(0, |group| group + 1);
        format!("{group}x{} ", run.len())
    };
    ranks.chunk_by(|one, next| one == next).map(run).collect()
}

/// The group that served each call, counted from 0 in the order of their commits.
fn ranks(served: &[Option<(i64, i64)>]) -> Vec<Option<usize>> {
    let groups: BTreeSet<i64> = served.iter().flatten().map(|(group, _)| *group).collect();
    let rank: HashMap<i64, usize> = groups.into_iter().zip(0..).collect();
    served.iter().map(|call| call.and_then(|(group, _)| rank.get(&group).copied())).collect()
}

/// Spearman's, of those that were served. None of fewer than three.
fn correlation(served: &[Option<(i64, i64)>]) -> Option<f64> {
    let times: Vec<(i64, i64)> = served.iter().flatten().copied().collect();
    let mut sorted = times.clone();
    sorted.sort_unstable();
    let rank: HashMap<(i64, i64), usize> = sorted.into_iter().zip(0..).collect();
    let apart = times.iter().enumerate().map(|(sent, time)| {
        let apart = sent as f64 - rank.get(time).copied().unwrap_or_default() as f64;
        apart * apart
    });
    let count = times.len() as f64;
    (times.len() > 2).then(|| 1.0 - 6.0 * apart.sum::<f64>() / (count * (count * count - 1.0)))
}

/// Everybody wants one spot. Whoever is refused asks at once for what they were told first.
async fn at_one_spot(
    town: &Arc<Town>,
    drivers: usize,
    round: u64,
    shown: &mut Shown,
) -> Result<(), Failure> {
    let start = Arc::new(Barrier::new(drivers));
    let mut running = JoinSet::new();
    for driver in 0..drivers {
        let (town, start) = (Arc::clone(town), Arc::clone(&start));
        running.spawn(async move {
            let wish = town.spot(round as usize, HOURS_APART * 2 + round);
            let mut line = town.line(driver % REPLICAS);
            start.wait().await;
            let Err(refused) = line.hold_spot(town.request(driver, wish.clone())).await else {
                return None;
            };
            let told: Option<proto::Alternatives> = find_detail(&refused);
            let Some(first) = told.and_then(|told| told.alternatives.into_iter().next()) else {
                return Some(Err(refused));
            };
            let choice =
                proto::SpotChoice { spot_id: first.spot_id, spot_version: first.spot_version };
            let request_id = crate::lab::new_id().to_string();
            let next =
                proto::HoldSpotRequest { request_id, choice: Some(Choice::Spot(choice)), ..wish };
            Some(line.hold_spot(town.request(driver, next)).await.map(|_held| ()))
        });
    }
    while let Some(next) = running.join_next().await {
        let Some(next) = next? else { continue };
        shown.alternatives += 1;
        match next {
            Ok(()) => shown.booked += 1,
            Err(status) => {
                let reason = parkmesh_platform::fault::reason_of(&status).unwrap_or_default();
                // A spot that somebody else had is what is counted; all else should not be.
                if reason != "SPOT_TAKEN" {
                    *shown
                        .unexpected
                        .entry(format!("{:?} {reason}", status.code()))
                        .or_default() += 1;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(served: &[Option<i64>]) -> Vec<Option<(i64, i64)>> {
        served.iter().zip(0..).map(|(group, place)| group.map(|group| (group, place))).collect()
    }

    #[test]
    fn the_next_group_may_overtake_and_the_one_after_it_may_not() {
        assert_eq!(overtaken(&groups(&[Some(1), Some(1), Some(2)])), 0);
        assert_eq!(overtaken(&groups(&[Some(2), Some(1), Some(3)])), 0, "by one group");
        assert_eq!(overtaken(&groups(&[Some(3), Some(1), Some(2)])), 1, "by two groups");
        assert_eq!(
            overtaken(&groups(&[None, Some(1), Some(1)])),
            0,
            "refused, and one group behind"
        );
        assert_eq!(
            overtaken(&groups(&[None, Some(1), Some(2)])),
            1,
            "refused, and two groups behind"
        );
        assert_eq!(overtaken(&groups(&[Some(1), Some(2), None])), 0);
    }

    #[test]
    fn what_was_served_out_of_order_is_told_by_groups_in_a_row() {
        assert_eq!(runs(&groups(&[Some(7), Some(4), Some(4), None, Some(7)])), "2x1 1x2 0x1 2x1 ");
    }

    #[test]
    fn correlation_is_one_in_order_and_minus_one_in_reverse() {
        assert_eq!(correlation(&groups(&[Some(1), None, Some(2), Some(3)])), Some(1.0));
        assert_eq!(correlation(&groups(&[Some(3), Some(2), Some(1)])), Some(-1.0));
        assert_eq!(correlation(&groups(&[Some(1), None])), None);
    }
}
