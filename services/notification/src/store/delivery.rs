//! Messages on their way out of the house.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{BookingId, DeliveryId, LotId, NotificationId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row};
use uuid::Uuid;

use super::broken;
use crate::domain::delivery::{Next, Outcome};
use crate::domain::{Channel, Kind, Notification};

/// Attempts that are told of a delivery.
const ATTEMPTS_MAX: i64 = 20;

/// A delivery that somebody works on.
pub struct Claimed {
    /// Which.
    pub delivery_id: DeliveryId,
    /// Whose.
    pub user_id: UserId,
    /// This attempt, from 1.
    pub attempt: i32,
    /// Since when it is tried.
    pub begin_time: Timestamp,
    /// What is told.
    pub notification: Notification,
}

/// What became of a delivery, as it is listed.
pub struct Listed {
    /// Which.
    pub delivery_id: DeliveryId,
    /// The message.
    pub notification_id: NotificationId,
    /// What it is about.
    pub kind: Kind,
    /// The booking it is about.
    pub booking_id: Option<BookingId>,
    /// The way.
    pub channel: Channel,
    /// The word for its state.
    pub state: String,
    /// When it is tried next.
    pub next_attempt_time: Timestamp,
    /// When it was begun.
    pub create_time: Timestamp,
    /// The latest attempts, newest first.
    pub attempts: Vec<Attempt>,
}

/// One attempt.
pub struct Attempt {
    /// When it began.
    pub attempt_time: Timestamp,
    /// Milliseconds.
    pub duration_ms: i32,
    /// What the other side said.
    pub status: i32,
    /// Why it failed.
    pub error: String,
}

/// Whose deliveries are meant.
#[derive(Clone, Debug)]
pub enum Owner {
    /// A person's.
    User(UserId),
    /// A lot's.
    Lot(LotId),
}

/// Puts a message on its way.
pub async fn insert(
    connection: &mut PgConnection,
    delivery_id: DeliveryId,
    (notification_id, user_id, lot_id): (NotificationId, &UserId, Option<LotId>),
    channel: Channel,
    (now, send_time): (Timestamp, Timestamp),
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO delivery (delivery_id, notification_id, user_id, lot_id, channel, begin_time,
             next_attempt_time, create_time)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(delivery_id.as_uuid())
    .bind(notification_id.as_uuid())
    .bind(user_id.as_str())
    .bind(lot_id.map(LotId::as_uuid))
    .bind(channel.word())
    .bind(send_time.to_sqlx())
    .bind(now.to_sqlx())
    .execute(connection)
    .await
    .map(drop)
}

/// Takes what is due, for as long as the lease lasts: whoever dies over it leaves it to another then.
pub async fn claim(
    pool: &PgPool,
    channel: Channel,
    limit: i64,
    lease: Duration,
    now: Timestamp,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let lease = SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX);
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
    sqlx::query_as(
        "WITH taken AS (
             UPDATE delivery SET attempts = attempts + 1, next_attempt_time = $3
             WHERE delivery_id IN (
                 SELECT delivery_id FROM delivery
                 WHERE channel = $1 AND state = 'waiting' AND next_attempt_time <= $2
                 ORDER BY next_attempt_time LIMIT $4 FOR UPDATE SKIP LOCKED)
             RETURNING delivery_id, notification_id, attempts, begin_time)
         SELECT taken.delivery_id, taken.attempts, taken.begin_time, notification.*
         FROM taken JOIN notification USING (notification_id)",
    )
    .bind(channel.word())
    .bind(now.to_sqlx())
    .bind(until.to_sqlx())
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Writes down how an attempt ended, and what comes of it. Passed over when somebody else has taken the
/// delivery meanwhile, or it was sent again: the word of a late attempt changes nothing then.
pub async fn settle(
    executor: impl PgExecutor<'_>,
    claimed: &Claimed,
    outcome: &Outcome,
    (begun, duration): (Timestamp, Duration),
    next: Next,
) -> Result<(), sqlx::Error> {
    let (state, again) = match next {
        Next::Delivered => ("delivered", begun),
        Next::Failed => ("failed", begun),
        Next::Again(again) => ("waiting", again),
    };
    sqlx::query(
        "WITH tried AS (
             INSERT INTO delivery_attempt (delivery_id, attempt_time, duration_ms, status, error)
             SELECT delivery_id, $2::timestamptz, $3::integer, $4::integer, $5::text FROM delivery
             WHERE delivery_id = $1)
         UPDATE delivery SET state = $6, next_attempt_time = $7
         WHERE delivery_id = $1 AND state = 'waiting' AND attempts = $8",
    )
    .bind(claimed.delivery_id.as_uuid())
    .bind(begun.to_sqlx())
    .bind(i32::try_from(duration.as_millis()).unwrap_or(i32::MAX))
    .bind(outcome.status())
    .bind(outcome.error())
    .bind(state)
    .bind(again.to_sqlx())
    .bind(claimed.attempt)
    .execute(executor)
    .await
    .map(drop)
}

