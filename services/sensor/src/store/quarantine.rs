//! Who spoke without being known, or without making sense.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::UserId;
use sqlx::{PgConnection, PgExecutor, Row};

use super::broken;
use super::row::time;
use crate::domain::sensor::{Stray, UNKNOWN_DEVICE};
use crate::error::Error;

/// A device in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its last frame.
    pub last: Stray,
    /// How often it was heard.
    pub frames: i64,
    /// For the first time.
    pub first_seen_time: Timestamp,
}

/// Notes frames. A frame that is sent again (not heard later than the last one noted) does not
/// count again, and a
/// device that has been registered meanwhile is not unknown.
///
/// # Errors
/// The store's.
pub async fn note(connection: &mut PgConnection, strays: &[Stray]) -> Result<(), Error> {
    if strays.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&Stray) -> &String| strays.iter().map(of).cloned().collect::<Vec<_>>();
    let payloads: Vec<&[u8]> = strays.iter().map(|stray| stray.payload.as_slice()).collect();
    let times: Vec<_> = strays.iter().map(|stray| stray.receive_time.to_sqlx()).collect();
    sqlx::query(
        "WITH heard AS (
             SELECT device_id COLLATE \"C\" AS device_id, reason, detail, topic, payload, receive_time
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[],
                         $6::timestamptz[])
                  AS new (device_id, reason, detail, topic, payload, receive_time)
             WHERE reason <> $7
                OR NOT EXISTS (SELECT FROM sensor WHERE sensor.device_id = new.device_id)
         ), news AS (
             SELECT heard.* FROM heard LEFT JOIN quarantine USING (device_id)
             WHERE quarantine.last_seen_time IS NULL
                OR heard.receive_time > quarantine.last_seen_time
         ), counted AS (
             SELECT device_id, count(*) AS frames, min(receive_time) AS first_seen_time
             FROM news GROUP BY device_id
         ), newest AS (
             SELECT DISTINCT ON (device_id) * FROM news ORDER BY device_id, receive_time DESC
         )
         INSERT INTO quarantine AS kept (device_id, reason, detail, topic, payload, frames,
                                         first_seen_time, last_seen_time)
         SELECT device_id, reason, detail, topic, payload, frames, first_seen_time, receive_time
         FROM newest JOIN counted USING (device_id)
         ORDER BY device_id
         ON CONFLICT (device_id) DO UPDATE
         SET reason = excluded.reason, detail = excluded.detail, topic = excluded.topic,
             payload = excluded.payload, frames = kept.frames + excluded.frames,
             last_seen_time = excluded.last_seen_time",
    )
    .bind(texts(|stray| &stray.device_id))
    .bind(texts(|stray| &stray.reason))
    .bind(texts(|stray| &stray.detail))
    .bind(texts(|stray| &stray.topic))
    .bind(payloads)
    .bind(times)
    .bind(UNKNOWN_DEVICE)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets devices out.
///
/// # Errors
/// The store's.
pub async fn release(connection: &mut PgConnection, device_ids: &[String]) -> Result<(), Error> {
    sqlx::query("DELETE FROM quarantine WHERE device_id = ANY($1)")
        .bind(device_ids)
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps the newest `keep` devices only: anybody on the network can make up names.
///
/// # Errors
/// The store's.
pub async fn trim(executor: impl PgExecutor<'_>, keep: i64) -> Result<u64, Error> {
    let done = sqlx::query(
        "DELETE FROM quarantine WHERE device_id IN (
             SELECT device_id FROM quarantine ORDER BY last_seen_time DESC, device_id DESC OFFSET $1)",
    )
    .bind(keep)
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

/// Devices last heard before `before` (time, then name), newest first: those that nobody has registered,
/// and those at this operator's lots.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    operator_id: &UserId,
    before: Option<(Timestamp, String)>,
    limit: i64,
) -> Result<Vec<Quarantined>, Error> {
    let (time, name) = before.map_or((None, None), |(time, name)| (Some(time), Some(name)));
    let rows = sqlx::query(
        "SELECT device_id, reason, detail, topic, payload, frames, first_seen_time, last_seen_time
         FROM quarantine
         WHERE ($1::timestamptz IS NULL OR (last_seen_time, device_id) < ($1, $2 COLLATE \"C\"))
           AND NOT EXISTS (
               SELECT FROM sensor LEFT JOIN lot USING (lot_id)
               WHERE sensor.device_id = quarantine.device_id
                 AND lot.operator_id IS DISTINCT FROM $4)
         ORDER BY last_seen_time DESC, device_id DESC LIMIT $3",
    )
    .bind(time.map(ToSqlx::to_sqlx))
    .bind(name)
    .bind(limit)
    .bind(operator_id.as_str())
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

fn of_row(row: &sqlx::postgres::PgRow) -> Result<Quarantined, Error> {
    let first_seen_time = time(row, "first_seen_time")?;
    let last_seen_time = time(row, "last_seen_time")?;
    Ok(Quarantined {
        last: Stray {
            device_id: row.try_get("device_id")?,
            reason: row.try_get("reason")?,
            detail: row.try_get("detail")?,
            topic: row.try_get("topic")?,
            payload: row.try_get("payload")?,
            receive_time: last_seen_time.ok_or_else(|| broken("last_seen_time", "is null"))?,
        },
        frames: row.try_get("frames")?,
        first_seen_time: first_seen_time.ok_or_else(|| broken("first_seen_time", "is null"))?,
    })
}
