//! Does a reservation cost more when there are many? A city with millions of bookings beside an empty lot,
//! measured in turn, each with a Postgres and a service of its own on the same machine.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use super::house::{self, House};
use super::town::{Size, Town};
use super::{DRIVERS, Measured, WARM, load, median, tell};
use crate::Failure;
use crate::lab::ground;
use crate::proof::Figure;

/// Spots of a lot: a mall's.
const SPOTS_A_LOT: u32 = 500;
/// How much of the empty table's rate is asked of the full one.
const RATIO_MIN: f64 = 0.7;
/// Bookings that stand are beyond the hours that the bench asks for, one every two hours.
const FIRST_HOUR: u32 = 9_000;

/// Options of the proof.
#[derive(Debug, Clone, Args)]
pub struct Growth {
    /// Bookings that stand beforehand, all of them live.
    #[arg(long, default_value_t = 5_000_000)]
    bookings: u64,
    /// Spots, in lots of 500.
    #[arg(long, default_value_t = 100_000)]
    spots: u32,
    /// Calls in flight.
    #[arg(long, default_value_t = 1_024)]
    in_flight: usize,
    /// How long each is measured in a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Times that both are measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Measures both; prints and writes the figure.
pub fn prove(options: &Growth) -> Result<bool, Failure> {
    let binary = house::binary(None)?;
    let (mut small, mut large) =
        (House::prepare(&binary, "growth-small")?, House::prepare(&binary, "growth-large")?);
    small.start(&[])?;
    large.start(&[])?;
    let (empty, full) = crate::runtime()?.block_on(async {
        let mut lot = Town::make(&small, Size::of(SPOTS_A_LOT), DRIVERS).await?;
        let lots = options.spots.div_ceil(SPOTS_A_LOT);
        let city = Town::make(&large, Size { lots, ..Size::of(SPOTS_A_LOT) }, DRIVERS).await?;
        let mut database = large.database().await?;
        fill(&mut database, options.bookings, lots * SPOTS_A_LOT).await?;
        let time = Duration::from_secs(options.seconds);
        warm(&large, &city, options.in_flight).await?;
        println!(
            "| where | in flight | reserved/s | p50 ms | p99 ms | CPU µs each |\n|---|--:|--:|--:|--:|--:|"
        );
        let (mut empty, mut full): (Vec<Measured>, Vec<Measured>) = Default::default();
        for round in 0..options.rounds.max(1) {
            if round > 0 {
                // In the city a driver has a few holds in a lot. All in one lot they would have more in every round,
                // and each hold looks at those that its driver has.
                lot = lot.anew(&small, Size::of(SPOTS_A_LOT)).await?;
            }
            load(&small, &lot, (options.in_flight, WARM), false).await?;
            for (house, town, what, all) in [
                (&small, &lot, "an empty table, 500 spots", &mut empty),
                (&large, &city, "the full table", &mut full),
            ] {
                let measured = load(house, town, (options.in_flight, time), false).await?;
                tell(what, options.in_flight, measured);
                all.push(measured);
            }
        }
        Ok::<_, Failure>((median(empty.into_iter()), median(full.into_iter())))
    })?;
    small.end()?;
    large.end()?;
    let ratio = full.a_second / empty.a_second.max(1e-9);
    let figure = Figure {
        name: "growth",
        figure: ratio,
        unit: "times the rate of an empty table with 500 spots, with 5,000,000 live bookings on 100,000 spots; medians of one run",
        yardstick: "the same service on an empty table",
        ask: format!(">= {RATIO_MIN}"),
        holds: ratio >= RATIO_MIN && options.bookings >= 5_000_000 && options.spots >= 100_000,
    };
    figure.tell()
}

/// Asks for every spot once: a service that has run for a while knows its spots.
async fn warm(house: &House, town: &Arc<Town>, in_flight: usize) -> Result<(), Failure> {
    let before = town.wishes();
    while town.wishes() - before < town.spots.len() as u64 {
        load(house, town, (in_flight, WARM), false).await?;
    }
    Ok(())
}

/// Writes so many bookings, the same number of each spot. The indexes are made afterwards, from their own definitions:
/// row by row it would take hours.
async fn fill(db: &mut PgConnection, bookings: u64, spots: u32) -> Result<(), Failure> {
    let each = bookings.div_ceil(u64::from(spots).max(1));
    let begin = std::time::Instant::now();
    let settings =
        "SET maintenance_work_mem = '1GB'; SET synchronous_commit = off; SET statement_timeout = 0";
    ground::run(db, settings.to_owned()).await?;
    let guards = texts(
        db,
        "SELECT format('ALTER TABLE booking DROP CONSTRAINT %I', conname),
             format('ALTER TABLE booking ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE conrelid = 'booking'::regclass AND contype = 'x'",
    );
    let guards = guards.await?;
    let indexes = texts(
        db,
        "SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
         FROM pg_index WHERE indrelid = 'booking'::regclass AND NOT indisexclusion AND NOT indisprimary",
    );
    let indexes = indexes.await?;
    for (drop, _make) in guards.iter().chain(&indexes) {
        ground::run(db, drop.clone()).await?;
    }
    let insert = format!(
        "INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id, plate,
             during, start_time, state, tariff_version, hourly_rate_minor, amount_minor, currency_code,
             hold_expire_time, due_time, hold_slot, version, create_time)
         SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(ordinal * {each} + number), 12, '0'))::uuid, 'F' || number || '-' || right(spot.spot_id::text, 12), spot.lot_id,
             spot.floor_id, spot.spot_id, spot.spot_number, 'filler-' || (number * 37 + ordinal) % 1000000,
             'B-PM 2', tstzrange(start, start + interval '1 hour', '[)'), start, 2, 1, 0, 0, 'EUR', start,
             start + interval '30 minutes', 1, 2, now()
         FROM (SELECT spot.*, row_number() OVER () AS ordinal FROM spot
               ORDER BY spot_id LIMIT {spots}) AS spot
         CROSS JOIN generate_series(0, {each} - 1) AS number
         CROSS JOIN LATERAL (SELECT date_trunc('hour', now())
             + make_interval(hours => ({FIRST_HOUR} + 2 * number)::integer) AS start) AS at"
    );
    ground::run(db, insert).await?;
    println!("{bookings} bookings written after {:.0?}; now their indexes", begin.elapsed());
    for (_drop, make) in indexes.iter().chain(&guards) {
        ground::run(db, make.clone()).await?;
    }
    for last in ["VACUUM (ANALYZE) booking", "ANALYZE", "CHECKPOINT"] {
        ground::run(db, last.to_owned()).await?;
    }
    println!("all there after {:.0?}", begin.elapsed());
    Ok(())
}

/// Pairs of statements that the database itself has written.
async fn texts(db: &mut PgConnection, query: &str) -> Result<Vec<(String, String)>, Failure> {
    let rows = db.fetch_all(AssertSqlSafe(query.to_owned())).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
