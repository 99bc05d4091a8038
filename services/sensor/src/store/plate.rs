//! Plates that were read: only that they were, never which.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{LotId, PlateReadId, RequestId, UserId};
use parkmesh_contracts::plate::Mark;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::row::time;
use crate::domain::plate::PlateRead;
use crate::error::Error;

/// A reading as its caller means it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub subject: UserId,
    /// The id that the caller chose.
    pub request_id: RequestId,
    /// Keyed hash of the request.
    pub body_mark: Mark,
}

/// Keeps the id of a reading, unless there is one for this request: then that one.
///
/// # Errors
/// [`Error::RequestIdReused`] when the request was another; or the store's.
pub async fn keep(
    connection: &mut PgConnection,
    asked: &Asked,
    (plate_read_id, read): (PlateReadId, &PlateRead),
    now: Timestamp,
) -> Result<PlateReadId, Error> {
    let row = sqlx::query(
        "INSERT INTO plate_read AS kept (subject, request_id, body_mark, plate_read_id, create_time,
                                         lot_id, gate_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (subject, request_id) DO UPDATE SET subject = excluded.subject
         RETURNING body_mark, plate_read_id",
    )
    .bind(asked.subject.as_str())
    .bind(asked.request_id.as_uuid())
    .bind(asked.body_mark.as_slice())
    .bind(plate_read_id.as_uuid())
    .bind(now.to_sqlx())
    .bind(read.lot_id.as_uuid())
    .bind(&read.gate_id)
    .fetch_one(connection)
    .await?;
    if row.try_get::<&[u8], _>("body_mark")? != asked.body_mark {
        return Err(Error::RequestIdReused);
    }
    Ok(row.try_get::<Uuid, _>("plate_read_id")?.into())
}

/// What a barrier said about a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The reading of the plate.
    pub plate_read_id: PlateReadId,
    /// The lot.
    pub lot_id: LotId,
    /// The gate.
    pub gate_id: String,
    /// It opened.
    pub opened: bool,
    /// When it said so first.
    pub time: Timestamp,
    /// It says so for the first time.
    pub is_first: bool,
}

/// Writes down what a barrier says, unless it has said something before: then that stands.
///
/// # Errors
/// [`Error::PlateReadNotFound`], or the store's.
pub async fn acknowledge(
    connection: &mut PgConnection,
    plate_read_id: PlateReadId,
    lot_id: LotId,
    opened: bool,
    now: Timestamp,
) -> Result<Acknowledged, Error> {
    let row = sqlx::query(
        "UPDATE plate_read SET opened = coalesce(opened, $3),
             acknowledge_time = coalesce(acknowledge_time, $4)
         WHERE plate_read_id = $1 AND lot_id = $2
         RETURNING gate_id, opened, acknowledge_time, acknowledge_time = $4 AS is_first",
    )
    .bind(plate_read_id.as_uuid())
    .bind(lot_id.as_uuid())
    .bind(opened)
    .bind(now.to_sqlx())
    .fetch_optional(connection)
    .await?
    .ok_or(Error::PlateReadNotFound)?;
    Ok(Acknowledged {
        plate_read_id,
        lot_id,
        gate_id: row.try_get("gate_id")?,
        opened: row.try_get("opened")?,
        time: time(&row, "acknowledge_time")?.unwrap_or(now),
        is_first: row.try_get("is_first")?,
    })
}

/// Forgets those before that time.
///
/// # Errors
/// The store's.
pub async fn trim(executor: impl PgExecutor<'_>, before: Timestamp) -> Result<(), Error> {
    sqlx::query("DELETE FROM plate_read WHERE create_time < $1")
        .bind(before.to_sqlx())
        .execute(executor)
        .await?;
    Ok(())
}
