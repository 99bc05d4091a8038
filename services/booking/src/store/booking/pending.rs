//! Bookings whose spot is still to be given: what their provisional spots are kept beside, and moving them.

use std::collections::HashMap;

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::time;
use crate::domain::packing::{Loose, Move};
use crate::error::Error;
use crate::store::inventory::broken;
use crate::store::inventory::spot::type_number;

/// Bookings that one plan looks at; a pool with more in the time looked at is not packed anew.
const BOOKINGS_MAX: i64 = 20_000;
/// How long moving waits for somebody who is about to keep the same time on a spot. Shorter than Postgres looks for deadlocks: two
/// who wait for each other must not be one, and the moving can be done again.
const LOCK_TIMEOUT: &str = "300ms";

/// The columns of what a booking keeps.
const KEPT: (&str, &str) = ("start_time", "end_time");

/// What is kept on a spot of a pool.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// Stays.
    pub fixed: Vec<Window>,
    /// Provisional, and may move.
    pub movable: Vec<Loose>,
}

/// What is kept on the spots of a pool in a time that encloses `around` and every provisional booking that overlaps it, and that
/// time; without the booking `except`. What goes beyond it stays. None when that is too much to plan with.
///
/// # Errors
/// The store's.
pub async fn stock(
    connection: &mut PgConnection,
    (lot_id, spot_type): (LotId, SpotType),
    around: &Window,
    except: Option<BookingId>,
) -> Result<Option<(HashMap<SpotId, Stock>, Window)>, Error> {
    let rows = sqlx::query(
        "WITH pool AS MATERIALIZED (
             SELECT spot_id FROM spot WHERE lot_id = $1 AND spot_type = $2 AND NOT out_of_service
         ), reach AS MATERIALIZED (
             SELECT tstzrange(least($3, min(lower(b.during))), greatest($4, max(upper(b.during))), '[)')
                 AS during
             FROM pool JOIN booking AS b ON b.spot_id = pool.spot_id AND b.state IN (1, 2, 3)
               AND b.span && span_of($3, $4)
             WHERE b.spot_pending
         )
         SELECT b.spot_id, b.booking_id, lower(b.during) AS start_time, upper(b.during) AS end_time,
             b.spot_pending AND b.state IN (1, 2) AND b.spot_type = $2
                 AND b.during <@ (SELECT during FROM reach) AS movable,
             (SELECT lower(during) FROM reach) AS reach_start,
             (SELECT upper(during) FROM reach) AS reach_end
         FROM pool JOIN booking AS b ON b.spot_id = pool.spot_id AND b.state IN (1, 2, 3)
           AND b.span && (SELECT span_of(lower(during), upper(during)) FROM reach)
         WHERE (b.state <> 1 OR b.due_time > park_now()) AND b.booking_id IS DISTINCT FROM $5
         LIMIT $6",
    )
    .bind(lot_id.as_uuid())
    .bind(type_number(spot_type)?)
    .bind(around.start().to_sqlx())
    .bind(around.end().to_sqlx())
    .bind(except.map(BookingId::as_uuid))
    .bind(BOOKINGS_MAX)
    .fetch_all(connection)
    .await?;
    if rows.len() >= usize::try_from(BOOKINGS_MAX).unwrap_or(usize::MAX) {
        return Ok(None);
    }
    let mut stock: HashMap<SpotId, Stock> = HashMap::new();
    for row in &rows {
        let there = stock.entry(row.try_get::<Uuid, _>("spot_id")?.into()).or_default();
        let kept = window_of(row, KEPT)?;
        match row.try_get("movable")? {
            true => {
                let booking_id = row.try_get::<Uuid, _>("booking_id")?.into();
                there.movable.push(Loose { booking_id, kept });
            }
            false => there.fixed.push(kept),
        }
    }
    let reach = rows.first().map(|row| window_of(row, ("reach_start", "reach_end"))).transpose()?;
    Ok(Some((stock, reach.unwrap_or(*around))))
}

fn window_of(row: &PgRow, (start, end): (&str, &str)) -> Result<Window, Error> {
    Window::try_new(time(row, start)?, time(row, end)?).map_err(|error| broken("during", error))
}

/// Spots of the lot on which a car stands now, as the sensors say, or may stand, where they are silent.
///
/// # Errors
/// The store's.
pub async fn occupied(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    spots: &[Uuid],
) -> Result<Vec<SpotId>, Error> {
    let rows = sqlx::query(
        "SELECT spot_id FROM spot_reality WHERE spot_id = ANY ($2) AND lot_id = $1
           AND occupied IS NOT FALSE",
    )
    .bind(lot_id.as_uuid())
    .bind(spots)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}

