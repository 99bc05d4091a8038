//! Webhooks that wait for their delivery.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Told;

/// Longest wait between two attempts at one webhook, in seconds.
const WAIT_MAX_SECONDS: i32 = 30;

/// A webhook that is due.
#[derive(Debug, sqlx::FromRow)]
pub struct Due {
    /// Its id.
    pub event_id: Uuid,
    /// JSON.
    pub body: String,
}

/// Keeps what is to be told.
pub(super) async fn keep(connection: &mut PgConnection, told: &[Told]) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = told.iter().map(|one| one.event_id).collect();
    let bodies: Vec<String> = told.iter().map(|one| one.body.to_string()).collect();
    let copies: Vec<i32> =
        told.iter().map(|one| i32::try_from(one.copies).unwrap_or(i32::MAX)).collect();
    let due: Vec<String> = told.iter().map(|one| one.due.to_string()).collect();
    sqlx::query(
        "INSERT INTO webhook_event (event_id, body, copies, due_time)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[]::timestamptz[])",
    )
    .bind(ids)
    .bind(bodies)
    .bind(copies)
    .bind(due)
    .execute(connection)
    .await
    .map(drop)
}

/// Claims webhooks that are due, and puts their next turn off, longer with every attempt.
pub async fn claim_events(
    pool: &PgPool,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, sqlx::Error> {
    sqlx::query_as(
        "UPDATE webhook_event SET attempts = attempts + 1, due_time = $1::timestamptz
             + make_interval(secs => least($3, power(2, least(attempts, 10))))
         WHERE event_id IN (
             SELECT event_id FROM webhook_event WHERE due_time <= $1
             ORDER BY due_time LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING event_id, body",
    )
    .bind(now.to_sqlx())
    .bind(limit)
    .bind(WAIT_MAX_SECONDS)
    .fetch_all(pool)
    .await
}

/// Notes deliveries: once less is to come, and what is left of them is due at once.
pub async fn delivered(pool: &PgPool, ids: &[Uuid], now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH done AS (DELETE FROM webhook_event WHERE event_id = ANY($1) AND copies <= 1)
         UPDATE webhook_event SET copies = copies - 1, due_time = $2
         WHERE event_id = ANY($1) AND copies > 1",
    )
    .bind(ids)
    .bind(now.to_sqlx())
    .execute(pool)
    .await
    .map(drop)
}

/// How many wait.
pub async fn waiting(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM webhook_event").fetch_one(pool).await
}
