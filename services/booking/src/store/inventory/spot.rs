//! Spots.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::inventory::Spot;
use crate::error::Error;

/// Most numbers that a refusal names.
const TAKEN_NAMED_MAX: i64 = 10;

/// Spots of one pool that are kept in mind. A larger pool has others too, which a search finds.
const POOL_SPOTS_MAX: i64 = 20_000;

/// Columns of [`of_row`].
macro_rules! select_spot {
    ($rest:literal) => {
        concat!(
            "SELECT spot_id, lot_id, floor_id, spot_number, spot_type, out_of_service, plan_x,
                    plan_y, latitude, longitude, version FROM spot ",
            $rest
        )
    };
}

/// A row with the columns of a spot as a spot.
///
/// # Errors
/// The store's, or a number that is no type.
pub fn of_row(row: &PgRow) -> Result<Spot, Error> {
    Ok(Spot {
        spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        floor_id: row.try_get::<Uuid, _>("floor_id")?.into(),
        spot_number: row.try_get("spot_number")?,
        spot_type: spot_type(row.try_get("spot_type")?)?,
        out_of_service: row.try_get("out_of_service")?,
        plan_x: row.try_get("plan_x")?,
        plan_y: row.try_get("plan_y")?,
        latitude: row.try_get("latitude")?,
        longitude: row.try_get("longitude")?,
        version: row.try_get("version")?,
    })
}

/// The type as the table keeps it.
///
/// # Errors
/// [`Error::Broken`] for a number that does not fit, which no proto has.
pub fn type_number(spot_type: SpotType) -> Result<i16, Error> {
    i16::try_from(i32::from(spot_type)).map_err(|error| broken("spot_type", error))
}

/// The type of this number.
///
/// # Errors
/// [`Error::Broken`] for a number that no proto has.
pub fn spot_type(number: i16) -> Result<SpotType, Error> {
    SpotType::try_from(i32::from(number)).map_err(|error| broken("spot_type", error))
}

/// New spots, column by column.
#[derive(Default)]
struct Columns {
    spot_ids: Vec<Uuid>,
    lot_ids: Vec<Uuid>,
    floor_ids: Vec<Uuid>,
    spot_numbers: Vec<String>,
    spot_types: Vec<i16>,
    plan_xs: Vec<f64>,
    plan_ys: Vec<f64>,
    latitudes: Vec<f64>,
    longitudes: Vec<f64>,
}

impl Columns {
    fn of(spots: &[Spot]) -> Result<Self, Error> {
        let mut columns = Self::default();
        for spot in spots {
            columns.spot_ids.push(spot.spot_id.as_uuid());
            columns.lot_ids.push(spot.lot_id.as_uuid());
            columns.floor_ids.push(spot.floor_id.as_uuid());
            columns.spot_numbers.push(spot.spot_number.clone());
            columns.spot_types.push(type_number(spot.spot_type)?);
            columns.plan_xs.push(spot.plan_x);
            columns.plan_ys.push(spot.plan_y);
            columns.latitudes.push(spot.latitude);
            columns.longitudes.push(spot.longitude);
        }
        Ok(columns)
    }
}

/// Reads a spot and keeps others from changing it, or from moving bookings to it, until the
/// transaction ends. New holds do not wait for it.
///
/// # Errors
/// [`Error::SpotNotFound`], or the store's.
pub async fn lock(connection: &mut PgConnection, spot_id: SpotId) -> Result<Spot, Error> {
    let row = sqlx::query(select_spot!("WHERE spot_id = $1 FOR NO KEY UPDATE"))
        .bind(spot_id.as_uuid())
        .fetch_optional(connection)
        .await?;
    of_row(&row.ok_or(Error::SpotNotFound)?)
}

/// Writes new spots, all or none, in one statement.
///
/// # Errors
/// [`Error::SpotNumberTaken`] without the numbers (see [`taken`]), or the store's.
pub async fn insert_all(
    executor: impl PgExecutor<'_>,
    spots: &[Spot],
    now: Timestamp,
) -> Result<(), Error> {
    let columns = Columns::of(spots)?;
    // By number: two batches that cross then wait for each other instead of dying of a deadlock.
    sqlx::query(
        "INSERT INTO spot (spot_id, lot_id, floor_id, spot_number, spot_type, plan_x, plan_y,
             latitude, longitude, version, create_time)
         SELECT spot_id, lot_id, floor_id, spot_number, spot_type, plan_x, plan_y,
                latitude, longitude, 1, $10
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[],
                     $6::float8[], $7::float8[], $8::float8[], $9::float8[])
              AS new (spot_id, lot_id, floor_id, spot_number, spot_type, plan_x, plan_y,
                      latitude, longitude)
         ORDER BY lot_id, spot_number COLLATE \"C\"",
    )
    .bind(columns.spot_ids)
    .bind(columns.lot_ids)
    .bind(columns.floor_ids)
    .bind(columns.spot_numbers)
    .bind(columns.spot_types)
    .bind(columns.plan_xs)
    .bind(columns.plan_ys)
    .bind(columns.latitudes)
    .bind(columns.longitudes)
    .bind(now.to_sqlx())
    .execute(executor)
    .await?;
    Ok(())
}

