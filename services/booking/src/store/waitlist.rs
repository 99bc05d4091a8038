//! The waitlist: who stands in which line.

pub mod freed;
pub mod serve;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::{WaitlistEndReason, WaitlistPassedReason, WaitlistState};
use parkmesh_contracts::ids::{FloorId, LotId, SpotId, UserId, WaitlistEntryId};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::booking::read::Shelf;
use super::inventory::broken;
use super::inventory::spot::{spot_type, type_number};
use crate::domain::waitlist::{Entry, Line, search_after, wait_until};
use crate::error::Error;

/// Columns of [`of_row`], of an entry `e` that `stands` as it does at this moment: an offer that has
/// lapsed and a window that has begun end an entry, whether the clockwork has been there or not.
macro_rules! select_entry {
    ($rest:literal) => {
        concat!(
            "SELECT e.entry_id, e.lot_id, e.spot_type, e.preferred_floor_id, e.user_id, e.plate,
                    e.disability_permit, lower(e.during) AS window_start,
                    upper(e.during) AS window_end, e.booking_id, e.passed_reason, e.passed_time,
                    e.join_time, stands.state, stands.end_reason,
                    offer.due_time AS offer_expire_time,
                    CASE WHEN stands.state = 1 THEN (
                        SELECT count(*) FROM waitlist_entry AS ahead
                        WHERE ahead.lot_id = e.lot_id AND ahead.spot_type = e.spot_type
                          AND ahead.state = 1 AND ahead.place <= e.place
                          AND ahead.wait_until > park_now()) ELSE 0 END AS place
             FROM waitlist_entry AS e
             LEFT JOIN booking AS offer ON offer.booking_id = e.booking_id AND e.state = 2
             CROSS JOIN LATERAL (
                 SELECT CASE WHEN e.state = 1 AND e.wait_until <= (SELECT park_now()) THEN 2
                             WHEN e.state = 2 AND offer.due_time <= (SELECT park_now()) THEN 1
                        END::smallint AS reason) AS over
             CROSS JOIN LATERAL (
                 SELECT (CASE WHEN over.reason IS NULL THEN e.state ELSE 4 END)::smallint AS state,
                        coalesce(over.reason, e.end_reason, 0::smallint) AS end_reason) AS stands ",
            $rest
        )
    };
}
use select_entry;

fn time(row: &PgRow, column: &str) -> Result<Option<Timestamp>, Error> {
    let time: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
    Ok(time.map(jiff_sqlx::Timestamp::to_jiff))
}

/// A row of the select above.
fn of_row(row: &PgRow) -> Result<Entry, Error> {
    let at = |column| time(row, column)?.ok_or_else(|| broken(column, "is null"));
    let passed: Option<i16> = row.try_get("passed_reason")?;
    let passed = passed
        .map(|number| {
            let reason = WaitlistPassedReason::try_from(i32::from(number));
            Ok::<_, Error>((reason.map_err(|e| broken("passed_reason", e))?, at("passed_time")?))
        })
        .transpose()?;
    Ok(Entry {
        entry_id: row.try_get::<Uuid, _>("entry_id")?.into(),
        line: Line {
            lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
            spot_type: spot_type(row.try_get("spot_type")?)?,
        },
        preferred: row.try_get::<Option<Uuid>, _>("preferred_floor_id")?.map(Into::into),
        user_id: UserId::try_from(row.try_get::<String, _>("user_id")?)
            .map_err(|error| broken("user_id", error))?,
        plate: row.try_get("plate")?,
        disability_permit: row.try_get("disability_permit")?,
        window: Window::try_new(at("window_start")?, at("window_end")?)
            .map_err(|error| broken("during", error))?,
        state: WaitlistState::try_from(i32::from(row.try_get::<i16, _>("state")?))
            .map_err(|error| broken("state", error))?,
        place: row.try_get("place")?,
        booking_id: row.try_get::<Option<Uuid>, _>("booking_id")?.map(Into::into),
        offer_expire_time: time(row, "offer_expire_time")?,
        end_reason: WaitlistEndReason::try_from(i32::from(row.try_get::<i16, _>("end_reason")?))
            .map_err(|error| broken("end_reason", error))?,
        passed,
        join_time: at("join_time")?,
    })
}

