//! Holds that wait for their driver to do what the card's bank asks for.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, RequestId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::error::Error;
use crate::store::inventory::broken;

/// How long a hold is kept beyond its end, once, for its driver to act.
const ACT_MAX: Duration = Duration::from_secs(10 * 60);
/// How long payment is left to tell by itself what came of it.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The hold.
    pub booking_id: BookingId,
    /// Names the authorisation.
    pub attempt: Uuid,
    /// The provider's token.
    pub payment_method: String,
    /// Who asked.
    pub subject: UserId,
    /// And by which request.
    pub request_id: RequestId,
    /// Whether a refusal gives the spot back.
    pub gives_up: bool,
}

/// Notes that a hold which is locked waits, in place of what it waited for before. It is kept until
/// then, at most [`ACT_MAX`] beyond its end. Until when.
///
/// # Errors
/// The store's.
pub async fn begin(
    connection: &mut PgConnection,
    waiting: &Waiting,
    until: Timestamp,
) -> Result<Timestamp, Error> {
    sqlx::query(
        "INSERT INTO payment_action (booking_id, attempt, payment_method, subject, request_id,
             gives_up, due_time)
         VALUES ($1, $2, $3, $4, $5, $6, park_now() + make_interval(secs => $7))
         ON CONFLICT (booking_id) DO UPDATE SET attempt = excluded.attempt,
             payment_method = excluded.payment_method, subject = excluded.subject,
             request_id = excluded.request_id, gives_up = excluded.gives_up,
             due_time = excluded.due_time",
    )
    .bind(waiting.booking_id.as_uuid())
    .bind(waiting.attempt)
    .bind(&waiting.payment_method)
    .bind(waiting.subject.as_str())
    .bind(waiting.request_id.as_uuid())
    .bind(waiting.gives_up)
    .bind(LOOK_AFTER.as_secs_f64())
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query(
        "UPDATE booking SET confirm_until = kept.until, due_time = greatest(hold_expire_time, kept.until)
         FROM (SELECT booking_id, greatest(confirm_until,
                   least($2, hold_expire_time + make_interval(secs => $3))) AS until
               FROM booking WHERE booking_id = $1) AS kept
         WHERE booking.booking_id = kept.booking_id
         RETURNING least(due_time, $2) AS until",
    )
    .bind(waiting.booking_id.as_uuid())
    .bind(until.to_sqlx())
    .bind(ACT_MAX.as_secs_f64())
    .fetch_one(connection)
    .await?;
    super::time(&row, "until")
}

/// It is done, refused or given up: what came of it is to be asked now.
///
/// # Errors
/// The store's.
pub async fn look(executor: impl PgExecutor<'_>, booking_id: BookingId) -> Result<(), Error> {
    sqlx::query("UPDATE payment_action SET due_time = park_now() WHERE booking_id = $1")
        .bind(booking_id.as_uuid())
        .execute(executor)
        .await?;
    Ok(())
}

/// Nothing is waited for any more.
///
/// # Errors
/// The store's.
pub async fn end(executor: impl PgExecutor<'_>, waiting: &Waiting) -> Result<(), Error> {
    sqlx::query("DELETE FROM payment_action WHERE booking_id = $1 AND attempt = $2")
        .bind(waiting.booking_id.as_uuid())
        .bind(waiting.attempt)
        .execute(executor)
        .await?;
    Ok(())
}

/// Claims those of which payment is to be asked; at most `limit`. No two processes claim the same one in
/// the same turn.
///
/// # Errors
/// The store's.
pub async fn claim_due(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<Waiting>, Error> {
    let rows = sqlx::query(
        "UPDATE payment_action SET due_time = park_now() + make_interval(secs => $2)
         WHERE booking_id IN (SELECT booking_id FROM payment_action WHERE due_time <= (SELECT park_now())
             ORDER BY due_time LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING *",
    )
    .bind(limit)
    .bind(LOOK_AFTER.as_secs_f64())
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &PgRow) -> Result<Waiting, Error> {
    Ok(Waiting {
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        attempt: row.try_get("attempt")?,
        payment_method: row.try_get("payment_method")?,
        subject: UserId::parse(row.try_get("subject")?)
            .map_err(|error| broken("subject", error))?,
        request_id: row.try_get::<Uuid, _>("request_id")?.into(),
        gives_up: row.try_get("gives_up")?,
    })
}
