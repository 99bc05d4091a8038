//! Payments that do not come to an end by themselves.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{FromRow, PgConnection, Row};

use crate::domain::Payment;

/// A payment in trouble.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// As it stands.
    pub payment: Payment,
    /// Since when its intent is asked for in vain.
    pub since: Timestamp,
}

/// Notes what is in trouble: what was asked for twice, and nobody waits for its driver. What moved since it was
/// noted begins anew.
pub async fn note(connection: &mut PgConnection, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO payment_trouble (payment_id, version, since_time)
         SELECT payment_id, version, $1 FROM payment
         WHERE intent IS NOT NULL AND attempts > 1
           AND (action_expire_time IS NULL OR action_expire_time < $1)
         ORDER BY payment_id
         ON CONFLICT (payment_id) DO UPDATE SET version = excluded.version, since_time = $1
         WHERE payment_trouble.version <> excluded.version AND payment_trouble.told_time IS NULL",
    )
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Those that are in trouble since before a time and of whom nobody was told; from now on somebody was.
pub async fn take_untold(
    connection: &mut PgConnection,
    before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Stuck>, sqlx::Error> {
    let rows = sqlx::query(
        "WITH told AS (
             UPDATE payment_trouble SET told_time = $2 WHERE payment_id IN (
                 SELECT payment_id FROM payment_trouble AS trouble
                 JOIN payment USING (payment_id, version)
                 WHERE since_time <= $1 AND told_time IS NULL AND intent IS NOT NULL
                 ORDER BY since_time LIMIT $3 FOR UPDATE OF trouble SKIP LOCKED)
             RETURNING payment_id, since_time)
         SELECT payment.*, since_time FROM told JOIN payment USING (payment_id)",
    )
    .bind(before.to_sqlx())
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let since: jiff_sqlx::Timestamp = row.try_get("since_time")?;
            Ok(Stuck { payment: Payment::from_row(row)?, since: since.to_jiff() })
        })
        .collect()
}
