//! Price differences: what a change of a booking has payment set aside, before the change stands.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::money::Money;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::error::Error;
use crate::store::inventory::broken;

/// How long a change may wait for its money before the clockwork takes the money back: longer than
/// a call to payment, and a repetition of it.
const OPEN_FOR: SignedDuration = SignedDuration::from_secs(40);
/// How long the clockwork waits before it looks again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// Rows that one sweep forgets at most.
const SWEEP_ROWS_MAX: i64 = 5_000;

/// A difference that is, or was, to be set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Names the authorisation.
    pub attempt: Uuid,
    /// The booking that is to change.
    pub booking_id: BookingId,
    /// How much.
    pub amount: Money,
    /// The provider's token; empty for the one that covers the booking.
    pub payment_method: String,
    /// Whether it comes beside what covers the booking already.
    pub additional: bool,
    /// Whether the change may still come.
    pub open: bool,
}

/// Notes that a difference is to be set aside. False when another change of the booking waits for
/// its money.
///
/// # Errors
/// The store's.
pub async fn begin(
    connection: &mut PgConnection,
    difference: &Difference,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO price_difference (attempt, booking_id, amount_minor, currency_code,
             payment_method, additional, state, due_time, create_time)
         VALUES ($1, $2, $3, $4, $5, $8, 'open', $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(difference.attempt)
    .bind(difference.booking_id.as_uuid())
    .bind(difference.amount.minor)
    .bind(difference.amount.currency.as_str())
    .bind(&difference.payment_method)
    .bind((now + OPEN_FOR).to_sqlx())
    .bind(now.to_sqlx())
    .bind(difference.additional)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The difference of this attempt, if it was ever noted.
///
/// # Errors
/// The store's.
pub async fn find(
    executor: impl PgExecutor<'_>,
    attempt: Uuid,
) -> Result<Option<Difference>, Error> {
    let row = sqlx::query("SELECT * FROM price_difference WHERE attempt = $1")
        .bind(attempt)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(of_row).transpose()
}

/// The change stands: its money belongs to the booking. False when it was dropped before.
///
/// # Errors
/// The store's.
pub async fn adopt(connection: &mut PgConnection, attempt: Uuid) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE price_difference SET state = 'done', due_time = NULL, payment_method = ''
         WHERE attempt = $1 AND state = 'open'",
    )
    .bind(attempt)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The change will not come. False when it stands.
///
/// # Errors
/// The store's.
pub async fn drop_it(
    executor: impl PgExecutor<'_>,
    attempt: Uuid,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE price_difference SET state = 'dropped', due_time = $2
         WHERE attempt = $1 AND state <> 'done'",
    )
    .bind(attempt)
    .bind((now + AGAIN_AFTER).to_sqlx())
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Nothing is set aside for it any more. A refused one is forgotten, so that the same request may
/// ask again and hear the same.
///
/// # Errors
/// The store's.
pub async fn end(executor: impl PgExecutor<'_>, attempt: Uuid, refused: bool) -> Result<(), Error> {
    let query = match refused {
        true => sqlx::query("DELETE FROM price_difference WHERE attempt = $1 AND state <> 'done'"),
        false => sqlx::query(
            "UPDATE price_difference SET state = 'done', due_time = NULL, payment_method = ''
             WHERE attempt = $1 AND state = 'dropped'",
        ),
    };
    query.bind(attempt).execute(executor).await?;
    Ok(())
}

/// Claims differences that nobody has looked after for too long; at most `limit`. No two processes
/// claim the same one in the same turn.
///
/// # Errors
/// The store's.
pub async fn claim_due(
    executor: impl PgExecutor<'_>,
    limit: i64,
) -> Result<Vec<Difference>, Error> {
    let rows = sqlx::query(
        "UPDATE price_difference SET state = 'dropped',
             due_time = park_now() + make_interval(secs => $2)
         WHERE attempt IN (SELECT attempt FROM price_difference WHERE due_time <= (SELECT park_now())
             ORDER BY due_time LIMIT $1 FOR UPDATE SKIP LOCKED)
         RETURNING *",
    )
    .bind(limit)
    .bind(AGAIN_AFTER.as_secs_f64())
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// Forgets those that were done before a moment; returns how many.
///
/// # Errors
/// The store's.
pub async fn sweep(executor: impl PgExecutor<'_>, before: Timestamp) -> Result<u64, Error> {
    let done = sqlx::query(
        "DELETE FROM price_difference WHERE attempt IN (
             SELECT attempt FROM price_difference WHERE state = 'done' AND create_time < $1
             ORDER BY create_time LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(before.to_sqlx())
    .bind(SWEEP_ROWS_MAX)
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

fn of_row(row: &PgRow) -> Result<Difference, Error> {
    let currency = row.try_get::<&str, _>("currency_code")?.parse();
    let currency = currency.map_err(|error| broken("currency_code", error))?;
    Ok(Difference {
        attempt: row.try_get("attempt")?,
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        amount: Money::new(row.try_get("amount_minor")?, currency),
        payment_method: row.try_get("payment_method")?,
        additional: row.try_get("additional")?,
        open: row.try_get::<&str, _>("state")? == "open",
    })
}
