//! Holds that came to nothing.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, UserId};
use sqlx::{PgExecutor, Row};

use crate::error::Error;

/// Looks whether a user has made `most` holds in a lot since that moment which nobody paid for, those
/// that still live among them: when the first of the last `most` was made, or None when it is fewer.
/// A booking without a price counts when it was given back: it cost nothing either.
///
/// # Errors
/// The store's.
pub async fn unpaid(
    executor: impl PgExecutor<'_>,
    user_id: &UserId,
    lot_id: LotId,
    since: Timestamp,
    most: i32,
) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(
        "SELECT create_time FROM (
             SELECT create_time FROM booking
             WHERE user_id = $1 AND lot_id = $2 AND state IN (5, 6) AND payment_id IS NULL
               AND create_time > $3
             UNION ALL
             SELECT create_time FROM booking
             WHERE user_id = $1 AND lot_id = $2 AND state = 1 AND create_time > $3) AS made
         ORDER BY create_time DESC OFFSET $4 - 1 LIMIT 1",
    )
    .bind(user_id.as_str())
    .bind(lot_id.as_uuid())
    .bind(since.to_sqlx())
    .bind(i64::from(most))
    .fetch_optional(executor)
    .await?;
    row.map(|row| Ok(row.try_get::<jiff_sqlx::Timestamp, _>(0)?.to_jiff())).transpose()
}
