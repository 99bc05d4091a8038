//! What receipts say of lots.

use parkmesh_contracts::ids::LotId;
use sqlx::{PgConnection, PgPool};

use crate::domain::Seller;

/// Keeps what booking told of a lot, unless something newer is known.
pub async fn keep(
    pool: &PgPool,
    lot_id: LotId,
    seller: &Seller,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lot (lot_id, address, vat_basis_points, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT (lot_id) DO UPDATE SET address = excluded.address,
             vat_basis_points = excluded.vat_basis_points, version = excluded.version
         WHERE lot.version < excluded.version",
    )
    .bind(lot_id.as_uuid())
    .bind(&seller.address)
    .bind(seller.vat_basis_points)
    .bind(version)
    .execute(pool)
    .await
    .map(drop)
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
