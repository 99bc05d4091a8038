//! Bookings that a closure meets.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, FloorId, SpotId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::{Kept, of_row, select_booking};
use crate::domain::closure::Closure;
use crate::error::Error;

/// How many live bookings there are in the time and scope of a closure. A lapsed hold is none.
///
/// # Errors
/// The store's.
pub async fn count(executor: impl PgExecutor<'_>, closure: &Closure) -> Result<i64, Error> {
    let row = sqlx::query(
        "SELECT count(*) FROM booking AS b
         WHERE b.lot_id = $1 AND b.due_time IS NOT NULL AND b.during && tstzrange($2, $3, '[)')
           AND ($4::uuid IS NULL OR b.floor_id = $4) AND ($5::uuid IS NULL OR b.spot_id = $5)
           AND (b.state <> 1 OR b.due_time > park_now())",
    )
    .bind(closure.lot_id.as_uuid())
    .bind(closure.window.start().to_sqlx())
    .bind(closure.window.end().to_sqlx())
    .bind(closure.scope.floor_id().map(FloorId::as_uuid))
    .bind(closure.scope.spot_id().map(SpotId::as_uuid))
    .fetch_one(executor)
    .await?;
    Ok(row.try_get(0)?)
}

/// What [`list`] looks for.
macro_rules! select_met {
    ($rest:literal) => {
        select_booking!(
            "WHERE b.lot_id = $1 AND b.due_time IS NOT NULL AND b.during && tstzrange($2, $3, '[)')
               AND upper(b.during) - make_interval(secs => b.turnaround_seconds) > $2
               AND ($4::uuid IS NULL OR b.floor_id = $4) AND ($5::uuid IS NULL OR b.spot_id = $5)
               AND (b.state <> 1 OR b.due_time > park_now())
               AND ($6::uuid IS NULL OR b.booking_id > $6)
             ORDER BY b.booking_id LIMIT $7 ",
            $rest
        )
    };
}

/// Live bookings in the time and scope of a closure by id, after `after`; at most `limit`. Locked,
/// where they are to be changed.
///
/// # Errors
/// The store's.
pub async fn list(
    connection: &mut PgConnection,
    closure: &Closure,
    after: Option<BookingId>,
    limit: i64,
    locked: bool,
) -> Result<Vec<Kept>, Error> {
    let query = match locked {
        true => sqlx::query(select_met!("FOR NO KEY UPDATE OF b")),
        false => sqlx::query(select_met!("")),
    };
    let rows = query
        .bind(closure.lot_id.as_uuid())
        .bind(closure.window.start().to_sqlx())
        .bind(closure.window.end().to_sqlx())
        .bind(closure.scope.floor_id().map(FloorId::as_uuid))
        .bind(closure.scope.spot_id().map(SpotId::as_uuid))
        .bind(after.map(BookingId::as_uuid))
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().map(of_row).collect()
}

/// Where these bookings stand.
///
/// # Errors
/// The store's.
pub async fn states(
    executor: impl PgExecutor<'_>,
    bookings: &[Uuid],
) -> Result<Vec<(BookingId, BookingState)>, Error> {
    let rows = sqlx::query("SELECT booking_id, state FROM booking WHERE booking_id = ANY ($1)")
        .bind(bookings)
        .fetch_all(executor)
        .await?;
    let state = |number: i16| {
        BookingState::try_from(i32::from(number)).map_err(|error| super::broken("state", error))
    };
    rows.iter()
        .map(|row| Ok((row.try_get::<Uuid, _>(0)?.into(), state(row.try_get(1)?)?)))
        .collect()
}
