//! Answers already given. A write carries an id that its caller chose; the same id with the same
//! body gets the first answer again, with another body it is refused. The row is written in the
//! transaction of the effect: both are there, or none.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{RequestId, UserId};
use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::error::Error;

/// How long an answer is kept.
pub const KEEP: Duration = Duration::from_secs(48 * 60 * 60);
/// Rows that one sweep takes at most: a sweep must not hold others up.
const SWEEP_ROWS_MAX: i64 = 5_000;

/// The id under which a step of a request is remembered beside the request itself.
pub fn step(request_id: RequestId, step: &[u8]) -> RequestId {
    Uuid::new_v5(&request_id.as_uuid(), step).into()
}

/// A write as its caller means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks. Nobody meets another's requests.
    pub subject: UserId,
    /// The id that the caller chose.
    pub request_id: RequestId,
    /// The RPC, `CreateLot`.
    pub method: &'static str,
    /// SHA-256 of method and body.
    pub body_hash: [u8; 32],
}

impl Request {
    /// The request with this body. Encoding is stable for messages without maps, and ours have
    /// none.
    pub fn of(
        subject: &UserId,
        request_id: RequestId,
        method: &'static str,
        body: &impl Message,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(method.as_bytes());
        hash.update([0]);
        hash.update(body.encode_to_vec());
        Self { subject: subject.clone(), request_id, method, body_hash: hash.finalize().into() }
    }

    /// The stored answer, if the stored row is of this same request.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`] when it is of another, [`Error::Broken`] when the answer cannot
    /// be read.
    pub fn answer<R: Message + Default>(
        &self,
        method: &str,
        body_hash: &[u8],
        response: &[u8],
    ) -> Result<R, Error> {
        if method != self.method || body_hash != self.body_hash {
            return Err(Error::RequestIdReused);
        }
        R::decode(response)
            .map_err(|error| Error::Broken(format!("a stored answer cannot be read: {error}")))
    }
}

/// The answer given before, or None when the request is new.
///
/// # Errors
/// [`Error::RequestIdReused`], or the store's.
pub async fn find<R: Message + Default>(
    connection: &mut PgConnection,
    request: &Request,
) -> Result<Option<R>, Error> {
    let row = sqlx::query(
        "SELECT method, body_hash, response FROM request WHERE subject = $1 AND request_id = $2",
    )
    .bind(request.subject.as_str())
    .bind(request.request_id.as_uuid())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (method, body_hash): (&str, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    request.answer(method, body_hash, row.try_get(2)?).map(Some)
}

/// Writes the answer down before the work is done, for work whose answer is known beforehand: None
/// when the request is new (go on; a rollback takes the answer back too), else the answer given
/// before. Waits for a twin that is under way.
///
/// # Errors
/// [`Error::RequestIdReused`], or the store's.
pub async fn claim<R: Message + Default>(
    connection: &mut PgConnection,
    request: &Request,
    response: &R,
    now: Timestamp,
) -> Result<Option<R>, Error> {
    let done = sqlx::query(
        "INSERT INTO request (subject, request_id, method, body_hash, response, create_time)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(request.subject.as_str())
    .bind(request.request_id.as_uuid())
    .bind(request.method)
    .bind(request.body_hash.as_slice())
    .bind(response.encode_to_vec())
    .bind(now.to_sqlx())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(None);
    }
    let found = find(connection, request).await?;
    found.map(Some).ok_or_else(|| Error::Broken("a request vanished while it was asked".to_owned()))
}

/// Forgets answers older than [`KEEP`]; returns how many. The clockwork calls it until it returns
/// 0.
///
/// # Errors
/// The store's.
pub async fn sweep(pool: &PgPool, now: Timestamp) -> Result<u64, Error> {
    let kept = SignedDuration::try_from(KEEP).unwrap_or(SignedDuration::MAX);
    let before = now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
    let done = sqlx::query(
        "DELETE FROM request WHERE (subject, request_id) IN (
             SELECT subject, request_id FROM request WHERE create_time < $1
             ORDER BY create_time LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(before.to_sqlx())
    .bind(SWEEP_ROWS_MAX)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
