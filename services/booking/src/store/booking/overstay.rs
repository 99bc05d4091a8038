//! Cars that stay after their booking was completed by its deadline.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, SpotId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::optional_time;
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

/// The car has left the spot: the booking that is to pay for it, if there is one, and since when it is gone
/// where a sensor in doubt said so before.
///
/// # Errors
/// The store's.
pub async fn end(
    connection: &mut PgConnection,
    spot_id: SpotId,
) -> Result<Option<(BookingId, Option<Timestamp>)>, Error> {
    let row =
        sqlx::query("DELETE FROM overstay WHERE spot_id = $1 RETURNING booking_id, leave_time")
            .bind(spot_id.as_uuid())
            .fetch_optional(connection)
            .await?;
    row.map(|row| Ok((row.try_get::<Uuid, _>(0)?.into(), optional_time(&row, "leave_time")?)))
        .transpose()
}

/// A sensor in doubt says that the car is gone since then, or, without a time, that it is there: that counts
/// when it has stood for `wait`, or never by itself.
///
/// # Errors
/// The store's.
pub async fn doubt(
    connection: &mut PgConnection,
    spot_id: SpotId,
    gone_since: Option<Timestamp>,
    wait: Option<SignedDuration>,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE overstay SET leave_time = $2, end_time = park_now() + make_interval(secs => $3)
         WHERE spot_id = $1 AND (leave_time IS NULL) <> ($2 IS NULL)",
    )
    .bind(spot_id.as_uuid())
    .bind(gone_since.map(ToSqlx::to_sqlx))
    .bind(wait.map(|wait| wait.as_secs_f64()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Spots with a car that has overstayed for so long, or of which a sensor's doubtful word has stood; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list_over(
    executor: impl PgExecutor<'_>,
    than: SignedDuration,
    limit: i64,
) -> Result<Vec<SpotId>, Error> {
    let rows = sqlx::query(
        "SELECT spot_id FROM overstay
         WHERE create_time < (SELECT park_now()) - make_interval(secs => $1)
            OR end_time <= (SELECT park_now())
         ORDER BY create_time LIMIT $2",
    )
    .bind(than.as_secs_f64())
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid, _>(0)?.into())).collect()
}
