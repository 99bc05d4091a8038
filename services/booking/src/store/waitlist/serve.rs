//! Whose turn it is. One writer at a time serves a line, whatever process it is in.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::WaitlistPassedReason;
use parkmesh_contracts::ids::{BookingId, SpotId, WaitlistEntryId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::freed::{Mark, columns};
use super::{of_row, select_entry};
use crate::domain::waitlist::{Entry, Line};
use crate::error::Error;
use crate::store::inventory::broken;
use crate::store::inventory::spot::type_number;

/// Waits until nobody else serves the line, and keeps others from it until the transaction ends.
///
/// # Errors
/// The store's.
pub async fn lock(connection: &mut PgConnection, line: Line) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("parkmesh.waitlist.{}.{}", line.lot_id, line.spot_type.as_str_name()))
        .execute(connection)
        .await?;
    Ok(())
}

/// The first in line that one of these spots fits, and that spot: on the floor liked best if there is one.
/// What is paused is passed over.
///
/// # Errors
/// The store's.
pub async fn first_that_fits(
    connection: &mut PgConnection,
    line: Line,
    marks: &[Mark],
) -> Result<Option<(Entry, SpotId)>, Error> {
    let (spots, starts, ends) = columns(marks);
    let row = sqlx::query(
        "SELECT entry.entry_id, fit.spot_id
         FROM waitlist_entry AS entry JOIN lot ON lot.lot_id = entry.lot_id
         CROSS JOIN LATERAL (SELECT tstzrange(lower(entry.during),
             upper(entry.during) + make_interval(secs => lot.turnaround_seconds), '[)') AS kept
         ) AS wish
         CROSS JOIN LATERAL (
             SELECT s.spot_id FROM (
                 SELECT spot.spot_id, spot.floor_id, spot.spot_number
                 FROM unnest($3::uuid[], $4::timestamptz[], $5::timestamptz[])
                      AS mark (spot_id, start_time, end_time)
                 CROSS JOIN LATERAL (
                     SELECT * FROM spot WHERE spot.spot_id = mark.spot_id OFFSET 0) AS spot
                 WHERE spot.lot_id = $1 AND spot.spot_type = $2 AND NOT spot.out_of_service
                   AND (mark.start_time IS NULL
                        OR tstzrange(mark.start_time, mark.end_time, '[)') && wish.kept)
                 ORDER BY (spot.floor_id = entry.preferred_floor_id) IS TRUE DESC, spot.spot_number
                 OFFSET 0) AS s
             WHERE NOT EXISTS (SELECT FROM closure
                 WHERE closure.lot_id = $1 AND coalesce(closure.floor_id, s.floor_id) = s.floor_id
                   AND tstzrange(closure.start_time, closure.end_time, '[)') && entry.during
                   AND coalesce(closure.spot_id, s.spot_id) = s.spot_id OFFSET 0)
               AND NOT EXISTS (SELECT FROM booking AS other
                 WHERE other.spot_id = s.spot_id AND other.span && span_of(lower(wish.kept), upper(wish.kept))
                   AND other.state IN (1, 2, 3)
                   AND (other.state <> 1 OR other.due_time > park_now()) OFFSET 0)
             LIMIT 1) AS fit
         WHERE entry.lot_id = $1 AND entry.spot_type = $2 AND entry.state = 1
           AND entry.wait_until > park_now()
           AND (entry.paused_lot_version = lot.version AND entry.paused_until > park_now())
               IS NOT TRUE
         ORDER BY entry.place LIMIT 1",
    )
    .bind(line.lot_id.as_uuid())
    .bind(type_number(line.spot_type)?)
    .bind(spots)
    .bind(starts)
    .bind(ends)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (entry_id, spot_id): (Uuid, Uuid) = (row.try_get(0)?, row.try_get(1)?);
    let entry = sqlx::query(select_entry!("WHERE e.entry_id = $1"))
        .bind(entry_id)
        .fetch_one(connection)
        .await?;
    Ok(Some((of_row(&entry)?, spot_id.into())))
}

