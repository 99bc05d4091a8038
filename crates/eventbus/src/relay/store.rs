//! The relay's SQL. All of it runs on the session that holds the relay's lock.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::FactId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::position::Position;
use crate::headers::Published;
use crate::publish::Kept;

/// How long a published fact stays, in case that its stream loses it.
pub(super) const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long a consumer remembers what it has done. Longer than any stream keeps facts.
const INBOX_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Rows deleted by one statement.
const DELETED_AT_ONCE: i64 = 5_000;
/// The depth of the outbox is counted up to here.
const DEPTH_MAX: i64 = 100_000;

/// Whether this session's commits wait for the disk. A mark that a power cut takes back is no loss: its
/// facts are published once more. So marks do not wait, and leave the disk to those who must.
pub(super) async fn wait_for_disk(
    connection: &mut PgConnection,
    wait: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT set_config('synchronous_commit', $1, false)")
        .bind(if wait { "on" } else { "off" })
        .execute(connection)
        .await?;
    Ok(())
}

/// The oldest facts that are not published, in their order, without those that are and are not marked yet.
pub(super) async fn unpublished(
    connection: &mut PgConnection,
    unmarked: &[i64],
    limit: usize,
) -> Result<Vec<Published>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                create_time
         FROM outbox WHERE publish_time IS NULL AND seq <> ALL ($2) ORDER BY seq LIMIT $1",
    )
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind(unmarked)
    .fetch_all(connection)
    .await?;
    rows.iter().map(published).collect()
}

fn published(row: &PgRow) -> Result<Published, sqlx::Error> {
    let time: jiff_sqlx::Timestamp = row.try_get("create_time")?;
    let body: Vec<u8> = row.try_get("body")?;
    Ok(Published {
        seq: row.try_get("seq")?,
        fact_id: FactId::from(row.try_get::<Uuid, _>("fact_id")?),
        aggregate_id: row.try_get::<Uuid, _>("aggregate_id")?.to_string(),
        version: row.try_get("version")?,
        fact_type: row.try_get("fact_type")?,
        lot_id: row.try_get("lot_id")?,
        body: body.into(),
        trace_parent: row.try_get("trace_parent")?,
        time: time.to_jiff(),
    })
}

/// Notes where the stream keeps these facts, and how far the stream has come, in one statement. However
/// it joins, `= ANY` has it look at these rows only.
pub(super) async fn mark(
    connection: &mut PgConnection,
    stream: &str,
    facts: &[(i64, Kept)],
    position: Position,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let seqs: Vec<i64> = facts.iter().map(|(seq, _)| *seq).collect();
    let sequences: Vec<i64> = facts.iter().map(|(_, kept)| signed(kept.sequence)).collect();
    sqlx::query(
        "WITH moved AS (
             INSERT INTO stream_position (stream, stream_created_ns, last_sequence, update_time)
             VALUES ($3, $5, $6, $4)
             ON CONFLICT (stream) DO UPDATE
             SET stream_created_ns = excluded.stream_created_ns,
                 last_sequence = excluded.last_sequence, update_time = excluded.update_time)
         UPDATE outbox SET publish_time = $4, stream = $3, stream_sequence = kept.sequence
         FROM unnest($1::bigint[], $2::bigint[]) AS kept (seq, sequence)
         WHERE outbox.seq = ANY ($1) AND outbox.seq = kept.seq",
    )
    .bind(seqs)
    .bind(sequences)
    .bind(stream)
    .bind(now.to_sqlx())
    .bind(position.created_ns)
    .bind(signed(position.last_sequence))
    .execute(connection)
    .await?;
    Ok(())
}

/// How far the streams had come, as far as this schema was told.
pub(super) async fn positions(
    connection: &mut PgConnection,
) -> Result<Vec<(String, Position)>, sqlx::Error> {
    let rows = sqlx::query("SELECT stream, stream_created_ns, last_sequence FROM stream_position")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let position = Position {
                created_ns: row.try_get("stream_created_ns")?,
                last_sequence: unsigned(row.try_get("last_sequence")?),
            };
            Ok((row.try_get("stream")?, position))
        })
        .collect()
}

/// Takes back the acknowledgement of facts that the stream no longer has, and notes the stream as
/// it is now. Returns how many will be published again.
pub(super) async fn take_back(
    connection: &mut PgConnection,
    stream: &str,
    above_sequence: u64,
    position: Position,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "WITH moved AS (
             UPDATE stream_position
             SET stream_created_ns = $4, last_sequence = $5, update_time = $6 WHERE stream = $1)
         UPDATE outbox SET publish_time = NULL, stream = NULL, stream_sequence = NULL
         WHERE stream = $1 AND stream_sequence > $2 AND publish_time IS NOT NULL
           AND publish_time > $3",
    )
    .bind(stream)
    .bind(signed(above_sequence))
    .bind(earlier(now, KEPT_FOR).to_sqlx())
    .bind(position.created_ns)
    .bind(signed(position.last_sequence))
    .bind(now.to_sqlx())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes what nobody needs any more, a bounded piece at a time. True: there is more.
pub(super) async fn clean(
    connection: &mut PgConnection,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let outbox = sqlx::query(
        "DELETE FROM outbox WHERE seq = ANY (ARRAY(
             SELECT seq FROM (SELECT seq, publish_time FROM outbox ORDER BY seq LIMIT $2) AS oldest
             WHERE publish_time < $1))",
    )
    .bind(earlier(now, KEPT_FOR).to_sqlx())
    .bind(DELETED_AT_ONCE)
    .execute(&mut *connection)
    .await?;
    let inbox = sqlx::query(
        "DELETE FROM inbox WHERE (consumer, fact_id) IN (
             SELECT consumer, fact_id FROM inbox WHERE create_time < $1
             ORDER BY create_time LIMIT $2)",
    )
    .bind(earlier(now, INBOX_KEPT_FOR).to_sqlx())
    .bind(DELETED_AT_ONCE)
    .execute(connection)
    .await?;
    let full = u64::try_from(DELETED_AT_ONCE).unwrap_or(u64::MAX);
    Ok(outbox.rows_affected() >= full || inbox.rows_affected() >= full)
}

/// How many facts wait, up to a bound, and since when the oldest does.
pub(super) async fn backlog(
    connection: &mut PgConnection,
) -> Result<(i64, Option<Timestamp>), sqlx::Error> {
    let row = sqlx::query(
        "SELECT count(*) AS depth, min(create_time) AS oldest
         FROM (SELECT create_time FROM outbox WHERE publish_time IS NULL ORDER BY seq LIMIT $1)
              AS waiting",
    )
    .bind(DEPTH_MAX)
    .fetch_one(connection)
    .await?;
    let oldest: Option<jiff_sqlx::Timestamp> = row.try_get("oldest")?;
    Ok((row.try_get("depth")?, oldest.map(jiff_sqlx::Timestamp::to_jiff)))
}

fn earlier(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn unsigned(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}
