//! What is asked for later, and what is set aside anew.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, PaymentId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What is to be set aside anew now, and of which booking.
pub async fn list_due(
    pool: &PgPool,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(BookingId, PaymentId)>, sqlx::Error> {
    let due: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "SELECT booking_id, payment_id FROM payment
         WHERE renew_time <= $1 AND renew_time IS NOT NULL AND status = 'authorized'
         ORDER BY renew_time LIMIT $2",
    )
    .bind(now.to_sqlx())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await?;
    Ok(due.into_iter().map(|(booking, payment)| (booking.into(), payment.into())).collect())
}

/// Says when a payment is to be set aside anew, or that it is not any more. False: it was to be at no time.
pub async fn keep(
    connection: &mut PgConnection,
    id: PaymentId,
    renew_time: Option<Timestamp>,
) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query(
        "UPDATE payment SET renew_time = $2
         WHERE payment_id = $1 AND ($2 IS NOT NULL OR renew_time IS NOT NULL)",
    )
    .bind(id.as_uuid())
    .bind(renew_time.map(|time| time.to_sqlx()))
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Has the clockwork ask now for what was to be asked for later, unless it has begun to.
pub async fn ask_now(
    connection: &mut PgConnection,
    id: PaymentId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET due_time = $2 WHERE payment_id = $1 AND intent = 'authorize'
         AND attempts = 0 AND authorize_time IS NOT NULL",
    )
    .bind(id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Has the clockwork ask at that time for what is for a stay far ahead, if it was to ask later: the stay
/// begins sooner.
pub async fn ask_sooner(
    connection: &mut PgConnection,
    booking_id: BookingId,
    authorize_time: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment SET authorize_time = $2, due_time = $2
         WHERE booking_id = $1 AND intent = 'authorize' AND attempts = 0 AND kind = 'booking'
           AND chases = 0 AND replaces_payment_id IS NULL AND authorize_time > $2",
    )
    .bind(booking_id.as_uuid())
    .bind(authorize_time.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}
