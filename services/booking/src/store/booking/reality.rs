//! What the sensors say of the spots, and which bookings it concerns.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, FactId, LotId, SpotId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::{Kept, of_row, select_booking, time};
use crate::domain::booking::Doubt;
use crate::domain::inventory::PolicyChoice;
use crate::error::Error;

/// What a sensor says of a spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reality {
    /// The spot.
    pub spot_id: SpotId,
    /// Its lot.
    pub lot_id: LotId,
    /// Whether a car stands there; None while the sensor is silent.
    pub occupied: Option<bool>,
    /// Counts up with every change of the spot's occupancy.
    pub version: i64,
    /// Since when.
    pub change_time: Timestamp,
    /// Why the sensor is not to be trusted, where it is not.
    pub doubt: Option<Doubt>,
}

/// Writes down what a sensor says of a spot, unless something as new or newer is known.
macro_rules! keep {
    ($rows:literal) => {
        concat!(
            "INSERT INTO spot_reality AS known (spot_id, lot_id, occupied, version, change_time) ",
            $rows,
            " ON CONFLICT (spot_id) DO UPDATE
              SET lot_id = excluded.lot_id, occupied = excluded.occupied,
                  version = excluded.version, change_time = excluded.change_time
              WHERE known.version < excluded.version"
        )
    };
}

/// Bookings whose car stands on this spot, as the books say.
macro_rules! active {
    ($spot:literal) => {
        concat!("b.spot_id = ", $spot, " AND b.state = 3")
    };
}

/// Reserved bookings of this spot whose window is open or to come. A car says nothing about a booking whose spot is
/// not given: its driver was not sent here.
macro_rules! awaited {
    ($spot:literal) => {
        concat!(
            "b.spot_id = ",
            $spot,
            " AND b.state = 2 AND NOT b.spot_pending
              AND upper(b.during) - make_interval(secs => b.turnaround_seconds) > (SELECT park_now())"
        )
    };
}

