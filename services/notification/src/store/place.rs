//! Where bookings are, for facts that do not tell it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::BookingId;
use sqlx::{PgConnection, PgPool};

use crate::domain::Place;

/// Where a booking is, and whether its driver was erased.
pub struct Known {
    /// Where.
    pub place: Place,
    /// Nobody is to be told of it.
    pub erased: bool,
}

/// Keeps where a booking is; the latest fact is right, since bookings move. Whether its driver was
/// erased.
pub async fn keep(
    connection: &mut PgConnection,
    booking_id: BookingId,
    place: &Place,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let (erased,): (bool,) = sqlx::query_as(
        "INSERT INTO booking_place (booking_id, lot_name, spot_number, time_zone, update_time)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (booking_id) DO UPDATE SET lot_name = excluded.lot_name,
             spot_number = excluded.spot_number, time_zone = excluded.time_zone,
             update_time = excluded.update_time
         RETURNING erased",
    )
    .bind(booking_id.as_uuid())
    .bind(&place.lot_name)
    .bind(&place.spot_number)
    .bind(&place.time_zone)
    .bind(now.to_sqlx())
    .fetch_one(connection)
    .await?;
    Ok(erased)
}

/// Where a booking is, if a fact has told it.
pub async fn find(
    connection: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<Known>, sqlx::Error> {
    let row: Option<(String, String, String, bool)> = sqlx::query_as(
        "SELECT lot_name, spot_number, time_zone, erased FROM booking_place WHERE booking_id = $1",
    )
    .bind(booking_id.as_uuid())
    .fetch_optional(connection)
    .await?;
    // Whoever asks here tells of money, not of a spot or a ticket.
    Ok(row.map(|(lot_name, spot_number, time_zone, erased)| Known {
        place: Place { lot_name, spot_number, ticket_number: 0, time_zone },
        erased,
    }))
}

/// Forgets places of which nothing was heard since then, a bounded number at a time; tells how
/// many.
pub async fn forget(pool: &PgPool, before: Timestamp, limit: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM booking_place WHERE booking_id IN (
             SELECT booking_id FROM booking_place WHERE update_time < $1 LIMIT $2)",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}
