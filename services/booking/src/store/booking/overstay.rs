//! Cars that stay after their booking was completed by its deadline.

use jiff::SignedDuration;
use parkmesh_contracts::ids::{BookingId, SpotId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::error::Error;

/// Notes those of the bookings whose car still stands on their spot.
///
/// # Errors
/// The store's.
pub async fn begin(connection: &mut PgConnection, bookings: &[Uuid]) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO overstay (spot_id, booking_id, create_time)
         SELECT DISTINCT ON (b.spot_id) b.spot_id, b.booking_id, park_now()
         FROM booking AS b JOIN spot_reality AS ground ON ground.spot_id = b.spot_id
         WHERE b.booking_id = ANY ($1) AND ground.occupied
         ORDER BY b.spot_id, b.start_time DESC
         ON CONFLICT (spot_id) DO UPDATE
         SET booking_id = excluded.booking_id, create_time = excluded.create_time",
    )
    .bind(bookings)
    .execute(connection)
    .await?;
    Ok(())
}

/// The car has left the spot: the booking that is to pay for it, if there is one.
///
/// # Errors
/// The store's.
pub async fn end(
    connection: &mut PgConnection,
    spot_id: SpotId,
) -> Result<Option<BookingId>, Error> {
    let row = sqlx::query("DELETE FROM overstay WHERE spot_id = $1 RETURNING booking_id")
        .bind(spot_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).transpose()
}

/// Spots with a car that has overstayed for so long; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list_older(
    executor: impl PgExecutor<'_>,
    than: SignedDuration,
    limit: i64,
) -> Result<Vec<SpotId>, Error> {
    let rows = sqlx::query(
        "SELECT spot_id FROM overstay
         WHERE create_time < (SELECT park_now()) - make_interval(secs => $1) ORDER BY create_time LIMIT $2",
    )
    .bind(than.as_secs_f64())
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}