/// Keeps others from joining the lines of a lot, and its operator from changing it, until the transaction
/// ends.
///
/// # Errors
/// [`Error::LotNotFound`], or the store's.
pub async fn lock_lot(connection: &mut PgConnection, lot_id: LotId) -> Result<(), Error> {
    let row = sqlx::query("SELECT FROM lot WHERE lot_id = $1 FOR NO KEY UPDATE")
        .bind(lot_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    row.map(drop).ok_or(Error::LotNotFound)
}

/// How many stand in the line, and how many live entries the user has in the lot.
///
/// # Errors
/// The store's.
pub async fn counts(
    connection: &mut PgConnection,
    line: Line,
    user_id: &UserId,
) -> Result<(i64, i64), Error> {
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE e.spot_type = $2 AND e.state = 1),
                count(*) FILTER (WHERE e.user_id = $3)
         FROM waitlist_entry AS e LEFT JOIN booking AS offer ON offer.booking_id = e.booking_id
         WHERE e.lot_id = $1 AND e.state IN (1, 2)
           AND CASE e.state WHEN 1 THEN e.wait_until > park_now()
                            ELSE (offer.due_time > park_now()) IS NOT FALSE END",
    )
    .bind(line.lot_id.as_uuid())
    .bind(type_number(line.spot_type)?)
    .bind(user_id.as_str())
    .fetch_one(connection)
    .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Puts a new entry at the end of its line, in a lot that [`lock_lot`] has locked, and lets every hold in
