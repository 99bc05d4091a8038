//! Erasing persons, and how far the services are with it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::{ErasureId, RequestId, UserId};
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::error::Error;

/// What the bookings and waitlist entries of a user say of who may erase the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Bookings that live, or whose car has outstayed them; places in a waitlist. A lapsed hold is none.
    pub live: i64,
    /// Bookings and places in lots of the operator who asks.
    pub own: i64,
    /// Those elsewhere.
    pub elsewhere: i64,
}

/// Looks at the bookings and waitlist entries of a user, and locks them: none of them changes until the
/// transaction ends.
///
/// # Errors
/// The store's.
pub async fn standing(
    connection: &mut PgConnection,
    user_id: &UserId,
    operator_id: &UserId,
    lots: Option<&[Uuid]>,
) -> Result<Standing, Error> {
    let row = sqlx::query(
        "WITH booked AS (
             SELECT booking_id, state, due_time, lot_id FROM booking WHERE user_id = $1
             ORDER BY booking_id FOR NO KEY UPDATE
         ), waited AS (
             SELECT entry_id, state, wait_until, lot_id FROM waitlist_entry WHERE user_id = $1
             ORDER BY entry_id FOR NO KEY UPDATE
         ), met AS (
             SELECT lot_id, state IN (2, 3) OR (state = 1 AND due_time > park_now())
                 OR EXISTS (SELECT FROM overstay
                     WHERE overstay.booking_id = booked.booking_id) AS live
             FROM booked
             UNION ALL
             SELECT lot_id, state = 2 OR (state = 1 AND wait_until > park_now()) FROM waited
         )
         SELECT count(*) FILTER (WHERE met.live) AS live,
             count(*) FILTER (WHERE own.lot_id IS NOT NULL) AS own,
             count(*) FILTER (WHERE own.lot_id IS NULL) AS elsewhere
         FROM met LEFT JOIN lot AS own ON own.lot_id = met.lot_id AND own.operator_id = $2
          AND ($3::uuid[] IS NULL OR own.lot_id = ANY ($3))",
    )
    .bind(user_id.as_str())
    .bind(operator_id.as_str())
    .bind(lots)
    .fetch_one(connection)
    .await?;
    Ok(Standing {
        live: row.try_get("live")?,
        own: row.try_get("own")?,
        elsewhere: row.try_get("elsewhere")?,
    })
}

/// Puts the pseudonym in place of the user, and forgets plates and the answers that the user was given,
/// save that to `asking`.
///
/// # Errors
/// The store's.
pub async fn erase(
    connection: &mut PgConnection,
    user_id: &UserId,
    pseudonym: &UserId,
    asking: RequestId,
) -> Result<(), Error> {
    // What was booked since the look is somebody new's.
    sqlx::query(
        "UPDATE booking SET user_id = $2, plate = ''
         WHERE user_id = $1
           AND (state NOT IN (1, 2, 3) OR (state = 1 AND due_time <= (SELECT park_now())))",
    )
    .bind(user_id.as_str())
    .bind(pseudonym.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE waitlist_entry SET user_id = $2, plate = '', disability_permit = false
         WHERE user_id = $1
           AND (state NOT IN (1, 2) OR (state = 1 AND wait_until <= (SELECT park_now())))",
    )
    .bind(user_id.as_str())
    .bind(pseudonym.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM request WHERE subject = $1 AND request_id <> $2")
        .bind(user_id.as_str())
        .bind(asking.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes an erasure down, with the services that must follow and the one that has done so.
///
/// # Errors
/// The store's.
pub async fn insert(
    connection: &mut PgConnection,
    erasure_id: ErasureId,
    pseudonym: &UserId,
    (done, open): (&str, &[&str]),
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "WITH made AS (
             INSERT INTO erasure (erasure_id, pseudonym, create_time) VALUES ($1, $2, $3)
             RETURNING erasure_id)
         INSERT INTO erasure_step (erasure_id, service, done_time)
         SELECT erasure_id, $4, $3 FROM made
         UNION ALL SELECT erasure_id, service, NULL FROM made, unnest($5::text[]) AS service",
    )
    .bind(erasure_id.as_uuid())
    .bind(pseudonym.as_str())
    .bind(now.to_sqlx())
    .bind(done)
    .bind(open)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a service has erased. What is noted stays.
///
/// # Errors
/// The store's.
pub async fn note(
    connection: &mut PgConnection,
    erasure_id: ErasureId,
    service: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "UPDATE erasure_step SET done_time = $3
         WHERE erasure_id = $1 AND service = $2 AND done_time IS NULL",
    )
    .bind(erasure_id.as_uuid())
    .bind(service)
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(())
}

/// How far an erasure is: when it was asked for, and each service with the time at which it was done.
///
/// # Errors
/// The store's.
pub async fn find(
    executor: impl PgExecutor<'_>,
    erasure_id: ErasureId,
) -> Result<Option<(Timestamp, Vec<(String, Option<Timestamp>)>)>, Error> {
    let rows = sqlx::query(
        "SELECT erasure.create_time, step.service, step.done_time
         FROM erasure JOIN erasure_step AS step USING (erasure_id)
         WHERE erasure_id = $1 ORDER BY step.done_time NULLS LAST, step.service",
    )
    .bind(erasure_id.as_uuid())
    .fetch_all(executor)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let create_time: jiff_sqlx::Timestamp = first.try_get("create_time")?;
    let steps = rows.iter().map(|row| {
        let done: Option<jiff_sqlx::Timestamp> = row.try_get("done_time")?;
        Ok((row.try_get("service")?, done.map(jiff_sqlx::Timestamp::to_jiff)))
    });
    Ok(Some((create_time.to_jiff(), steps.collect::<Result<_, Error>>()?)))
}