/// How many offers an entry has had.
///
/// # Errors
/// The store's.
pub async fn offers(
    connection: &mut PgConnection,
    entry_id: WaitlistEntryId,
) -> Result<i32, Error> {
    let row = sqlx::query("SELECT offers FROM waitlist_entry WHERE entry_id = $1")
        .bind(entry_id.as_uuid())
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

/// Writes an offer down to an entry that waits and is locked.
///
/// # Errors
/// The store's.
pub async fn offered(
    connection: &mut PgConnection,
    entry_id: WaitlistEntryId,
    booking_id: BookingId,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE waitlist_entry SET state = 2, booking_id = $2, offers = offers + 1,
             paused_until = NULL, paused_lot_version = NULL
         WHERE entry_id = $1",
    )
    .bind(entry_id.as_uuid())
    .bind(booking_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets an entry claim nothing until then, or until the lot is another than this version of it.
///
/// # Errors
/// The store's.
pub async fn pause(
    connection: &mut PgConnection,
    entry_id: WaitlistEntryId,
    (until, lot_version): (Timestamp, i64),
    reason: WaitlistPassedReason,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE waitlist_entry SET paused_until = $2, paused_lot_version = $3,
             next_search_time = $2, passed_reason = $4, passed_time = $5
         WHERE entry_id = $1 AND state = 1",
    )
    .bind(entry_id.as_uuid())
    .bind(until.to_sqlx())
    .bind(lot_version)
    .bind(i16::try_from(i32::from(reason)).map_err(|error| broken("passed_reason", error))?)
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells those before an entry in the line who wait for the same time that its spot was not for them.
///
/// # Errors
/// The store's.
pub async fn pass_those_before(
    connection: &mut PgConnection,
    served: &Entry,
    spot_id: SpotId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE waitlist_entry AS entry
         SET passed_time = $3, passed_reason = CASE WHEN EXISTS (
                 SELECT FROM closure JOIN spot ON spot.spot_id = $2
                 WHERE closure.lot_id = entry.lot_id
                   AND tstzrange(closure.start_time, closure.end_time, '[)') && entry.during
                   AND coalesce(closure.floor_id, spot.floor_id) = spot.floor_id
                   AND coalesce(closure.spot_id, spot.spot_id) = spot.spot_id)
             THEN 2 ELSE 1 END
         FROM waitlist_entry AS served
         WHERE served.entry_id = $1 AND entry.lot_id = served.lot_id
           AND entry.spot_type = served.spot_type AND entry.state = 1
           AND entry.place < served.place AND entry.during && served.during
           AND (entry.paused_until > park_now()) IS NOT TRUE",
    )
    .bind(served.entry_id.as_uuid())
    .bind(spot_id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells all who wait for a time in which something became free that it did not fit them.
///
/// # Errors
/// The store's.
pub async fn pass_all(
    connection: &mut PgConnection,
    line: Line,
    marks: &[Mark],
    now: Timestamp,
) -> Result<(), Error> {
    let (spots, starts, ends) = columns(marks);
    sqlx::query(
        "UPDATE waitlist_entry AS entry
         SET passed_time = $6, passed_reason = CASE WHEN EXISTS (
                 SELECT FROM unnest($3::uuid[]) AS mark (spot_id)
                 JOIN spot ON spot.spot_id = mark.spot_id
                 JOIN closure ON closure.lot_id = spot.lot_id
                   AND tstzrange(closure.start_time, closure.end_time, '[)') && entry.during
                   AND coalesce(closure.floor_id, spot.floor_id) = spot.floor_id
                   AND coalesce(closure.spot_id, spot.spot_id) = spot.spot_id)
             THEN 2 ELSE 1 END
         WHERE entry.lot_id = $1 AND entry.spot_type = $2 AND entry.state = 1
           AND (entry.paused_until > park_now()) IS NOT TRUE
           AND EXISTS (
             SELECT FROM unnest($4::timestamptz[], $5::timestamptz[]) AS mark (start_time, end_time)
             WHERE tstzrange(mark.start_time, mark.end_time, '[)') && entry.during)",
    )
    .bind(line.lot_id.as_uuid())
    .bind(type_number(line.spot_type)?)
    .bind(spots)
    .bind(starts)
    .bind(ends)
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}
