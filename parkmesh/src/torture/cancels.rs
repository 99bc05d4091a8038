//! Callers that give up at random instants. However they do, no connection of booking may be left inside a transaction, no
//! statement may meet one that another left behind, and the pool keeps its size.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parkmesh_history::{Call, Outcome, Reason};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};

use super::Run;
use super::asking::ask;
use super::chance::{Dice, Zipf};
use super::wish::{Mine, Taste};
use crate::Failure;
use crate::cli::Torture;

/// Connections that a pool of booking may have.
const POOL_MAX: u32 = 16;
/// Connections of a replica besides: the relay's own, and the one that has the turn at what sensors say, or waits for it.
const BESIDE_THE_POOL: u32 = 2;
/// Longest time after which a caller gives up, in microseconds; half of them do much sooner.
const PATIENCE_US: usize = 120_000;
/// Of so many calls one is waited for, so that there are bookings to speak of.
const WAITED_FOR_PERCENT: usize = 5;
/// Between two looks at the database.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// Between two looks while all statements are kept waiting, and how many such looks there are at most.
const FILL_PERIOD: Duration = Duration::from_millis(50);
const FILL_LOOKS: u32 = 10;
/// A transaction that is without a statement for so long was left behind, in seconds.
const LEFT_BEHIND_SECONDS: f64 = 2.0;
/// How long after the last call work that must not be cut short may go on.
const SETTLE: Duration = Duration::from_secs(10);

/// What became of the calls.
#[derive(Debug, Default)]
struct Tally {
    given_up: AtomicU64,
    /// Calls that were not given up and whose connection was lost all the same: others' giving up has harmed them.
    harmed: AtomicU64,
}

/// What was seen in the database.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    looks: u32,
    connections_max: i64,
    connections_end: i64,
    left_behind: i64,
}

/// Runs the calls and tells.
pub async fn run(options: &Torture, home: &Path) -> Result<(), Failure> {
    let tasks = Tasks::new(&Clock::system());
    let run = Run::open(options, home, &super::kept::record(home), &tasks).await?;
    let run = Arc::new(run);
    let own =
        run.world.own.as_ref().ok_or("cancelled calls are only tried in a world of our own")?;
    let mut database = PgConnection::connect(&own.postgres_url()?).await?;
    println!("· {} calls that are given up at random instants", options.attempts);
    let tally = Arc::new(Tally::default());
    let workers: Vec<_> = (0..options.clients)
        .map(|client| {
            let (run, tally) = (Arc::clone(&run), Arc::clone(&tally));
            tasks.detached(async move { work(&run, client, &tally).await })
        })
        .collect();
    let mut seen = Seen::default();
    while !run.is_over() {
        tasks.sleep(LOOK_PERIOD).await;
        look(&mut database, &mut seen).await?;
        if seen.looks % 20 == 0 {
            let made = run.made.load(Ordering::Relaxed);
            println!("  {:>6.0} s  {made} calls", run.recorder.elapsed().as_secs_f64());
        }
    }
    for worker in workers {
        worker.await??;
    }
    tasks.sleep(SETTLE).await;
    let answers = fill(&run, &mut database, &mut seen, &tasks).await?;
    let broken = own.complaints("25P02");
    run.world.close(&tasks).await;
    tasks.stop().await;
    tell(options, &tally, seen, broken, answers)
}

