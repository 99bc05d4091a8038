//! Whom alerts of a lot go to.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, UserId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::broken;

/// Stands for every lot.
const EVERY: Uuid = Uuid::nil();

/// An operator speaks for these lots and no others; for none in particular: for every one.
pub async fn keep(
    connection: &mut PgConnection,
    user_id: &UserId,
    lots: &[LotId],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut lots: Vec<Uuid> = lots.iter().map(|lot| lot.as_uuid()).collect();
    if lots.is_empty() {
        lots.push(EVERY);
    }
    lots.sort_unstable();
    sqlx::query("DELETE FROM operator_lot WHERE user_id = $1 AND lot_id <> ALL($2)")
        .bind(user_id.as_str())
        .bind(&lots)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO operator_lot (lot_id, user_id, update_time)
         SELECT lot_id, $1, $3 FROM unnest($2::uuid[]) lot_id
         ON CONFLICT (lot_id, user_id) DO UPDATE SET update_time = excluded.update_time",
    )
    .bind(user_id.as_str())
    .bind(&lots)
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Who speaks for a lot, in the order of their names: who writes to several does so in this order.
pub async fn of_lot(
    connection: &mut PgConnection,
    lot_id: LotId,
) -> Result<Vec<UserId>, sqlx::Error> {
    let found: Vec<(String,)> = sqlx::query_as(
        "SELECT DISTINCT user_id FROM operator_lot WHERE lot_id IN ($1, $2) ORDER BY user_id",
    )
    .bind(lot_id.as_uuid())
    .bind(EVERY)
    .fetch_all(connection)
    .await?;
    found.into_iter().map(|(user_id,)| user_id.parse().map_err(broken)).collect()
}

/// Forgets operators who have not been heard since then.
pub async fn forget(pool: &PgPool, before: Timestamp) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query("DELETE FROM operator_lot WHERE update_time < $1")
        .bind(before.to_sqlx())
        .execute(pool)
        .await?;
    Ok(gone.rows_affected())
}
