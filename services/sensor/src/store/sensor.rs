//! Registration, and reading what is registered.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, SpotId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::broken;
use super::row::{select_sensor, sensor_of, state_of, time};
use crate::domain::ground::State;
use crate::domain::sensor::Sensor;
use crate::error::Error;

/// Writes new sensors and says which of them are in now; those whose device or spot is there
/// already are passed over.
///
/// # Errors
/// The store's.
pub async fn insert(
    connection: &mut PgConnection,
    sensors: &[Sensor],
    now: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let uuids = |of: fn(&Sensor) -> Uuid| sensors.iter().map(of).collect::<Vec<_>>();
    let texts = |of: fn(&Sensor) -> &String| sensors.iter().map(of).cloned().collect::<Vec<_>>();
    let heartbeats: Vec<i32> = sensors.iter().map(|sensor| sensor.heartbeat_seconds).collect();
    // By device: two registrations that cross then wait for each other instead of dying of a
    // deadlock.
    let rows = sqlx::query(
        "INSERT INTO sensor (sensor_id, device_id, spot_id, lot_id, floor_id, model, firmware,
                             heartbeat_seconds, create_time, state, change_time, version)
         SELECT sensor_id, device_id, spot_id, lot_id, floor_id, model, firmware,
                heartbeat_seconds, $9, 3, $9, 1
         FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                     $7::text[], $8::int[])
              AS new (sensor_id, device_id, spot_id, lot_id, floor_id, model, firmware,
                      heartbeat_seconds)
         ORDER BY device_id COLLATE \"C\"
         ON CONFLICT DO NOTHING RETURNING sensor_id",
    )
    .bind(uuids(|sensor| sensor.sensor_id.as_uuid()))
    .bind(texts(|sensor| &sensor.device_id))
    .bind(uuids(|sensor| sensor.spot_id.as_uuid()))
    .bind(uuids(|sensor| sensor.lot_id.as_uuid()))
    .bind(uuids(|sensor| sensor.floor_id.as_uuid()))
    .bind(texts(|sensor| &sensor.model))
    .bind(texts(|sensor| &sensor.firmware))
    .bind(heartbeats)
    .bind(now.to_sqlx())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get("sensor_id")?)).collect()
}

/// Sensors of these devices, in no order.
///
/// # Errors
/// The store's.
pub async fn of_devices(
    executor: impl PgExecutor<'_>,
    device_ids: &[String],
) -> Result<Vec<Sensor>, Error> {
    let rows = sqlx::query(select_sensor!("WHERE device_id = ANY($1)"))
        .bind(device_ids)
        .fetch_all(executor)
        .await?;
    rows.iter().map(sensor_of).collect()
}

/// The sensor of a spot.
///
/// # Errors
/// The store's.
pub async fn find_of_spot(
    executor: impl PgExecutor<'_>,
    spot_id: SpotId,
) -> Result<Option<Sensor>, Error> {
    let row = sqlx::query(select_sensor!("WHERE spot_id = $1"))
        .bind(spot_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(sensor_of).transpose()
}

/// Sensors of a lot by device name, after `after`.
///
/// # Errors
/// The store's.
pub async fn of_lot(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    after: &str,
    limit: i64,
) -> Result<Vec<Sensor>, Error> {
    let rows = sqlx::query(select_sensor!(
        "WHERE lot_id = $1 AND device_id > $2 ORDER BY device_id LIMIT $3"
    ))
    .bind(lot_id.as_uuid())
    .bind(after)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(sensor_of).collect()
}

/// A spot in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// The spot.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: Uuid,
    /// The floor.
    pub floor_id: Uuid,
    /// What stands there.
    pub state: State,
    /// Since when.
    pub change_time: Timestamp,
    /// Counts the changes.
    pub version: i64,
}

/// Spots by id, after `after`; of one lot or of all.
///
/// # Errors
/// The store's.
pub async fn scan(
    connection: &mut PgConnection,
    only: Option<LotId>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Occupancy>, Error> {
    let rows = sqlx::query(
        "SELECT spot_id, lot_id, floor_id, state, change_time, version FROM sensor
         WHERE ($1::uuid IS NULL OR lot_id = $1) AND spot_id > $2 ORDER BY spot_id LIMIT $3",
    )
    .bind(only.map(LotId::as_uuid))
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let of_row = |row: &sqlx::postgres::PgRow| {
        let change_time = time(row, "change_time")?;
        Ok(Occupancy {
            spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
            lot_id: row.try_get("lot_id")?,
            floor_id: row.try_get("floor_id")?,
            state: state_of(row.try_get("state")?)?,
            change_time: change_time.ok_or_else(|| broken("change_time", "is null"))?,
            version: row.try_get("version")?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// Makes the transaction show one moment and write nothing. A wait for the snapshot's reader may be
/// `idle_ms` long.
///
/// # Errors
/// The store's.
pub async fn begin_snapshot(connection: &mut PgConnection, idle_ms: u64) -> Result<(), Error> {
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)")
        .bind(format!("{idle_ms}ms"))
        .execute(&mut *connection)
        .await?;
    Ok(())
}
