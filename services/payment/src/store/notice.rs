//! What the provider told by itself, each event once, until it is applied.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row};

use super::{broken, chargeback, money};
use crate::domain::Chargeback;
use crate::provider::{Notice, Told};

/// Notices that are forgotten at a time.
const FORGET_MAX: i64 = 1_000;

/// What is left of a notice once it is kept: what to ask the provider about, and what it alone tells.
#[derive(Debug)]
pub struct Kept {
    /// The provider's id of the event.
    pub event_id: String,
    /// The provider's id of the authorisation.
    pub provider_id: String,
    /// Our reference, or empty.
    pub reference: String,
    /// What it is about.
    pub about: About,
}

/// What a notice is about.
#[derive(Debug)]
pub enum About {
    /// The authorisation.
    Payment,
    /// The refund with this reference of ours; empty: not one of ours.
    Refund(String),
    /// A disputed charge.
    Chargeback(Chargeback),
}

/// Keeps a notice. False: it was kept before.
pub async fn keep(pool: &PgPool, notice: &Notice, now: Timestamp) -> Result<bool, sqlx::Error> {
    let (kind, refund, disputed) = match &notice.told {
        Told::Moved => ("moved", None, None),
        Told::Refund { reference, .. } => ("refund", Some(reference), None),
        Told::Chargeback(disputed) => ("chargeback", None, Some(disputed)),
    };
    let made = sqlx::query(
        "INSERT INTO provider_notice (event_id, provider_id, reference, kind, refund_reference,
             chargeback_id, amount_minor, currency, reason, dispute, event_time, receive_time,
             due_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         ON CONFLICT (event_id) DO NOTHING",
    )
    .bind(&notice.event_id)
    .bind(&notice.provider_id)
    .bind(&notice.reference)
    .bind(kind)
    .bind(refund)
    .bind(disputed.map(|disputed| &disputed.chargeback_id))
    .bind(disputed.map(|disputed| disputed.amount.minor))
    .bind(disputed.map(|disputed| disputed.amount.currency.as_str()))
    .bind(disputed.map(|disputed| &disputed.reason))
    .bind(disputed.map(|disputed| disputed.dispute.word()))
    .bind(notice.time.to_sqlx())
    .bind(now.to_sqlx())
    .execute(pool)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Claims notices that are due, oldest first, and puts their next turn off, longer with every
/// attempt, in case this one comes to nothing.
pub async fn claim_due(
    pool: &PgPool,
    now: Timestamp,
    limit: usize,
    wait_max_seconds: i32,
) -> Result<Vec<Kept>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE provider_notice SET attempts = attempts + 1,
             due_time = $1::timestamptz
                 + make_interval(secs => least($3, 5 * power(2, least(attempts, 10))))
         WHERE event_id IN (
             SELECT event_id FROM provider_notice WHERE due_time <= $1
             ORDER BY due_time LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING *",
    )
    .bind(now.to_sqlx())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(wait_max_seconds)
    .fetch_all(pool)
    .await
}

/// Notes that a notice was applied.
pub async fn done(pool: &PgPool, event_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE provider_notice SET due_time = NULL WHERE event_id = $1")
        .bind(event_id)
        .execute(pool)
        .await
        .map(drop)
}

/// Forgets notices that were applied and came in before a time, some at a time.
pub async fn forget(pool: &PgPool, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM provider_notice WHERE event_id IN (
             SELECT event_id FROM provider_notice WHERE due_time IS NULL AND receive_time < $1
             ORDER BY receive_time LIMIT $2)",
    )
    .bind(before.to_sqlx())
    .bind(FORGET_MAX)
    .execute(pool)
    .await
    .map(drop)
}

impl FromRow<'_, PgRow> for Kept {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let kind: String = row.try_get("kind")?;
        let about = match kind.as_str() {
            "moved" => About::Payment,
            "refund" => About::Refund(row.try_get("refund_reference")?),
            "chargeback" => About::Chargeback(Chargeback {
                chargeback_id: row.try_get("chargeback_id")?,
                amount: money(row.try_get("amount_minor")?, row.try_get("currency")?)?,
                reason: row.try_get("reason")?,
                dispute: chargeback::dispute(row.try_get("dispute")?)?,
            }),
            other => return Err(broken(format!("no notice {other}"))),
        };
        Ok(Self {
            event_id: row.try_get("event_id")?,
            provider_id: row.try_get("provider_id")?,
            reference: row.try_get("reference")?,
            about,
        })
    }
}
