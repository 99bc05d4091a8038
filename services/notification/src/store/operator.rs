//! Whose a lot is, and whom alerts of it go to.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, UserId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::broken;

/// Stands for every lot that they run.
const EVERY: Uuid = Uuid::nil();

/// Keeps whose a lot is, unless something newer is known.
pub async fn keep_lot(
    pool: &PgPool,
    lot_id: LotId,
    operator_id: &UserId,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lot_operator AS known (lot_id, operator_id, version) VALUES ($1, $2, $3)
         ON CONFLICT (lot_id) DO UPDATE
         SET operator_id = excluded.operator_id, version = excluded.version
         WHERE known.version < excluded.version",
    )
    .bind(lot_id.as_uuid())
    .bind(operator_id.as_str())
    .bind(version)
    .execute(pool)
    .await
    .map(drop)
}

/// The lots that an operator runs.
pub async fn lots_of(pool: &PgPool, operator_id: &UserId) -> Result<Vec<LotId>, sqlx::Error> {
    let query = "SELECT lot_id FROM lot_operator WHERE operator_id = $1";
    let lots: Vec<Uuid> =
        sqlx::query_scalar(query).bind(operator_id.as_str()).fetch_all(pool).await?;
    Ok(lots.into_iter().map(LotId::from).collect())
}

/// An operator speaks for these lots and no others; for none in particular: for all that they run.
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

/// Who speaks for a lot that is theirs, in the order of their names: who writes to several does so in this order.
pub async fn of_lot(
    connection: &mut PgConnection,
    lot_id: LotId,
) -> Result<Vec<UserId>, sqlx::Error> {
    let found: Vec<(String,)> = sqlx::query_as(
        "SELECT DISTINCT user_id FROM operator_lot AS spoken
         JOIN lot_operator AS own ON own.lot_id = $1 AND own.operator_id = spoken.user_id
         WHERE spoken.lot_id IN ($1, $2) ORDER BY user_id",
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