/// Whoever does not answer is left alone with everything, not asked for each message anew.
pub async fn put_off(
    executor: impl PgExecutor<'_>,
    user_id: &UserId,
    channel: Channel,
    until: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE delivery SET next_attempt_time = $3 WHERE delivery_id IN (
             SELECT delivery_id FROM delivery WHERE user_id = $1 AND channel = $2
             AND state = 'waiting' AND next_attempt_time < $3 AND attempts = 0
             ORDER BY delivery_id FOR UPDATE SKIP LOCKED)",
    )
    .bind(user_id.as_str())
    .bind(channel.word())
    .bind(until.to_sqlx())
    .execute(executor)
    .await
    .map(drop)
}

const OF_USER: &str = "SELECT delivery.*, kind, booking_id
    FROM delivery JOIN notification USING (notification_id)
    WHERE delivery.user_id = $1 AND ($2::text IS NULL OR state = $2) AND delivery_id < $3
    ORDER BY delivery_id DESC LIMIT $4";
const OF_LOT: &str = "SELECT delivery.*, kind, booking_id
    FROM delivery JOIN notification USING (notification_id)
    WHERE delivery.lot_id = $1::text::uuid AND ($2::text IS NULL OR state = $2)
    AND delivery_id < $3 ORDER BY delivery_id DESC LIMIT $4";

/// A page of deliveries, newest first, below an id.
pub async fn list(
    pool: &PgPool,
    owner: &Owner,
    state: Option<&str>,
    below: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<Listed>, sqlx::Error> {
    let (statement, id) = match owner {
        Owner::User(user_id) => (OF_USER, user_id.to_string()),
        Owner::Lot(lot_id) => (OF_LOT, lot_id.to_string()),
    };
    let mut found: Vec<Listed> = sqlx::query_as(statement)
        .bind(id)
        .bind(state)
        .bind(below.map_or(Uuid::max(), DeliveryId::as_uuid))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    for delivery in &mut found {
        delivery.attempts = attempts(pool, delivery.delivery_id).await?;
    }
    Ok(found)
}

/// One delivery of a person, or of one of these lots.
pub async fn again(
    connection: &mut PgConnection,
    delivery_id: DeliveryId,
    user_id: &UserId,
    lots: &[LotId],
    now: Timestamp,
) -> Result<Option<Listed>, sqlx::Error> {
    let lots: Vec<Uuid> = lots.iter().map(|lot| lot.as_uuid()).collect();
    let found: Option<Listed> = sqlx::query_as(
        "WITH again AS (
             UPDATE delivery SET state = 'waiting', attempts = 0, begin_time = $4,
                 next_attempt_time = $4
             WHERE delivery_id = $1
                 AND (user_id = $2 OR lot_id = ANY($3))
             RETURNING *)
         SELECT again.*, kind, booking_id FROM again JOIN notification USING (notification_id)",
    )
    .bind(delivery_id.as_uuid())
    .bind(user_id.as_str())
    .bind(&lots)
    .bind(now.to_sqlx())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(mut found) = found else { return Ok(None) };
    found.attempts = attempts(connection, delivery_id).await?;
    Ok(Some(found))
}

async fn attempts(
    executor: impl PgExecutor<'_>,
    delivery_id: DeliveryId,
) -> Result<Vec<Attempt>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM delivery_attempt WHERE delivery_id = $1 ORDER BY attempt_time DESC LIMIT $2",
    )
    .bind(delivery_id.as_uuid())
    .bind(ATTEMPTS_MAX)
    .fetch_all(executor)
    .await
}

fn instant(row: &PgRow, name: &str) -> Result<Timestamp, sqlx::Error> {
    Ok(row.try_get::<jiff_sqlx::Timestamp, _>(name)?.to_jiff())
}

impl FromRow<'_, PgRow> for Claimed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let user_id: String = row.try_get("user_id")?;
        Ok(Self {
            delivery_id: row.try_get::<Uuid, _>("delivery_id")?.into(),
            user_id: user_id.parse().map_err(broken)?,
            attempt: row.try_get("attempts")?,
            begin_time: instant(row, "begin_time")?,
            notification: Notification::from_row(row)?,
        })
    }
}

impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let (kind, channel): (String, String) = (row.try_get("kind")?, row.try_get("channel")?);
        Ok(Self {
            delivery_id: row.try_get::<Uuid, _>("delivery_id")?.into(),
            notification_id: row.try_get::<Uuid, _>("notification_id")?.into(),
            kind: Kind::of_word(&kind).ok_or_else(|| broken("no such kind"))?,
            booking_id: row.try_get::<Option<Uuid>, _>("booking_id")?.map(BookingId::from),
            channel: Channel::of_word(&channel).ok_or_else(|| broken("no such channel"))?,
            state: row.try_get("state")?,
            next_attempt_time: instant(row, "next_attempt_time")?,
            create_time: instant(row, "create_time")?,
            attempts: Vec::new(),
        })
    }
}

impl FromRow<'_, PgRow> for Attempt {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            attempt_time: instant(row, "attempt_time")?,
            duration_ms: row.try_get("duration_ms")?,
            status: row.try_get("status")?,
            error: row.try_get("error")?,
        })
    }
}
