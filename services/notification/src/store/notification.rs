//! Messages, and the counter of each person's.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, LotId, NotificationId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgPool, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::{Kind, Message, Notification};

/// A message that is about to be written.
pub struct New<'a> {
    /// Its id.
    pub id: NotificationId,
    /// To whom.
    pub user_id: &'a UserId,
    /// The booking it is about.
    pub booking_id: Option<BookingId>,
    /// The lot.
    pub lot_id: Option<LotId>,
    /// The fact, or the occasion, that it tells of.
    pub fact_id: Uuid,
    /// What it says.
    pub message: &'a Message,
    /// When it is written.
    pub now: Timestamp,
}

/// Writes a message as the person's next one and tells its sequence. The person's counter stays
/// locked until the commit, so that nobody ever sees a later sequence before an earlier one.
pub async fn insert(connection: &mut PgConnection, new: &New<'_>) -> Result<i64, sqlx::Error> {
    let (sequence,): (i64,) = sqlx::query_as(
        "INSERT INTO recipient (user_id, last_sequence) VALUES ($1, 1)
         ON CONFLICT (user_id) DO UPDATE SET last_sequence = recipient.last_sequence + 1
         RETURNING last_sequence",
    )
    .bind(new.user_id.as_str())
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO notification (notification_id, user_id, sequence, kind, title, body,
             booking_id, fact_id, create_time, lot_id, link)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(new.id.as_uuid())
    .bind(new.user_id.as_str())
    .bind(sequence)
    .bind(new.message.kind.word())
    .bind(&new.message.title)
    .bind(&new.message.body)
    .bind(new.booking_id.map(BookingId::as_uuid))
    .bind(new.fact_id)
    .bind(new.now.to_sqlx())
    .bind(new.lot_id.map(LotId::as_uuid))
    .bind(&new.message.link)
    .execute(connection)
    .await?;
    Ok(sequence)
}

/// Removes all that is kept of a person, and marks their bookings, so that nothing comes after it.
pub async fn erase(connection: &mut PgConnection, user_id: &UserId) -> Result<(), sqlx::Error> {
    for statement in [
        // Whoever writes to the person waits here, or is waited for.
        "SELECT FROM recipient WHERE user_id = $1 FOR UPDATE",
        "UPDATE booking_place SET erased = true, user_id = NULL, remind_of = NULL,
             remind_happens = NULL, remind_time = NULL
         WHERE user_id = $1
             OR booking_id IN (SELECT booking_id FROM notification WHERE user_id = $1)",
        // What is on its way goes with the message.
        "DELETE FROM notification WHERE user_id = $1",
        "DELETE FROM recipient WHERE user_id = $1",
        "DELETE FROM preferences WHERE user_id = $1",
        "DELETE FROM operator_lot WHERE user_id = $1",
        "DELETE FROM request WHERE user_id = $1",
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
        let kind = Kind::of_word(&word).ok_or_else(|| broken(format!("no kind {word}")))?;
        let create_time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
        let read_time: Option<jiff_sqlx::Timestamp> = row.try_get("read_time")?;
        Ok(Self {
            notification_id: row.try_get::<Uuid, _>("notification_id")?.into(),
            sequence: row.try_get("sequence")?,
            message: Message {
                kind,
                title: row.try_get("title")?,
                body: row.try_get("body")?,
                link: row.try_get("link")?,
            },
            booking_id: row.try_get::<Option<Uuid>, _>("booking_id")?.map(BookingId::from),
            lot_id: row.try_get::<Option<Uuid>, _>("lot_id")?.map(LotId::from),
            create_time: create_time.to_jiff(),
            read_time: read_time.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}
