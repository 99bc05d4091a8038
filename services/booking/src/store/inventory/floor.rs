//! Floors.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{FloorId, LotId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::inventory::Floor;
use crate::error::Error;

/// Columns of [`of_row`].
macro_rules! select_floor {
    ($rest:literal) => {
        concat!(
            "SELECT floor_id, lot_id, floor_number, name, plan_width, plan_height, version FROM floor ",
            $rest
        )
    };
}

fn of_row(row: &PgRow) -> Result<Floor, Error> {
    Ok(Floor {
        floor_id: row.try_get::<Uuid, _>("floor_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        floor_number: row.try_get("floor_number")?,
        name: row.try_get("name")?,
        plan_width: row.try_get("plan_width")?,
        plan_height: row.try_get("plan_height")?,
        version: row.try_get("version")?,
    })
}

/// Writes a new floor.
///
/// # Errors
/// [`Error::FloorNumberTaken`], or the store's.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    floor: &Floor,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO floor (floor_id, lot_id, floor_number, name, plan_width, plan_height,
             create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(floor.floor_id.as_uuid())
    .bind(floor.lot_id.as_uuid())
    .bind(floor.floor_number)
    .bind(&floor.name)
    .bind(floor.plan_width)
    .bind(floor.plan_height)
    .bind(now.to_sqlx())
    .execute(executor)
    .await?;
    Ok(())
}

/// Writes what may change of a floor whose lot is locked.
///
/// # Errors
/// [`Error::FloorNumberTaken`], or the store's.
pub async fn update(connection: &mut PgConnection, floor: &Floor) -> Result<(), Error> {
    sqlx::query(
        "UPDATE floor SET floor_number = $2, name = $3, plan_width = $4, plan_height = $5,
             version = $6
         WHERE floor_id = $1",
    )
    .bind(floor.floor_id.as_uuid())
    .bind(floor.floor_number)
    .bind(&floor.name)
    .bind(floor.plan_width)
    .bind(floor.plan_height)
    .bind(floor.version)
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads a floor.
///
/// # Errors
/// [`Error::FloorNotFound`], or the store's.
pub async fn get(executor: impl PgExecutor<'_>, floor_id: FloorId) -> Result<Floor, Error> {
    let row = sqlx::query(select_floor!("WHERE floor_id = $1"))
        .bind(floor_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    of_row(&row.ok_or(Error::FloorNotFound)?)
}

/// All floors of a lot by number; empty also for a lot that is not there.
///
/// # Errors
/// The store's.
pub async fn list(executor: impl PgExecutor<'_>, lot_id: LotId) -> Result<Vec<Floor>, Error> {
    let rows = sqlx::query(select_floor!("WHERE lot_id = $1 ORDER BY floor_number"))
        .bind(lot_id.as_uuid())
        .fetch_all(executor)
        .await?;
    rows.iter().map(of_row).collect()
}

/// Reads a floor of one of the operator's own lots.
///
/// # Errors
/// [`Error::FloorNotFound`] also for a floor of another operator; or the store's.
pub async fn get_own(
    executor: impl PgExecutor<'_>,
    floor_id: FloorId,
    operator_id: &UserId,
) -> Result<Floor, Error> {
    let row = sqlx::query(select_floor!(
        "WHERE floor_id = $1 AND EXISTS (
             SELECT FROM lot WHERE lot.lot_id = floor.lot_id AND lot.operator_id = $2)"
    ))
    .bind(floor_id.as_uuid())
    .bind(operator_id.as_str())
    .fetch_optional(executor)
    .await?;
    of_row(&row.ok_or(Error::FloorNotFound)?)
}

/// Floors by id after `after`, of all lots or the one named; for the snapshot.
///
/// # Errors
/// The store's.
pub async fn scan(
    connection: &mut PgConnection,
    only: Option<LotId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Floor>, Error> {
    let rows = sqlx::query(select_floor!(
        "WHERE ($1::uuid IS NULL OR lot_id = $1) AND floor_id > $2 ORDER BY floor_id LIMIT $3"
    ))
    .bind(only.map(LotId::as_uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(of_row).collect()
}
