//! Messages, and the counter of each person's.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, FactId, NotificationId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::{Kind, Message, Notification};

/// Writes a message as the person's next one and tells its sequence. The person's counter stays
/// locked until the commit, so that nobody ever sees a later sequence before an earlier one.
pub async fn insert(
    connection: &mut PgConnection,
    id: NotificationId,
    user_id: &UserId,
    booking_id: BookingId,
    fact_id: FactId,
    message: &Message,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let (sequence,): (i64,) = sqlx::query_as(
        "INSERT INTO recipient (user_id, last_sequence) VALUES ($1, 1)
         ON CONFLICT (user_id) DO UPDATE SET last_sequence = recipient.last_sequence + 1
         RETURNING last_sequence",
    )
    .bind(user_id.as_str())
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO notification (notification_id, user_id, sequence, kind, title, body,
             booking_id, fact_id, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.as_uuid())
    .bind(user_id.as_str())
    .bind(sequence)
    .bind(message.kind.word())
    .bind(&message.title)
    .bind(&message.body)
    .bind(booking_id.as_uuid())
    .bind(fact_id.as_uuid())
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(sequence)
}

/// Removes all that is kept of a person, and marks their bookings, so that nothing comes after it.
pub async fn erase(connection: &mut PgConnection, user_id: &UserId) -> Result<(), sqlx::Error> {
    for statement in [
        // Whoever writes to the person waits here, or is waited for.
        "SELECT FROM recipient WHERE user_id = $1 FOR UPDATE",
        "UPDATE booking_place SET erased = true
         WHERE booking_id IN (SELECT booking_id FROM notification WHERE user_id = $1)",
        "DELETE FROM notification WHERE user_id = $1",
        "DELETE FROM recipient WHERE user_id = $1",
    ] {
        sqlx::query(statement).bind(user_id.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A person's messages, newest first, from below a sequence.
pub async fn list(
    pool: &PgPool,
    user_id: &UserId,
    unread_only: bool,
    below: Option<i64>,
    limit: usize,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM notification WHERE user_id = $1 AND sequence < $2
         AND (NOT $3 OR read_time IS NULL) ORDER BY sequence DESC LIMIT $4",
    )
    .bind(user_id.as_str())
    .bind(below.unwrap_or(i64::MAX))
    .bind(unread_only)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}

/// A person's messages after a sequence, in their order.
pub async fn list_after(
    pool: &PgPool,
    user_id: &UserId,
    after: i64,
    limit: usize,
) -> Result<Vec<Notification>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM notification WHERE user_id = $1 AND sequence > $2
         ORDER BY sequence LIMIT $3",
    )
    .bind(user_id.as_str())
    .bind(after)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}

/// The last sequence of each of these people who has any.
pub async fn last_sequences(
    pool: &PgPool,
    users: &[String],
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT user_id, last_sequence FROM recipient WHERE user_id = ANY($1)")
        .bind(users)
        .fetch_all(pool)
        .await
}

/// Marks a person's messages as read; tells how many were not before.
pub async fn mark_read(
    pool: &PgPool,
    user_id: &UserId,
    ids: &[NotificationId],
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let marked = sqlx::query(
        "UPDATE notification SET read_time = $3
         WHERE notification_id = ANY($1) AND user_id = $2 AND read_time IS NULL",
    )
    .bind(ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
    .bind(user_id.as_str())
    .bind(now.to_sqlx())
    .execute(pool)
    .await?;
    Ok(marked.rows_affected())
}

/// Forgets messages that are older than this, a bounded number at a time; tells how many.
pub async fn forget(pool: &PgPool, before: Timestamp, limit: i64) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM notification WHERE notification_id IN (
             SELECT notification_id FROM notification WHERE create_time < $1 LIMIT $2)",
    )
    .bind(before.to_sqlx())
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(gone.rows_affected())
}

impl FromRow<'_, PgRow> for Notification {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let word: String = row.try_get("kind")?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        let kind = kind.ok_or_else(|| broken(format!("no kind {word}")))?;
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        let read_time: Option<jiff_sqlx::Timestamp> = row.try_get("read_time")?;
        Ok(Self {
            notification_id: row.try_get::<Uuid, _>("notification_id")?.into(),
            sequence: row.try_get("sequence")?,
            message: Message { kind, title: row.try_get("title")?, body: row.try_get("body")? },
            booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
            create_time: create_time.to_jiff(),
            read_time: read_time.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}
