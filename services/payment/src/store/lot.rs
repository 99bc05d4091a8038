//! What receipts say of lots, and whose they are.

use std::collections::HashSet;

use parkmesh_contracts::ids::{LotId, UserId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::domain::Seller;

/// Keeps what booking told of a lot, unless something newer is known.
pub async fn keep(
    pool: &PgPool,
    lot_id: LotId,
    (seller, operator_id): (&Seller, &UserId),
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lot (lot_id, address, vat_basis_points, version, operator_id)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (lot_id) DO UPDATE SET address = excluded.address,
             vat_basis_points = excluded.vat_basis_points, version = excluded.version,
             operator_id = excluded.operator_id
         WHERE lot.version < excluded.version OR lot.operator_id = ''",
    )
    .bind(lot_id.as_uuid())
    .bind(&seller.address)
    .bind(seller.vat_basis_points)
    .bind(version)
    .bind(operator_id.as_str())
    .execute(pool)
    .await
    .map(drop)
}

/// The lots that an operator runs.
pub async fn run_by(pool: &PgPool, operator_id: &UserId) -> Result<HashSet<LotId>, sqlx::Error> {
    let lots: Vec<Uuid> = sqlx::query_scalar("SELECT lot_id FROM lot WHERE operator_id = $1")
        .bind(operator_id.as_str())
        .fetch_all(pool)
        .await?;
    Ok(lots.into_iter().map(LotId::from).collect())
}

/// What is known of a lot; of one that nobody told of, nothing.
pub async fn find(connection: &mut PgConnection, lot_id: LotId) -> Result<Seller, sqlx::Error> {
    let known: Option<(String, i32)> =
        sqlx::query_as("SELECT address, vat_basis_points FROM lot WHERE lot_id = $1")
            .bind(lot_id.as_uuid())
            .fetch_optional(connection)
            .await?;
    Ok(known.map_or_else(Seller::default, |(address, vat_basis_points)| Seller {
        address,
        vat_basis_points,
    }))
}
