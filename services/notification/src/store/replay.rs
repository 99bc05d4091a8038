//! First answers, for repetitions. Sealed, since they tell addresses; told apart by a keyed hash, since
//! anybody could try addresses against a plain one.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{RequestId, UserId};
use parkmesh_platform::seal::Sealer;
use prost::Message;
use sqlx::{PgConnection, PgPool};

use super::broken;
use crate::error::Error;

const KIND: &str = "notification.response";

/// A write as its caller means it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub user_id: UserId,
    /// The id that the caller chose.
    pub request_id: RequestId,
    /// Of method and body.
    body_mark: [u8; 16],
}

impl Request {
    /// The request with this body.
    pub fn of(
        sealer: &Sealer,
        user_id: &UserId,
        request_id: RequestId,
        method: &str,
        body: &impl Message,
    ) -> Self {
        let body_mark = sealer.mark(method, &body.encode_to_vec());
        Self { user_id: user_id.clone(), request_id, body_mark }
    }
}

/// One caller's writes come one after the other: of two with the same id at once the second one finds the
/// first one's answer. Ends with the transaction.
async fn queue(connection: &mut PgConnection, request: &Request) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 5))")
        .bind(request.user_id.as_str())
        .execute(connection)
        .await
        .map(drop)
}

/// The answer given before, or None when the request is new.
///
/// # Errors
/// [`Error::RequestIdReused`], or the store's.
pub async fn find<R: Message + Default>(
    connection: &mut PgConnection,
    sealer: &Sealer,
    request: &Request,
) -> Result<Option<R>, Error> {
    queue(connection, request).await?;
    let found: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT body_mark, response FROM request WHERE user_id = $1 AND request_id = $2",
    )
    .bind(request.user_id.as_str())
    .bind(request.request_id.as_uuid())
    .fetch_optional(connection)
    .await?;
    let Some((body_mark, response)) = found else { return Ok(None) };
    if body_mark != request.body_mark {
        return Err(Error::RequestIdReused);
    }
    let response = sealer.open(KIND, &response).map_err(broken)?;
    Ok(Some(R::decode(response.as_slice()).map_err(broken)?))
}

/// Keeps the answer.
pub async fn keep(
    connection: &mut PgConnection,
    sealer: &Sealer,
    request: &Request,
    response: &impl Message,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO request (user_id, request_id, body_mark, response, create_time)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(request.user_id.as_str())
    .bind(request.request_id.as_uuid())
    .bind(request.body_mark.as_slice())
    .bind(sealer.seal(KIND, &response.encode_to_vec()))
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets answers of before then.
pub async fn forget(pool: &PgPool, before: Timestamp) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query("DELETE FROM request WHERE create_time < $1")
        .bind(before.to_sqlx())
        .execute(pool)
        .await?;
    Ok(gone.rows_affected())
}
