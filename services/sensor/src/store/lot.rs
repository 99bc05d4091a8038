//! Whose a lot is.

use parkmesh_contracts::ids::{LotId, UserId};
use sqlx::PgExecutor;

use crate::error::Error;

/// A lot, as booking told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Which.
    pub lot_id: LotId,
    /// Who runs it.
    pub operator_id: UserId,
    /// Of the lot.
    pub version: i64,
}

/// Keeps it, unless something newer is known.
///
/// # Errors
/// The store's.
pub async fn keep(executor: impl PgExecutor<'_>, lot: &Lot) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lot (lot_id, operator_id, version) VALUES ($1, $2, $3)
         ON CONFLICT (lot_id) DO UPDATE
         SET operator_id = excluded.operator_id, version = excluded.version
         WHERE lot.version < excluded.version",
    )
    .bind(lot.lot_id.as_uuid())
    .bind(lot.operator_id.as_str())
    .bind(lot.version)
    .execute(executor)
    .await
    .map(drop)
}

/// Whether this operator runs it; None where nobody has told of it.
///
/// # Errors
/// The store's.
pub async fn is_run_by(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    operator_id: &UserId,
) -> Result<Option<bool>, Error> {
    let own = sqlx::query_scalar("SELECT operator_id = $2 FROM lot WHERE lot_id = $1")
        .bind(lot_id.as_uuid())
        .bind(operator_id.as_str())
        .fetch_optional(executor)
        .await?;
    Ok(own)
}