/// What a booking keeps: its window, and the turnaround after it.
///
/// # Errors
/// [`Error::BookingNotFound`], or the store's.
pub async fn kept(executor: impl PgExecutor<'_>, booking_id: BookingId) -> Result<Window, Error> {
    let row = sqlx::query(
        "SELECT lower(during) AS start_time, upper(during) AS end_time FROM booking
         WHERE booking_id = $1",
    )
    .bind(booking_id.as_uuid())
    .fetch_optional(executor)
    .await?;
    window_of(&row.ok_or(Error::BookingNotFound)?, KEPT)
}

/// Whether the provisional spot of a booking can be given as it is, for this window: in service, made for it, open, without a car,
/// and nobody else's.
///
/// # Errors
/// The store's.
pub async fn is_good(
    executor: impl PgExecutor<'_>,
    booking_id: BookingId,
    kept: &Window,
) -> Result<bool, Error> {
    let row = sqlx::query(
        "SELECT NOT spot.out_of_service AND spot.spot_type = b.spot_type
             AND NOT EXISTS (SELECT FROM spot_reality
                 WHERE spot_reality.spot_id = spot.spot_id AND spot_reality.occupied IS NOT FALSE)
             AND NOT EXISTS (SELECT FROM closure
                 WHERE closure.lot_id = spot.lot_id AND closure.end_time > $2
                   AND closure.start_time < $3
                   AND coalesce(closure.floor_id, spot.floor_id) = spot.floor_id
                   AND coalesce(closure.spot_id, spot.spot_id) = spot.spot_id)
             AND NOT EXISTS (SELECT FROM booking AS other
                 WHERE other.spot_id = spot.spot_id AND other.span && span_of($2, $3)
                   AND other.state IN (1, 2, 3) AND other.booking_id <> b.booking_id)
         FROM booking AS b JOIN spot ON spot.spot_id = b.spot_id WHERE b.booking_id = $1",
    )
    .bind(booking_id.as_uuid())
    .bind(kept.start().to_sqlx())
    .bind(kept.end().to_sqlx())
    .fetch_optional(executor)
    .await?;
    row.map_or(Ok(false), |row| Ok(row.try_get(0)?))
}

/// Locks what a plan moves, and looks whether it is as planned. Whoever moves others waits here for those who move the same; see
/// [`LOCK_TIMEOUT`].
///
/// # Errors
/// The store's.
pub async fn lock(connection: &mut PgConnection, moves: &[Move]) -> Result<bool, Error> {
    sqlx::query("SELECT set_config('lock_timeout', $1, true)")
        .bind(LOCK_TIMEOUT)
        .execute(&mut *connection)
        .await?;
    let bookings: Vec<Uuid> = moves.iter().map(|one| one.booking_id.as_uuid()).collect();
    let rows = sqlx::query(
        "SELECT booking_id, spot_id, lower(during) AS start_time, upper(during) AS end_time
         FROM booking WHERE booking_id = ANY ($1) AND spot_pending AND state IN (1, 2)
         ORDER BY booking_id FOR NO KEY UPDATE",
    )
    .bind(bookings)
    .fetch_all(connection)
    .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let spot_id = SpotId::from(row.try_get::<Uuid, _>("spot_id")?);
        let booking_id = BookingId::from(row.try_get::<Uuid, _>("booking_id")?);
        found.insert(booking_id, (spot_id, window_of(row, KEPT)?));
    }
    let stands = |one: &Move| found.get(&one.booking_id) == Some(&(one.from, one.kept));
    Ok(moves.iter().all(stands))
}

/// Moves bookings that are locked, all at once: first they are lifted off their spots, then each is put down where it goes. In between
/// a booking stands on a spot of its own that does not exist; nobody ever sees that, and whoever wants what was left waits for
/// the outcome. False when a spot is none of theirs any more.
///
/// # Errors
/// The store's; `booking_no_overlap` when somebody was faster.
pub async fn put(connection: &mut PgConnection, moves: &[Move]) -> Result<bool, Error> {
    let bookings: Vec<Uuid> = moves.iter().map(|one| one.booking_id.as_uuid()).collect();
    let spots: Vec<Uuid> = moves.iter().map(|one| one.to.as_uuid()).collect();
    lift(&mut *connection, &bookings).await?;
    let put = sqlx::query(
        "UPDATE booking
         SET spot_id = spot.spot_id, floor_id = spot.floor_id, spot_number = spot.spot_number
         FROM unnest($1::uuid[], $2::uuid[]) AS moved (booking_id, spot_id)
         JOIN spot ON spot.spot_id = moved.spot_id AND NOT spot.out_of_service
         WHERE booking.booking_id = moved.booking_id AND spot.spot_type = booking.spot_type",
    )
    .bind(bookings)
    .bind(spots)
    .execute(connection)
    .await?;
    Ok(put.rows_affected() == moves.len() as u64)
}

