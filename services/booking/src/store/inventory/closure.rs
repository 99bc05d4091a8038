//! Closures.

use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{ClosureId, FloorId, LotId, SpotId};
use parkmesh_contracts::window::Window;
use serde::Deserialize;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, Row as _};

use super::broken;
use crate::domain::closure::{Closure, Scope};
use crate::error::Error;

/// A row of the table, as JSON says it.
#[derive(Debug, Deserialize)]
pub struct Row {
    closure_id: ClosureId,
    lot_id: LotId,
    floor_id: Option<FloorId>,
    spot_id: Option<SpotId>,
    start_time: Timestamp,
    end_time: Timestamp,
    reason: String,
    create_time: Timestamp,
}

impl TryFrom<Row> for Closure {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let scope = match (row.floor_id, row.spot_id) {
            (Some(floor_id), _) => Scope::Floor(floor_id),
            (None, Some(spot_id)) => Scope::Spot(spot_id),
            (None, None) => Scope::Lot,
        };
        Ok(Self {
            closure_id: row.closure_id,
            lot_id: row.lot_id,
            scope,
            window: Window::try_new(row.start_time, row.end_time)
                .map_err(|error| broken("end_time", error))?,
            reason: row.reason,
            create_time: row.create_time,
        })
    }
}

/// Writes a new closure of a lot that is locked.
///
/// # Errors
/// [`Error::FloorNotFound`], [`Error::SpotNotFound`] for a scope that is not of the lot; or the
/// store's.
pub async fn insert(connection: &mut PgConnection, closure: &Closure) -> Result<(), Error> {
    let done = sqlx::query(
        "INSERT INTO closure (closure_id, lot_id, floor_id, spot_id, start_time, end_time, reason,
             create_time)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8
         WHERE ($3 IS NULL OR EXISTS (SELECT FROM floor WHERE floor_id = $3 AND lot_id = $2))
           AND ($4 IS NULL OR EXISTS (SELECT FROM spot WHERE spot_id = $4 AND lot_id = $2))",
    )
    .bind(closure.closure_id.as_uuid())
    .bind(closure.lot_id.as_uuid())
    .bind(closure.scope.floor_id().map(FloorId::as_uuid))
    .bind(closure.scope.spot_id().map(SpotId::as_uuid))
    .bind(closure.window.start().to_sqlx())
    .bind(closure.window.end().to_sqlx())
    .bind(&closure.reason)
    .bind(closure.create_time.to_sqlx())
    .execute(connection)
    .await?;
    match (done.rows_affected(), closure.scope) {
        (1, _) => Ok(()),
        (_, Scope::Floor(_)) => Err(Error::FloorNotFound),
        _ => Err(Error::SpotNotFound),
    }
}

/// Reads a closure.
///
/// # Errors
/// [`Error::ClosureNotFound`], or the store's.
pub async fn get(executor: impl PgExecutor<'_>, closure_id: ClosureId) -> Result<Closure, Error> {
    let row = sqlx::query("SELECT to_jsonb(closure) FROM closure WHERE closure_id = $1")
        .bind(closure_id.as_uuid())
        .fetch_optional(executor)
        .await?;
    row.ok_or(Error::ClosureNotFound)?.try_get::<Json<Row>, _>(0)?.0.try_into()
}

/// Removes a closure of a lot that is locked. False when it is gone already.
///
/// # Errors
/// The store's.
pub async fn delete(connection: &mut PgConnection, closure_id: ClosureId) -> Result<bool, Error> {
    let done = sqlx::query("DELETE FROM closure WHERE closure_id = $1")
        .bind(closure_id.as_uuid())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Closures of a lot by end, then id, after the closure with these; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    lot_id: LotId,
    include_ended: bool,
    after: Option<(Timestamp, ClosureId)>,
    limit: i64,
) -> Result<Vec<Closure>, Error> {
    let rows = sqlx::query(
        "SELECT to_jsonb(closure) FROM closure
         WHERE lot_id = $1 AND ($2 OR end_time > (SELECT park_now()))
           AND ($3::timestamptz IS NULL OR (end_time, closure_id) > ($3, $4))
         ORDER BY end_time, closure_id LIMIT $5",
    )
    .bind(lot_id.as_uuid())
    .bind(include_ended)
    .bind(after.map(|(end, _)| end.to_sqlx()))
    .bind(after.map(|(_, closure_id)| closure_id.as_uuid()))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    rows.iter().map(|row| row.try_get::<Json<Row>, _>(0)?.0.try_into()).collect()
}

/// Waits until nothing that began before the call can still write: see the function's migration.
/// False when that did not come about within `most`.
///
/// # Errors
/// The store's.
pub async fn wait_for_older_statements(
    executor: impl PgExecutor<'_>,
    most: Duration,
) -> Result<bool, Error> {
    let row = sqlx::query("SELECT wait_for_older_statements(make_interval(secs => $1))")
        .bind(most.as_secs_f64())
        .fetch_one(executor)
        .await?;
    Ok(row.try_get(0)?)
}
