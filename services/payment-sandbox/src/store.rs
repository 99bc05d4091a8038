//! All SQL of the sandbox.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::domain::{Authorization, Entry, Status};

/// An answer that was given, or is about to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

/// What is known of a key.
#[derive(Debug)]
pub enum Known {
    /// Nothing: this call has the effect.
    New,
    /// It was answered.
    Answered(Answer),
    /// It was used with another body.
    OtherBody,
}

/// Claims a key. A second call with the same key waits here for the first one's end.
pub async fn claim(
    connection: &mut PgConnection,
    key: &str,
    body_hash: &[u8],
    now: Timestamp,
) -> Result<Known, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO keyed_call (idempotency_key, body_hash, create_time) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(key)
    .bind(body_hash)
    .bind(now.to_sqlx())
    .execute(&mut *connection)
    .await?;
    if made.rows_affected() == 1 {
        return Ok(Known::New);
    }
    let row =
        sqlx::query("SELECT body_hash, status, body FROM keyed_call WHERE idempotency_key = $1")
            .bind(key)
            .fetch_one(connection)
            .await?;
    if row.try_get::<Vec<u8>, _>("body_hash")? != body_hash {
        return Ok(Known::OtherBody);
    }
    let status = u16::try_from(row.try_get::<i16, _>("status")?).unwrap_or_default();
    Ok(Known::Answered(Answer { status, body: row.try_get("body")? }))
}

/// Keeps the answer of a claimed key.
pub async fn keep_answer(
    connection: &mut PgConnection,
    key: &str,
    answer: &Answer,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE keyed_call SET status = $2, body = $3 WHERE idempotency_key = $1")
        .bind(key)
        .bind(i16::try_from(answer.status).unwrap_or_default())
        .bind(&answer.body)
        .execute(connection)
        .await
        .map(drop)
}

/// Whether this is the first time that a key is to fail.
pub async fn first_hiccup(pool: &PgPool, key: &str) -> Result<bool, sqlx::Error> {
    let made =
        sqlx::query("INSERT INTO hiccup (idempotency_key) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(key)
            .execute(pool)
            .await?;
    Ok(made.rows_affected() == 1)
}

/// The authorisation, locked until the end of the transaction.
pub async fn find_locked(
    connection: &mut PgConnection,
    authorization_id: Uuid,
) -> Result<Option<Authorization>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM card_authorization WHERE authorization_id = $1 FOR UPDATE")
        .bind(authorization_id)
        .fetch_optional(connection)
        .await
}

/// All authorisations of a reference, oldest first, at most a hundred.
pub async fn list_by_reference(
    pool: &PgPool,
    reference: &str,
) -> Result<Vec<Authorization>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM card_authorization WHERE reference = $1
         ORDER BY create_time, authorization_id LIMIT 100",
    )
    .bind(reference)
    .fetch_all(pool)
    .await
}

/// Writes an authorisation as it stands now, and the movement that led there.
pub async fn save(
    connection: &mut PgConnection,
    authorization: &Authorization,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO card_authorization (authorization_id, reference, payment_method, amount_minor,
             captured_minor, currency, status, decline_code, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (authorization_id) DO UPDATE
         SET captured_minor = excluded.captured_minor, status = excluded.status",
    )
    .bind(authorization.authorization_id)
    .bind(&authorization.reference)
    .bind(&authorization.payment_method)
    .bind(authorization.amount_minor)
    .bind(authorization.captured_minor)
    .bind(&authorization.currency)
    .bind(authorization.status.as_str())
    .bind(&authorization.decline_code)
    .bind(authorization.create_time.to_sqlx())
    .execute(&mut *connection)
    .await?;
    for entry in authorization.entries() {
        sqlx::query(
            "INSERT INTO ledger_entry (authorization_id, reference, kind, account, amount_minor,
                 currency, create_time) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(entry.authorization_id)
        .bind(entry.reference)
        .bind(entry.kind)
        .bind(entry.account)
        .bind(entry.amount_minor)
        .bind(entry.currency)
        .bind(now.to_sqlx())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Entries of one reference, or the newest of all; oldest first.
pub async fn ledger(pool: &PgPool, reference: Option<&str>) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM (SELECT * FROM ledger_entry WHERE $1::text IS NULL OR reference = $1
                        ORDER BY entry_id DESC LIMIT 1000) AS newest ORDER BY entry_id",
    )
    .bind(reference)
    .fetch_all(pool)
    .await
}

impl FromRow<'_, PgRow> for Authorization {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let word: String = row.try_get("status")?;
        let status = Status::find(&word)
            .ok_or_else(|| sqlx::Error::Decode(format!("no status {word}").into()))?;
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        Ok(Self {
            authorization_id: row.try_get("authorization_id")?,
            reference: row.try_get("reference")?,
            payment_method: row.try_get("payment_method")?,
            amount_minor: row.try_get("amount_minor")?,
            captured_minor: row.try_get("captured_minor")?,
            currency: row.try_get("currency")?,
            status,
            decline_code: row.try_get("decline_code")?,
            create_time: create_time.to_jiff(),
        })
    }
}

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            authorization_id: row.try_get("authorization_id")?,
            reference: row.try_get("reference")?,
            kind: row.try_get("kind")?,
            account: row.try_get("account")?,
            amount_minor: row.try_get("amount_minor")?,
            currency: row.try_get("currency")?,
        })
    }
}
