//! Whose car was let pass for which reading of a plate.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, PlateReadId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::error::Error;

/// How long a barrier may take to say what it did; then nobody asks any more.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

/// Keeps it, and forgets those of long ago.
///
/// # Errors
/// The store's.
pub async fn keep(
    connection: &mut PgConnection,
    plate_read_id: PlateReadId,
    booking_id: BookingId,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "WITH old AS (DELETE FROM passage WHERE create_time < $3 - make_interval(secs => $4))
         INSERT INTO passage (plate_read_id, booking_id, create_time) VALUES ($1, $2, $3)",
    )
    .bind(plate_read_id.as_uuid())
    .bind(booking_id.as_uuid())
    .bind(now.to_sqlx())
    .bind(KEPT.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// The booking, if the reading was one of a car that was let pass.
///
/// # Errors
/// The store's.
pub async fn find(
    executor: impl PgExecutor<'_>,
    plate_read_id: PlateReadId,
) -> Result<Option<BookingId>, Error> {
    let row = sqlx::query("SELECT booking_id FROM passage WHERE plate_read_id = $1")
        .bind(plate_read_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    row.map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).transpose()
}