/// the lot know from now on that somebody waits.
///
/// # Errors
/// The store's.
pub async fn insert(connection: &mut PgConnection, entry: &Entry) -> Result<(), Error> {
    sqlx::query(
        "WITH told AS (UPDATE lot SET has_waiting = true WHERE lot_id = $2 AND NOT has_waiting)
         INSERT INTO waitlist_entry (entry_id, lot_id, spot_type, preferred_floor_id, user_id,
             plate, disability_permit, during, wait_until, state, next_search_time, join_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, tstzrange($8, $9, '[)'), $10, 1, $11, $11)",
    )
    .bind(entry.entry_id.as_uuid())
    .bind(entry.line.lot_id.as_uuid())
    .bind(type_number(entry.line.spot_type)?)
    .bind(entry.preferred.map(FloorId::as_uuid))
    .bind(entry.user_id.as_str())
    .bind(&entry.plate)
    .bind(entry.disability_permit)
    .bind(entry.window.start().to_sqlx())
    .bind(entry.window.end().to_sqlx())
    .bind(wait_until(&entry.window).to_sqlx())
    .bind(entry.join_time.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

/// Finds an entry of this user.
///
/// # Errors
/// The store's.
pub async fn find_own(
    executor: impl PgExecutor<'_>,
    entry_id: WaitlistEntryId,
    user_id: &UserId,
) -> Result<Option<Entry>, Error> {
    let row = sqlx::query(select_entry!("WHERE e.entry_id = $1 AND e.user_id = $2"))
        .bind(entry_id.as_uuid())
        .bind(user_id.as_str())
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(of_row).transpose()
}

/// Entries, newest first, before the entry `before`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    shelf: &Shelf,
    state: Option<WaitlistState>,
    before: Option<WaitlistEntryId>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let (query, user_id, lot_id) = match shelf {
        Shelf::Own(user_id, lot_id) => {
            let own = sqlx::query(select_entry!(
                "WHERE e.user_id = $1 AND ($2::uuid IS NULL OR e.lot_id = $2)
                   AND ($3::smallint IS NULL OR stands.state = $3)
                   AND ($4::uuid IS NULL OR e.entry_id < $4)
                 ORDER BY e.entry_id DESC LIMIT $5"
            ));
            (own, Some(user_id.as_str()), *lot_id)
        }
        Shelf::Lot(lot_id) => {
            let of_lot = sqlx::query(select_entry!(
                "WHERE ($1::text IS NULL OR e.user_id = $1) AND e.lot_id = $2
                   AND ($3::smallint IS NULL OR stands.state = $3)
                   AND ($4::uuid IS NULL OR e.entry_id < $4)
                 ORDER BY e.entry_id DESC LIMIT $5"
            ));
            (of_lot, None, Some(*lot_id))
        }
    };
    let rows = query
        .bind(user_id)
        .bind(lot_id.map(LotId::as_uuid))
        .bind(state.map(state_number).transpose()?)
        .bind(before.map(WaitlistEntryId::as_uuid))
        .bind(limit)
        .fetch_all(executor)
        .await?;
    rows.iter().map(of_row).collect()
}

fn state_number(state: WaitlistState) -> Result<i16, Error> {
    i16::try_from(i32::from(state)).map_err(|error| broken("state", error))
}

/// Keeps others from changing an entry until the transaction ends. False when there is none that waits.
///
/// # Errors
/// The store's.
pub async fn lock_waiting(
    connection: &mut PgConnection,
    entry_id: WaitlistEntryId,
) -> Result<bool, Error> {
    let row = sqlx::query(
        "SELECT FROM waitlist_entry WHERE entry_id = $1 AND state = 1 FOR NO KEY UPDATE",
    )
    .bind(entry_id.as_uuid())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Takes an entry that waits and is locked out of its line, because its driver leaves.
///
/// # Errors
/// The store's.
pub async fn leave(connection: &mut PgConnection, entry_id: WaitlistEntryId) -> Result<(), Error> {
    sqlx::query("UPDATE waitlist_entry SET state = 5, end_reason = 3 WHERE entry_id = $1")
        .bind(entry_id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Which of these spots the line has a claim on for all that somebody else would keep.
///
/// # Errors
/// The store's.
pub async fn awaited(
    executor: impl PgExecutor<'_>,
    spots: &[SpotId],
    kept: &Window,
) -> Result<Vec<bool>, Error> {
    let spots: Vec<Uuid> = spots.iter().copied().map(SpotId::as_uuid).collect();
    let rows = sqlx::query(
        "SELECT spot_awaited(spot_id, tstzrange($2, $3, '[)'))
         FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (spot_id, place) ORDER BY place",
    )
    .bind(spots)
    .bind(kept.start().to_sqlx())
    .bind(kept.end().to_sqlx())
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Ends entries whose window has begun; at most `limit`. Returns how many.
///
/// # Errors
/// The store's.
pub async fn end_begun(executor: impl PgExecutor<'_>, limit: i64) -> Result<u64, Error> {
    let done = sqlx::query(
        "UPDATE waitlist_entry SET state = 4, end_reason = 2 WHERE entry_id IN (
             SELECT entry_id FROM waitlist_entry WHERE state = 1 AND wait_until <= (SELECT park_now())
             ORDER BY wait_until LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)",
    )
    .bind(limit)
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

/// Lots that say that somebody waits, and where nobody does any more; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn deserted(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<LotId>, Error> {
    let rows = sqlx::query(
        "SELECT lot_id FROM lot WHERE has_waiting AND NOT EXISTS (
             SELECT FROM waitlist_entry AS e WHERE e.lot_id = lot.lot_id AND e.state IN (1, 2))
         LIMIT $1",
    )
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}

/// Says of a lot that [`lock_lot`] has locked that nobody waits any more, if it is so.
///
/// # Errors
/// The store's.
pub async fn desert(connection: &mut PgConnection, lot_id: LotId) -> Result<(), Error> {
    sqlx::query(
        "UPDATE lot SET has_waiting = false WHERE lot_id = $1 AND has_waiting AND NOT EXISTS (
             SELECT FROM waitlist_entry AS e WHERE e.lot_id = lot.lot_id AND e.state IN (1, 2))",
    )
    .bind(lot_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when the pool is searched again for these entries.
///
/// # Errors
/// The store's.
pub async fn searched(
    executor: impl PgExecutor<'_>,
    entries: &[Entry],
    now: Timestamp,
) -> Result<(), Error> {
    let again = |entry: &Entry| {
        let after = search_after(now.duration_since(entry.join_time));
        now.checked_add(after).unwrap_or(Timestamp::MAX).to_sqlx()
    };
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.entry_id.as_uuid()).collect();
    let times: Vec<jiff_sqlx::Timestamp> = entries.iter().map(again).collect();
    sqlx::query(
        "UPDATE waitlist_entry AS e SET next_search_time = next.at
         FROM unnest($1::uuid[], $2::timestamptz[]) AS next (entry_id, at)
         WHERE e.entry_id = next.entry_id AND e.state = 1",
    )
    .bind(ids)
    .bind(times)
    .execute(executor)
    .await?;
    Ok(())
}

/// Entries for which their pool is to be searched, those first that wait for it longest; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn to_search(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<Entry>, Error> {
    let rows = sqlx::query(select_entry!(
        "WHERE e.state = 1 AND e.next_search_time <= (SELECT park_now()) AND e.wait_until > park_now()
         ORDER BY e.next_search_time LIMIT $1"
    ))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}
