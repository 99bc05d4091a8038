//! Reservations through gRPC, durable and with every layer on, beside the best ways of the lab, which write the
//! same rows directly into the same Postgres. Everything is measured in turn, a few times over, because a machine's
//! pace drifts within a run; what counts is the ratio of the medians.

pub mod crowd;
pub mod fairness;
pub mod growth;
mod house;
mod town;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;

use crate::lab::load::Load;
use crate::lab::report::number;
use crate::lab::{self, stats};
use crate::proof::Figure;
use crate::{Failure, cpu};
use house::House;
use town::{Size, Told, Town};

/// Drivers: each holds a few spots at most, as drivers do, and the service has seen each token before.
const DRIVERS: usize = 10_000;
/// How long the driver's calls go on before they are counted.
const WARM: Duration = Duration::from_secs(2);

const RESERVE_RATIO_MIN: f64 = 3.0;
const STATEMENT_RATIO_MIN: f64 = 1.5;
const POOL_RATIO_MIN: f64 = 4.0;
const CPU_RATIO_MAX: f64 = 0.6;
const LATENCY_RATIO_MAX: f64 = 1.5;

/// Options of the bench.
#[derive(Debug, Clone, Args)]
pub struct Reserve {
    /// How long each part is measured in a round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Times that everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Spots of the lot.
    #[arg(long, default_value_t = 500)]
    spots: u32,
    /// Calls in flight; each is measured.
    #[arg(long, num_args = 1.., default_values_t = [64, 256, 1_024])]
    in_flight: Vec<usize>,
    /// Settings of the service, such as PARKMESH_RESERVE_WRITERS=1.
    #[arg(long = "set", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Measure this `parkmesh` instead of building one: an older version, say.
    #[arg(long)]
    binary: Option<PathBuf>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A rate with what it costs.
#[derive(Debug, Clone, Copy)]
struct Measured {
    a_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
}

/// What one round has measured.
struct Round {
    version: Measured,
    statement: Measured,
    skip_locked: Measured,
    one_statement: Measured,
    /// Ours, by calls in flight.
    spot: Vec<Measured>,
    pool: Measured,
    alone: Measured,
}

/// The middle of each figure.
fn median(measured: impl Iterator<Item = Measured> + Clone) -> Measured {
    let middle = |of: fn(&Measured) -> f64| {
        stats::median(measured.clone().map(|one| of(&one)).collect()).unwrap_or(f64::NAN)
    };
    Measured {
        a_second: middle(|one| one.a_second),
        p50_ms: middle(|one| one.p50_ms),
        p99_ms: middle(|one| one.p99_ms),
        cpu_us: middle(|one| one.cpu_us),
    }
}

/// Measures the yardsticks and the service in turn; prints, and as a proof writes the figures.
pub fn run(options: &Reserve, proof: bool) -> Result<bool, Failure> {
    let binary = house::binary(options.binary.as_deref())?;
    let mut house = House::prepare(&binary, "reserve")?;
    house.start(&options.settings)?;
    let rounds = crate::runtime()?.block_on(rounds(&house, options))?;
    house.end()?;
    let of = |which: fn(&Round) -> Measured| median(rounds.iter().map(which));
    let (version, statement) = (of(|round| round.version), of(|round| round.statement));
    let (skip_locked, one_statement) =
        (of(|round| round.skip_locked), of(|round| round.one_statement));
    let (pool, alone) = (of(|round| round.pool), of(|round| round.alone));
    let by_flight = (0..options.in_flight.len())
        .map(|place| median(rounds.iter().filter_map(|round| round.spot.get(place).copied())));
    let best = by_flight.max_by(|a, b| a.a_second.total_cmp(&b.a_second));
    let best = best.ok_or("nothing was measured")?;
    let ratio = |what: f64, of: f64| what / of.max(1e-9);
    let figures = [
        figure(
            "reserve-version",
            "version-column",
            ratio(best.a_second, version.a_second),
            Ask::Min(RESERVE_RATIO_MIN),
        ),
        figure(
            "reserve-statement",
            "exclude-on-conflict",
            ratio(best.a_second, statement.a_second),
            Ask::Min(STATEMENT_RATIO_MIN),
        ),
        figure(
            "reserve-pool",
            "skip-locked",
            ratio(pool.a_second, skip_locked.a_second),
            Ask::Min(POOL_RATIO_MIN),
        ),
        figure(
            "reserve-cpu",
            "version-column",
            ratio(best.cpu_us, version.cpu_us),
            Ask::Max(CPU_RATIO_MAX),
        ),
        figure(
            "reserve-latency",
            "exclude-on-conflict, one client",
            ratio(alone.p50_ms, one_statement.p50_ms),
            Ask::Max(LATENCY_RATIO_MAX),
        ),
    ];
    let mut holds = true;
    for figure in figures {
        holds &= figure.holds;
        match proof {
            true => drop(figure.tell()?),
            false => println!("{}: {:.2} (asked: {})", figure.name, figure.figure, figure.ask),
        }
    }
    Ok(holds || !proof)
}

enum Ask {
    Min(f64),
    Max(f64),
}

fn figure(name: &'static str, yardstick: &'static str, figure: f64, ask: Ask) -> Figure {
    let (text, holds) = match ask {
        Ask::Min(min) => (format!(">= {min}"), figure >= min),
        Ask::Max(max) => (format!("<= {max}"), figure <= max),
    };
    Figure {
        name,
        figure,
        unit: "times the yardstick, same run, same rows",
        yardstick,
        ask: text,
        holds,
    }
}

async fn yardstick(
    house: &House,
    name: &'static str,
    clients: usize,
    time: Duration,
) -> Result<Measured, Failure> {
    let result =
        lab::under(&house.server, name, (Load::Spread, true), (Some(clients), time)).await?;
    let (p50_ms, p99_ms) = result.winners_ms.ok_or("the yardstick reserved nothing")?;
    let measured =
        Measured { a_second: result.reserved_a_second, p50_ms, p99_ms, cpu_us: result.cpu_us };
    tell(name, clients, measured);
    Ok(measured)
}

async fn rounds(house: &House, options: &Reserve) -> Result<Vec<Round>, Failure> {
    let size = Size::of(options.spots);
    let mut town = Town::make(house, size, DRIVERS).await?;
    let time = Duration::from_secs(options.seconds);
    let many = options.in_flight.iter().copied().max().unwrap_or(64);
    println!(
        "| what | in flight | reserved/s | p50 ms | p99 ms | CPU µs each |\n|---|--:|--:|--:|--:|--:|"
    );
    let mut rounds = Vec::new();
    for round in 0..options.rounds.max(1) {
        if round > 0 {
            // A driver has a few holds in a lot, in every round, and not more from round to round.
            town = town.anew(house, size).await?;
        }
        let version = yardstick(house, "version-column", 64, time).await?;
        let statement = yardstick(house, "exclude-on-conflict", 64, time).await?;
        load(house, &town, (64, WARM), false).await?;
        let mut spot = Vec::new();
        for &in_flight in &options.in_flight {
            let measured = load(house, &town, (in_flight, time), false).await?;
            tell("through gRPC, a given spot", in_flight, measured);
            spot.push(measured);
        }
        let skip_locked = yardstick(house, "skip-locked", 64, time).await?;
        let pool = load(house, &town, (many, time), true).await?;
        tell("through gRPC, any spot", many, pool);
        let one_statement = yardstick(house, "exclude-on-conflict", 1, time).await?;
        let alone = load(house, &town, (1, time), false).await?;
        tell("through gRPC, a given spot", 1, alone);
        rounds.push(Round { version, statement, skip_locked, one_statement, spot, pool, alone });
    }
    Ok(rounds)
}

fn tell(what: &str, in_flight: usize, measured: Measured) {
    let Measured { a_second, p50_ms, p99_ms, cpu_us } = measured;
    let rate = number(a_second);
    println!("| {what} | {in_flight} | {rate} | {p50_ms:.2} | {p99_ms:.2} | {cpu_us:.0} |");
}

/// So many calls in flight for so long. Every call asks for something that is free.
async fn load(
    house: &House,
    town: &Arc<Town>,
    (in_flight, time): (usize, Duration),
    pool: bool,
) -> Result<Measured, Failure> {
    let (ours, postgres) = (house.processes(), [house.server.postgres()?]);
    let used = || cpu::seconds_of(&ours, &postgres);
    let (cpu, begin) = (used()?, town.elapsed());
    let mut running = JoinSet::new();
    for _client in 0..in_flight {
        let town = Arc::clone(town);
        running.spawn(async move {
            let mut calls = Vec::new();
            while town.elapsed() < begin + time {
                let (driver, mut wish) = town.next_wish();
                if pool {
                    wish.choice = town.pool(0).choice;
                }
                calls.push(town.call(driver, wish).await);
            }
            calls
        });
    }
    let mut calls = Vec::new();
    while let Some(theirs) = running.join_next().await {
        calls.extend(theirs?);
    }
    let (cpu, seconds) = (used()? - cpu, (town.elapsed() - begin).as_secs_f64());
    let mut waits = Vec::with_capacity(calls.len());
    let mut refused = std::collections::BTreeMap::<String, usize>::new();
    for call in &calls {
        match &call.told {
            Told::Held => waits.push(call.answered - call.asked),
            told => *refused.entry(format!("{told:?}")).or_default() += 1,
        }
    }
    if !refused.is_empty() {
        eprintln!("  not held although free: {refused:?}");
    }
    waits.sort();
    let ms =
        |share| stats::percentile(&waits, share).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3);
    Ok(Measured {
        a_second: waits.len() as f64 / seconds,
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        cpu_us: cpu * 1e6 / waits.len().max(1) as f64,
    })
}
