//! Payments of what is promised whose card was refused, until another payment stands in their place.

use parkmesh_contracts::ids::{BookingId, PaymentId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::error::Error;

/// Notes a refusal. False: it was noted before, or is made good already, whichever was told first.
///
/// # Errors
/// The store's.
pub async fn refused(
    connection: &mut PgConnection,
    payment_id: PaymentId,
    booking_id: BookingId,
) -> Result<bool, Error> {
    let noted = sqlx::query(
        "INSERT INTO refused_card (payment_id, booking_id, covered, create_time)
         VALUES ($1, $2, false, park_now()) ON CONFLICT DO NOTHING",
    )
    .bind(payment_id.as_uuid())
    .bind(booking_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Notes that another payment stands in the place of this one. Where that was all that was open of its
/// booking, nothing is waited for any more.
///
/// # Errors
/// The store's.
pub async fn covered(
    connection: &mut PgConnection,
    payment_id: PaymentId,
    booking_id: BookingId,
) -> Result<(), Error> {
    // As whoever asks for a card: the row first, then the booking.
    sqlx::query(
        "INSERT INTO refused_card (payment_id, booking_id, covered, create_time)
         VALUES ($1, $2, true, park_now()) ON CONFLICT (payment_id) DO UPDATE SET covered = true",
    )
    .bind(payment_id.as_uuid())
    .bind(booking_id.as_uuid())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE booking SET card_due_time = NULL
         WHERE booking_id = $1 AND card_due_time IS NOT NULL AND NOT EXISTS (
             SELECT FROM refused_card WHERE booking_id = $1 AND NOT covered)",
    )
    .bind(booking_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Reservations for which no card was given in time; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list_due(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<BookingId>, Error> {
    let due: Vec<(Uuid,)> = sqlx::query_as(
        "SELECT booking_id FROM booking
         WHERE card_due_time <= (SELECT park_now()) AND state = 2
         ORDER BY card_due_time LIMIT $1",
    )
    .bind(limit)
    .fetch_all(executor)
    .await?;
    Ok(due.into_iter().map(|(booking_id,)| booking_id.into()).collect())
}