/// Bookings of this lot that are due, whose own spot is another one than this and empty as far as is known, and whose
/// car may be the one that came here then; how early it may have come where the lot does not say. An accessible spot
/// is for those that booked one. What is known of the spots of `but` may be old, so they may be empty.
macro_rules! due_elsewhere {
    ($spot:literal, $lot:literal, $change_time:literal, $early:literal, but $but:literal) => {
        concat!(
            "b.lot_id = ",
            $lot,
            " AND b.state = 2 AND b.spot_id <> ",
            $spot,
            " AND b.due_time > park_now()
              AND b.start_time - make_interval(
                  secs => coalesce(nullif(lot.early_arrival_seconds, 0), ",
            $early,
            "))
                  <= least((SELECT park_now()), ",
            $change_time,
            ")
              AND ((SELECT here.spot_type FROM spot AS here WHERE here.spot_id = ",
            $spot,
            ") <> 2
                  OR coalesce(b.spot_type, spot.spot_type) = 2)
              AND NOT EXISTS (SELECT FROM spot_reality AS ground
                  WHERE ground.spot_id = b.spot_id AND ground.occupied IS DISTINCT FROM false
                    AND ground.spot_id <> ALL (",
            $but,
            "))"
        )
    };
}

/// Writes down the first of these that concern no booking, and that this consumer has acted on their facts: most of what
/// sensors say, by the hundred for the price of one statement. Says how many those are; nothing is written of those
/// behind them.
///
/// # Errors
/// The store's.
pub async fn keep_quiet(
    executor: impl PgExecutor<'_>,
    consumer: &str,
    told: &[(FactId, Reality)],
    heard: Timestamp,
) -> Result<usize, sqlx::Error> {
    let loud: Option<i64> = sqlx::query_scalar(concat!(
        "WITH told AS MATERIALIZED (
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[], $5::timestamptz[], $6::uuid[])
                 WITH ORDINALITY AS told (spot_id, lot_id, occupied, version, change_time, fact_id, place)),
         loud AS MATERIALIZED (
             SELECT min(place) AS place FROM told
             WHERE (SELECT true FROM overstay WHERE overstay.spot_id = told.spot_id LIMIT 1)
                OR (SELECT true FROM booking AS b WHERE ",
        active!("told.spot_id"),
        " LIMIT 1)
                OR told.occupied AND (
                   (SELECT true FROM booking AS b WHERE ",
        awaited!("told.spot_id"),
        " LIMIT 1)
                   OR (SELECT true FROM booking AS b JOIN lot ON lot.lot_id = b.lot_id
                       LEFT JOIN spot ON spot.spot_id = b.spot_id WHERE ",
        due_elsewhere!("told.spot_id", "told.lot_id", "told.change_time", "$9", but "$1"),
        " LIMIT 1))),
         heard AS (
             INSERT INTO inbox (consumer, fact_id, create_time)
             SELECT $7, fact_id, $8 FROM told, loud WHERE (told.place < loud.place) IS NOT FALSE
             ON CONFLICT DO NOTHING RETURNING fact_id),
         kept AS (",
        keep!(
            "SELECT DISTINCT ON (spot_id) spot_id, lot_id, occupied, version, change_time
             FROM told JOIN heard USING (fact_id) ORDER BY spot_id, version DESC"
        ),
        ")
         SELECT place FROM loud",
    ))
    .bind(column(told, |reality| reality.spot_id.as_uuid()))
    .bind(column(told, |reality| reality.lot_id.as_uuid()))
    .bind(column(told, |reality| reality.occupied))
    .bind(column(told, |reality| reality.version))
    .bind(column(told, |reality| reality.change_time.to_sqlx()))
    .bind(told.iter().map(|(fact_id, _)| fact_id.as_uuid()).collect::<Vec<_>>())
    .bind(consumer)
    .bind(heard.to_sqlx())
    .bind(f64::from(PolicyChoice::DEFAULT.early_arrival_seconds))
    .fetch_one(executor)
    .await?;
    Ok(loud.and_then(|place| usize::try_from(place - 1).ok()).unwrap_or(told.len()))
}

fn column<T>(told: &[(FactId, Reality)], of: impl Fn(&Reality) -> T) -> Vec<T> {
    told.iter().map(|(_, reality)| of(reality)).collect()
}

/// Writes it down. False when something as new or newer is known: then nothing is to be done.
///
/// # Errors
/// The store's.
pub async fn apply(connection: &mut PgConnection, reality: &Reality) -> Result<bool, Error> {
    let done = sqlx::query(keep!("VALUES ($1, $2, $3, $4, $5)"))
        .bind(reality.spot_id.as_uuid())
        .bind(reality.lot_id.as_uuid())
        .bind(reality.occupied)
        .bind(reality.version)
        .bind(reality.change_time.to_sqlx())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The booking whose car stands on the spot, as the books say.
///
/// # Errors
/// The store's.
pub async fn active_on(
    executor: impl PgExecutor<'_>,
    spot_id: SpotId,
) -> Result<Option<Kept>, Error> {
    let row =
        sqlx::query(select_booking!("WHERE ", active!("$1"), " ORDER BY b.arrive_time LIMIT 1"))
            .bind(spot_id.as_uuid())
            .fetch_optional(executor)
            .await?;
    row.as_ref().map(of_row).transpose()
}

/// The reserved booking of the spot that is next, or whose window is open.
///
/// # Errors
/// The store's.
pub async fn awaited_on(
    executor: impl PgExecutor<'_>,
    spot_id: SpotId,
) -> Result<Option<Kept>, Error> {
    let row =
        sqlx::query(select_booking!("WHERE ", awaited!("$1"), " ORDER BY b.start_time LIMIT 1"))
            .bind(spot_id.as_uuid())
            .fetch_optional(executor)
            .await?;
    row.as_ref().map(of_row).transpose()
}

/// The bookings that are due elsewhere in the lot, and whose car may be the one that came here; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn due_elsewhere(
    executor: impl PgExecutor<'_>,
    seen: &Reality,
    limit: i64,
) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query(select_booking!(
        "WHERE ",
        due_elsewhere!("$1", "$2", "$3", "$4", but "'{}'::uuid[]"),
        " ORDER BY b.start_time LIMIT $5"
    ))
    .bind(seen.spot_id.as_uuid())
    .bind(seen.lot_id.as_uuid())
    .bind(seen.change_time.to_sqlx())
    .bind(f64::from(PolicyChoice::DEFAULT.early_arrival_seconds))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// Reserved bookings whose window is open and whose spot is occupied since a time that makes it
/// their car, with that time; at most `limit`. A car that came before the early-arrival time is
/// somebody else's.
///
/// # Errors
/// The store's.
pub async fn arrived(
    executor: impl PgExecutor<'_>,
    limit: i64,
) -> Result<Vec<(BookingId, Timestamp)>, Error> {
    let rows = sqlx::query(
        "SELECT b.booking_id, r.change_time
         FROM booking AS b
         JOIN spot_reality AS r ON r.spot_id = b.spot_id
         JOIN lot ON lot.lot_id = b.lot_id
         WHERE b.state = 2 AND NOT b.spot_pending AND b.start_time <= (SELECT park_now()) AND b.due_time > park_now()
           AND r.occupied
           AND r.change_time >= b.start_time
               - make_interval(secs => coalesce(nullif(lot.early_arrival_seconds, 0), $1))
           AND NOT EXISTS (SELECT FROM booking AS other
               WHERE other.spot_id = b.spot_id AND other.state = 3)
         ORDER BY b.start_time LIMIT $2",
    )
    .bind(f64::from(PolicyChoice::DEFAULT.early_arrival_seconds))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get::<Uuid, _>(0)?.into(), time(row, "change_time")?)))
        .collect()
}
