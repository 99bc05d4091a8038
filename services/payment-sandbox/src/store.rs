//! All SQL of the sandbox. A batch of commands is read and written at once, whatever its size: rows
//! travel as JSON, in which they have the names of their columns.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use crate::domain::{Authorization, Books, Entry, Refund};

mod read;
mod webhook;

pub use read::{find, ledger, list_by_reference, movements, refunds, verdict};
pub use webhook::{Due, claim_events, delivered, waiting};

/// An answer that was given, or is about to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

/// An answer by its key, and the hash of what was asked.
pub struct Keyed {
    /// The key.
    pub key: String,
    /// Of the body.
    pub hash: Vec<u8>,
    /// What every repeat gets.
    pub answer: Answer,
}

/// A webhook that is to be delivered.
#[derive(Debug)]
pub struct Told {
    /// Its id.
    pub event_id: Uuid,
    /// JSON.
    pub body: Value,
    /// How often.
    pub copies: u32,
    /// When.
    pub due: Timestamp,
}

/// The answers that were given by these keys.
pub async fn known_calls(
    connection: &mut PgConnection,
    keys: &[String],
) -> Result<HashMap<String, Keyed>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT idempotency_key, body_hash, status, body FROM keyed_call
         WHERE idempotency_key = ANY($1)",
    )
    .bind(keys)
    .fetch_all(connection)
    .await?;
    let keyed = rows.into_iter().map(|row| {
        let key: String = row.try_get("idempotency_key")?;
        let status = u16::try_from(row.try_get::<i16, _>("status")?).unwrap_or_default();
        let answer = Answer { status, body: row.try_get("body")? };
        Ok((key.clone(), Keyed { key, hash: row.try_get("body_hash")?, answer }))
    });
    keyed.collect()
}

/// The authorisations, locked until the end of the transaction.
pub async fn lock_authorizations(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<Authorization>, sqlx::Error> {
    let rows = sqlx::query_scalar(
        "SELECT to_jsonb(one) FROM card_authorization AS one WHERE authorization_id = ANY($1)
         ORDER BY authorization_id FOR UPDATE",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(row).collect()
}

/// The refunds, locked until the end of the transaction.
pub async fn lock_refunds(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<Refund>, sqlx::Error> {
    let rows = sqlx::query_scalar(
        "SELECT to_jsonb(one) FROM refund AS one WHERE refund_id = ANY($1)
         ORDER BY refund_id FOR UPDATE",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Writes what a batch changed, the answers by their keys, and what is to be told.
pub async fn write(
    connection: &mut PgConnection,
    books: &Books,
    keyed: &[Keyed],
    told: &[Told],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    keep_answers(connection, keyed, now).await?;
    if !books.changed().is_empty() {
        keep_authorizations(connection, json!(books.changed())).await?;
    }
    if !books.changed_refunds().is_empty() {
        keep_refunds(connection, json!(books.changed_refunds())).await?;
    }
    if !books.entries.is_empty() {
        append_entries(connection, &books.entries).await?;
    }
    webhook::keep(connection, told).await
}

async fn keep_answers(
    connection: &mut PgConnection,
    keyed: &[Keyed],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if keyed.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = keyed.iter().map(|one| one.key.as_str()).collect();
    let hashes: Vec<&[u8]> = keyed.iter().map(|one| one.hash.as_slice()).collect();
    let statuses: Vec<i16> =
        keyed.iter().map(|one| i16::try_from(one.answer.status).unwrap_or_default()).collect();
    let bodies: Vec<&Value> = keyed.iter().map(|one| &one.answer.body).collect();
    sqlx::query(
        "INSERT INTO keyed_call (idempotency_key, body_hash, status, body, create_time)
         SELECT *, $5 FROM unnest($1::text[], $2::bytea[], $3::smallint[], $4::jsonb[])",
    )
    .bind(keys)
    .bind(hashes)
    .bind(statuses)
    .bind(bodies)
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

async fn keep_authorizations(
    connection: &mut PgConnection,
    rows: Value,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO card_authorization
         SELECT * FROM jsonb_populate_recordset(NULL::card_authorization, $1)
         ON CONFLICT (authorization_id) DO UPDATE SET amount_minor = excluded.amount_minor,
             captured_minor = excluded.captured_minor, refunded_minor = excluded.refunded_minor,
             status = excluded.status, decline_code = excluded.decline_code,
             client_secret = excluded.client_secret, settle_time = excluded.settle_time,
             dispute = excluded.dispute, disputed_minor = excluded.disputed_minor",
    )
    .bind(rows)
    .execute(connection)
    .await
    .map(drop)
}

async fn keep_refunds(connection: &mut PgConnection, rows: Value) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO refund SELECT * FROM jsonb_populate_recordset(NULL::refund, $1)
         ON CONFLICT (refund_id) DO UPDATE SET status = excluded.status,
             failure_code = excluded.failure_code, settle_time = excluded.settle_time",
    )
    .bind(rows)
    .execute(connection)
    .await
    .map(drop)
}

async fn append_entries(
    connection: &mut PgConnection,
    entries: &[Entry],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ledger_entry (authorization_id, reference, kind, account, amount_minor,
             currency, create_time)
         SELECT authorization_id, reference, kind, account, amount_minor, currency, create_time
         FROM jsonb_to_recordset($1) AS row (authorization_id uuid, reference text, kind text,
             account text, amount_minor bigint, currency text, create_time timestamptz)",
    )
    .bind(json!(entries))
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

/// Authorisations, and refunds with theirs, whose open outcome or end is due.
pub async fn due(
    pool: &PgPool,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Uuid, Option<Uuid>)>, sqlx::Error> {
    sqlx::query_as(
        "(SELECT authorization_id, NULL::uuid FROM card_authorization WHERE settle_time <= $1
          LIMIT $2)
         UNION ALL
         (SELECT authorization_id, NULL::uuid FROM card_authorization
          WHERE status IN ('action_required', 'authorized') AND expire_time <= $1 LIMIT $2)
         UNION ALL
         (SELECT authorization_id, refund_id FROM refund WHERE settle_time <= $1 LIMIT $2)",
    )
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// A row that travelled as JSON.
fn row<T: DeserializeOwned>(row: Value) -> Result<T, sqlx::Error> {
    serde_json::from_value(row).map_err(|error| sqlx::Error::Decode(error.into()))
}