/// Which of these numbers the lot has, the first few of them.
///
/// # Errors
/// The store's.
pub async fn taken(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    numbers: &[String],
) -> Result<Vec<String>, Error> {
    let rows = sqlx::query(
        "SELECT spot_number FROM spot WHERE lot_id = $1 AND spot_number = ANY ($2)
         ORDER BY spot_number LIMIT $3",
    )
    .bind(lot_id.as_uuid())
    .bind(numbers)
    .bind(TAKEN_NAMED_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Reads a spot.
///
/// # Errors
/// [`Error::SpotNotFound`], or the store's.
pub async fn get(executor: impl PgExecutor<'_>, spot_id: SpotId) -> Result<Spot, Error> {
    let row = sqlx::query(select_spot!("WHERE spot_id = $1"))
        .bind(spot_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    of_row(&row.ok_or(Error::SpotNotFound)?)
}

/// Spots of a pool that are in service, whoever has them.
///
/// # Errors
/// The store's.
pub async fn of_pool(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    spot_type: SpotType,
) -> Result<Vec<Spot>, Error> {
    let rows = sqlx::query(select_spot!(
        "WHERE lot_id = $1 AND spot_type = $2 AND NOT out_of_service
         ORDER BY spot_number LIMIT $3"
    ))
    .bind(lot_id.as_uuid())
    .bind(type_number(spot_type)?)
    .bind(POOL_SPOTS_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// Spots of a lot, or of one of its floors, by number after `after`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    floor_id: Option<FloorId>,
    after: &str,
    limit: i64,
) -> Result<Vec<Spot>, Error> {
    // Numbers are unique in a lot and never empty, so that they alone are the key of a page.
    let query = match floor_id {
        None => sqlx::query(select_spot!(
            "WHERE lot_id = $1 AND spot_number > $2 ORDER BY spot_number LIMIT $3"
        )),
        Some(_) => sqlx::query(select_spot!(
            "WHERE lot_id = $1 AND floor_id = $4 AND spot_number > $2
             ORDER BY spot_number, spot_id LIMIT $3"
        )),
    };
    let query = query.bind(lot_id.as_uuid()).bind(after).bind(limit);
    let query = match floor_id {
        None => query,
        Some(floor_id) => query.bind(floor_id.as_uuid()),
    };
    let rows = query.fetch_all(executor).await?;
    rows.iter().map(of_row).collect()
}

/// Reads a spot of one of the operator's own lots and keeps others from changing it until the
/// transaction ends. A booking of the spot does not wait for it.
///
/// # Errors
/// [`Error::SpotNotFound`] also for a spot of another operator; or the store's.
pub async fn lock_own(
    connection: &mut PgConnection,
    spot_id: SpotId,
    operator_id: &UserId,
) -> Result<Spot, Error> {
    let row = sqlx::query(select_spot!(
        "WHERE spot_id = $1 AND EXISTS (
             SELECT FROM lot WHERE lot.lot_id = spot.lot_id AND lot.operator_id = $2)
         FOR NO KEY UPDATE"
    ))
    .bind(spot_id.as_uuid())
    .bind(operator_id.as_str())
    .fetch_optional(connection)
    .await?;
    of_row(&row.ok_or(Error::SpotNotFound)?)
}

/// Writes what may change of a spot that [`lock_own`] has locked, its version too.
///
/// # Errors
/// [`Error::SpotNumberTaken`], or the store's.
pub async fn update(connection: &mut PgConnection, spot: &Spot) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE spot SET spot_number = $2, spot_type = $3, out_of_service = $4, plan_x = $5,
             plan_y = $6, latitude = $7, longitude = $8, version = $9
         WHERE spot_id = $1",
    )
    .bind(spot.spot_id.as_uuid())
    .bind(&spot.spot_number)
    .bind(type_number(spot.spot_type)?)
    .bind(spot.out_of_service)
    .bind(spot.plan_x)
    .bind(spot.plan_y)
    .bind(spot.latitude)
    .bind(spot.longitude)
    .bind(spot.version)
    .execute(connection)
    .await;
    match done.map_err(Error::from) {
        Ok(_) => Ok(()),
        Err(Error::SpotNumberTaken(_)) => {
            Err(Error::SpotNumberTaken(vec![spot.spot_number.clone()]))
        }
        Err(other) => Err(other),
    }
}

/// Spots by id after `after`, of all lots or the one named; for the snapshot.
///
/// # Errors
/// The store's.
pub async fn scan(
    connection: &mut PgConnection,
    only: Option<LotId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Spot>, Error> {
    let rows = sqlx::query(select_spot!(
        "WHERE ($1::uuid IS NULL OR lot_id = $1) AND spot_id > $2 ORDER BY spot_id LIMIT $3"
    ))
    .bind(only.map(LotId::as_uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(of_row).collect()
}