/// Takes bookings off their spots, within a transaction that puts them on others.
///
/// # Errors
/// The store's.
pub async fn lift(connection: &mut PgConnection, bookings: &[Uuid]) -> Result<(), Error> {
    sqlx::query("UPDATE booking SET spot_id = booking_id WHERE booking_id = ANY ($1)")
        .bind(bookings)
        .execute(connection)
        .await?;
    Ok(())
}

/// Which of these spots nobody but provisional bookings has in the window.
///
/// # Errors
/// The store's.
pub async fn only_pending_on(
    executor: impl PgExecutor<'_>,
    wants: &[(SpotId, Window)],
) -> Result<Vec<bool>, Error> {
    let (mut spots, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (spot_id, kept) in wants {
        spots.push(spot_id.as_uuid());
        starts.push(kept.start().to_sqlx());
        ends.push(kept.end().to_sqlx());
    }
    let rows = sqlx::query(
        "SELECT NOT EXISTS (SELECT FROM booking AS other
             WHERE other.spot_id = asked.spot_id AND NOT other.spot_pending
               AND other.span && span_of(asked.start_time, asked.end_time)
               AND other.state IN (1, 2, 3) AND (other.state <> 1 OR other.due_time > park_now()))
         FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY
              AS asked (spot_id, start_time, end_time, place)
         ORDER BY asked.place",
    )
    .bind(spots)
    .bind(starts)
    .bind(ends)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Reservations whose spot is to be given now, although no car has come; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn due(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<BookingId>, Error> {
    let rows = sqlx::query(
        "SELECT b.booking_id FROM lot JOIN booking AS b ON b.lot_id = lot.lot_id
         WHERE lot.assign_before_seconds > 0 AND b.spot_pending AND b.state IN (1, 2) AND b.state = 2
           AND b.start_time <= (SELECT park_now()) + make_interval(secs => lot.assign_before_seconds)
           AND b.due_time > park_now()
         ORDER BY b.start_time LIMIT $1",
    )
    .bind(limit)
    .fetch_all(executor)
    .await?;
    booking_ids(&rows)
}

/// Bookings on provisional spots that are out of service or closed for a part of their window; of all lots, or of the one named. At
/// most `limit`, after `after`.
///
/// # Errors
/// The store's.
pub async fn blocked(
    executor: impl PgExecutor<'_>,
    only: Option<LotId>,
    after: Option<BookingId>,
    limit: i64,
) -> Result<Vec<BookingId>, Error> {
    let rows = sqlx::query(
        "SELECT booking_id FROM (
             SELECT b.booking_id, b.due_time FROM spot JOIN booking AS b ON b.spot_id = spot.spot_id
             WHERE spot.out_of_service AND b.spot_pending AND b.state IN (1, 2)
               AND ($1::uuid IS NULL OR spot.lot_id = $1)
             UNION
             SELECT b.booking_id, b.due_time FROM closure
             JOIN booking AS b ON b.lot_id = closure.lot_id AND b.spot_pending AND b.state IN (1, 2)
               AND b.start_time < closure.end_time
               AND b.during && tstzrange(closure.start_time, closure.end_time, '[)')
               AND coalesce(closure.floor_id, b.floor_id) = b.floor_id
               AND coalesce(closure.spot_id, b.spot_id) = b.spot_id
             WHERE closure.end_time > park_now() AND ($1::uuid IS NULL OR closure.lot_id = $1)
               AND num_nonnulls(closure.floor_id, closure.spot_id) > 0) AS met
         WHERE due_time > park_now() AND ($2::uuid IS NULL OR booking_id > $2)
         ORDER BY booking_id LIMIT $3",
    )
    .bind(only.map(LotId::as_uuid))
    .bind(after.map(BookingId::as_uuid))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    booking_ids(&rows)
}

fn booking_ids(rows: &[PgRow]) -> Result<Vec<BookingId>, Error> {
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}
