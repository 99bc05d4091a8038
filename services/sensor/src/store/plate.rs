//! Plates that were read: only that they were, never which.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{PlateReadId, RequestId, UserId};
use parkmesh_contracts::plate::Mark;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

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
    plate_read_id: PlateReadId,
    now: Timestamp,
) -> Result<PlateReadId, Error> {
    let row = sqlx::query(
        "INSERT INTO plate_read AS kept (subject, request_id, body_mark, plate_read_id, create_time)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (subject, request_id) DO UPDATE SET subject = excluded.subject
         RETURNING body_mark, plate_read_id",
    )
    .bind(asked.subject.as_str())
    .bind(asked.request_id.as_uuid())
    .bind(asked.body_mark.as_slice())
    .bind(plate_read_id.as_uuid())
    .bind(now.to_sqlx())
    .fetch_one(connection)
    .await?;
    if row.try_get::<&[u8], _>("body_mark")? != asked.body_mark {
        return Err(Error::RequestIdReused);
    }
    Ok(row.try_get::<Uuid, _>("plate_read_id")?.into())
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