fn tell(
    options: &Torture,
    tally: &Tally,
    seen: Seen,
    broken: usize,
    answers: bool,
) -> Result<(), Failure> {
    let given_up = tally.given_up.load(Ordering::Relaxed);
    let harmed = tally.harmed.load(Ordering::Relaxed);
    let limit = limit(options);
    println!(
        "{given_up} calls were given up; {} looks at the database: at most {} connections of {limit}, {} at the end; \
         {} transactions left behind; {broken} statements met a broken transaction (25P02)",
        seen.looks, seen.connections_max, seen.connections_end, seen.left_behind
    );
    // What was given up must not have cost connections: all are there when all are wanted, and no more than that.
    let constant = seen.connections_max <= limit && seen.connections_end == limit;
    println!(
        "the pools kept their size: {constant}; all replicas answer a crowd afterwards: {answers}"
    );
    println!("calls that nobody gave up and that yet lost their connection: {harmed}");
    let holds = seen.left_behind == 0 && broken == 0 && constant && answers && harmed == 0;
    if let Some(path) = &options.json {
        let report = json!({
            "given_up": given_up,
            "harmed": harmed,
            "left_behind": seen.left_behind,
            "broken_transactions": broken,
            "connections_max": seen.connections_max,
            "connections_end": seen.connections_end,
            "pool_constant": constant,
            "answers_afterwards": answers,
            "holds": holds,
        });
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    if holds { Ok(()) } else { Err("calls that were given up have left something behind".into()) }
}

async fn work(run: &Run, client: u32, tally: &Tally) -> Result<(), Failure> {
    let spots = run.world.places.len() / 2;
    let mut taste = Taste {
        dice: Dice::new(run.options.seed, client.into()),
        zipf: Zipf::new(spots, run.options.zipf),
        spots,
        client,
    };
    let ways = run.world.ways(client)?;
    let mut mine: Vec<Mine> = Vec::new();
    while !run.is_over() {
        let (request, mut call) = taste.next(run, &mine);
        let way = ways[taste.dice.below(ways.len())].clone();
        let waited_for = taste.dice.percent(WAITED_FOR_PERCENT);
        let asking = ask(run, way, request, &mut call);
        if waited_for {
            let booking = asking.await;
            if call.reason == Reason::ConnectionLost {
                tally.harmed.fetch_add(1, Ordering::Relaxed);
            }
            mine.retain(|one| super::asking::id(&one.booking_id) != call.booking);
            mine.extend(booking.filter(|_| call.done() && mine.len() < 12).map(|booking| Mine {
                booking_id: booking.booking_id.clone(),
                spot: call.got_spot,
                window: call.kept,
                state: booking.state(),
            }));
            continue;
        }
        run.made.fetch_add(1, Ordering::Relaxed);
        // Small numbers are as likely as large ones: most statements take a few milliseconds.
        let within = taste.dice.below(PATIENCE_US);
        let patience = taste.dice.below(within.max(1));
        let patience = Duration::from_micros(u64::try_from(patience).unwrap_or_default());
        match tokio::time::timeout(patience, asking).await {
            Err(_) => tally.given_up.fetch_add(1, Ordering::Relaxed),
            Ok(_) if call.reason == Reason::ConnectionLost => {
                tally.harmed.fetch_add(1, Ordering::Relaxed)
            }
            Ok(_) => continue,
        };
    }
    Ok(())
}

async fn look(database: &mut PgConnection, seen: &mut Seen) -> Result<(), Failure> {
    let row = sqlx::query(
        "SELECT count(*) AS connections,
             count(*) FILTER (WHERE state LIKE 'idle in transaction%'
                 AND state_change < clock_timestamp() - make_interval(secs => $1)) AS left_behind
         FROM pg_stat_activity WHERE usename = 'parkmesh_booking' AND application_name = 'parkmesh'",
    )
    .bind(LEFT_BEHIND_SECONDS)
    .fetch_one(database)
    .await?;
    seen.looks += 1;
    seen.connections_end = row.try_get("connections")?;
    seen.connections_max = seen.connections_max.max(seen.connections_end);
    seen.left_behind += row.try_get::<i64, _>("left_behind")?;
    Ok(())
}

/// Keeps every statement of booking waiting for a moment and asks as much as all pools can carry, twice over: each then
/// takes all the connections that it may have, unless it has lost a turn. Returns whether all were answered afterwards.
async fn fill(
    run: &Run,
    database: &mut PgConnection,
    seen: &mut Seen,
    tasks: &Tasks,
) -> Result<bool, Failure> {
    let mut standing = database.begin().await?;
    standing.execute("LOCK TABLE booking.booking IN ACCESS EXCLUSIVE MODE").await?;
    let ways = run.world.ways(0)?;
    let asks = (0..POOL_MAX * 2).flat_map(|_| ways.iter().cloned()).map(|way| async move {
        let request = parkmesh_contracts::booking::v1::GetBookingRequest {
            booking_id: uuid::Uuid::nil().to_string(),
        };
        let mut call = Call::new(0, parkmesh_history::Op::Get, 0);
        ask(run, way, super::asking::Ask::Get(request), &mut call).await;
        call.outcome == Outcome::Refused
    });
    let limit = limit(&run.options);
    let release = async {
        for _ in 0..FILL_LOOKS {
            tasks.sleep(FILL_PERIOD).await;
            look(&mut standing, seen).await?;
            if seen.connections_end >= limit {
                break;
            }
        }
        standing.rollback().await?;
        Ok::<(), Failure>(())
    };
    let (answered, released) = tokio::join!(futures_util::future::join_all(asks), release);
    released?;
    Ok(answered.into_iter().all(|answered| answered))
}

/// Connections that all pools together may have.
fn limit(options: &Torture) -> i64 {
    i64::from((POOL_MAX + BESIDE_THE_POOL) * options.replicas)
}
