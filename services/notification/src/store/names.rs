//! Names of lots and what is painted on spots.

use parkmesh_contracts::ids::{LotId, SpotId};
use sqlx::{PgConnection, PgPool};

use crate::domain::Place;

/// Keeps a lot's name and zone, unless something newer is known.
pub async fn keep_lot(
    pool: &PgPool,
    lot_id: LotId,
    (lot_name, time_zone): (&str, &str),
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO lot_name AS known (lot_id, lot_name, time_zone, version)
         VALUES ($1, $2, $3, $4) ON CONFLICT (lot_id) DO UPDATE SET
             lot_name = excluded.lot_name, time_zone = excluded.time_zone,
             version = excluded.version
         WHERE known.version < excluded.version",
    )
    .bind(lot_id.as_uuid())
    .bind(lot_name)
    .bind(time_zone)
    .bind(version)
    .execute(pool)
    .await
    .map(drop)
}

/// Keeps what is painted on a spot, unless something newer is known.
pub async fn keep_spot(
    pool: &PgPool,
    spot_id: SpotId,
    lot_id: LotId,
    spot_number: &str,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO spot_name AS known (spot_id, lot_id, spot_number, version)
         VALUES ($1, $2, $3, $4) ON CONFLICT (spot_id) DO UPDATE SET
             spot_number = excluded.spot_number, version = excluded.version
         WHERE known.version < excluded.version",
    )
    .bind(spot_id.as_uuid())
    .bind(lot_id.as_uuid())
    .bind(spot_number)
    .bind(version)
    .execute(pool)
    .await
    .map(drop)
}

/// What is known of a spot of a lot; empty texts for what is not.
pub async fn find(
    connection: &mut PgConnection,
    lot_id: LotId,
    spot_id: Option<SpotId>,
) -> Result<Place, sqlx::Error> {
    let (lot_name, time_zone, spot_number): (String, String, String) = sqlx::query_as(
        "SELECT coalesce((SELECT lot_name FROM lot_name WHERE lot_id = $1), ''),
             coalesce((SELECT time_zone FROM lot_name WHERE lot_id = $1), ''),
             coalesce((SELECT spot_number FROM spot_name WHERE spot_id = $2), '')",
    )
    .bind(lot_id.as_uuid())
    .bind(spot_id.map(SpotId::as_uuid))
    .fetch_one(connection)
    .await?;
    Ok(Place { lot_name, spot_number, ticket_number: 0, time_zone })
}
