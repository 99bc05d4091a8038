//! What moves: locked, changed by the rules, written back, all in one transaction.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_eventbus::outbox;
use sqlx::{PgConnection, PgExecutor, Row};

use super::broken;
use super::row::{GroundColumns, select_sensor, sensor_of, time};
use crate::domain::sensor::Sensor;
use crate::error::Error;

/// Sensors of these devices, locked until the end of the transaction. In the order of their names,
/// so that
/// two writers with common devices wait for each other instead of dying of a deadlock.
///
/// # Errors
/// The store's.
pub async fn lock(
    connection: &mut PgConnection,
    device_ids: &[String],
) -> Result<Vec<Sensor>, Error> {
    let rows = sqlx::query(select_sensor!(
        "WHERE device_id = ANY($1) ORDER BY device_id FOR NO KEY UPDATE"
    ))
    .bind(device_ids)
    .fetch_all(connection)
    .await?;
    rows.iter().map(sensor_of).collect()
}

/// Sensors to look at for their silence, locked; without those that somebody else has locked.
///
/// # Errors
/// The store's.
pub async fn lock_quiet(
    connection: &mut PgConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Sensor>, Error> {
    let rows = sqlx::query(select_sensor!(
        "WHERE silence_look_time <= $1 ORDER BY silence_look_time LIMIT $2
         FOR NO KEY UPDATE SKIP LOCKED"
    ))
    .bind(now.to_sqlx())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter().map(sensor_of).collect()
}

/// When pending changes settle, and the devices that told of them: of all, or of those that should have settled by this
/// time. Reads the whole table.
///
/// # Errors
/// The store's.
pub async fn pending(
    executor: impl PgExecutor<'_>,
    by: Option<Timestamp>,
) -> Result<Vec<(Timestamp, String)>, Error> {
    let rows = sqlx::query(
        "SELECT settle_time, device_id FROM sensor WHERE settle_time <= coalesce($1, 'infinity')",
    )
    .bind(by.map(ToSqlx::to_sqlx))
    .fetch_all(executor)
    .await?;
    let pending = rows.iter().map(|row| {
        let settle_time =
            time(row, "settle_time")?.ok_or_else(|| broken("settle_time", "is null"))?;
        Ok((settle_time, row.try_get("device_id")?))
    });
    pending.collect()
}

/// Writes back what moves, and the facts that tell of it, in one statement.
///
/// # Errors
/// The store's.
pub async fn write<'a>(
    connection: &mut PgConnection,
    sensors: impl IntoIterator<Item = &'a Sensor>,
    facts: &[outbox::Row],
) -> Result<(), Error> {
    let (columns, facts) = (GroundColumns::of(sensors), outbox::Columns::of(facts));
    if columns.sensor_ids.is_empty() && facts.fact_ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH moved AS (
         UPDATE sensor SET last_seen_time = new.last_seen_time, last_boot = new.last_boot,
                last_sequence = new.last_sequence, last_device_time = new.last_device_time,
                recent_messages = new.recent_messages, battery_percent = new.battery_percent,
                state = new.state, change_time = new.change_time, version = new.version,
                pending_occupied = new.pending_occupied,
                pending_change_time = new.pending_change_time,
                pending_receive_time = new.pending_receive_time, settle_time = new.settle_time,
                flaps = new.flaps, flap_time = new.flap_time,
                silence_look_time = new.silence_look_time, low_confidence = new.low_confidence,
                faulty = new.faulty, battery_low = new.battery_low, suspect = new.suspect,
                suspect_count = new.suspect_count
         FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::timestamptz[],
                     $6::bytea[], $7::smallint[], $8::smallint[], $9::timestamptz[], $10::bigint[],
                     $11::bool[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
                     $15::int[], $16::timestamptz[], $17::timestamptz[], $18::smallint[],
                     $19::bool[], $20::bool[], $21::bool[], $22::bigint[])
              AS new (sensor_id, last_seen_time, last_boot, last_sequence, last_device_time,
                      recent_messages, battery_percent, state, change_time, version,
                      pending_occupied, pending_change_time, pending_receive_time, settle_time,
                      flaps, flap_time, silence_look_time, low_confidence, faulty, battery_low,
                      suspect, suspect_count)
         WHERE sensor.sensor_id = new.sensor_id)
         INSERT INTO outbox (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                             create_time)
         SELECT fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent, create_time
         FROM unnest($23::uuid[], $24::uuid[], $25::bigint[], $26::text[], $27::text[], $28::bytea[],
                     $29::text[], $30::timestamptz[]) WITH ORDINALITY
              AS fact (fact_id, aggregate_id, version, fact_type, lot_id, body, trace_parent,
                       create_time, place)
         ORDER BY place",
    )
    .bind(columns.sensor_ids)
    .bind(columns.last_seen_times)
    .bind(columns.last_boots)
    .bind(columns.last_sequences)
    .bind(columns.last_device_times)
    .bind(columns.recent_messages)
    .bind(columns.battery_percents)
    .bind(columns.states)
    .bind(columns.change_times)
    .bind(columns.versions)
    .bind(columns.pending_occupieds)
    .bind(columns.pending_change_times)
    .bind(columns.pending_receive_times)
    .bind(columns.settle_times)
    .bind(columns.flaps)
    .bind(columns.flap_times)
    .bind(columns.silence_look_times)
    .bind(columns.low_confidences)
    .bind(columns.faulties)
    .bind(columns.battery_lows)
    .bind(columns.suspects)
    .bind(columns.suspect_counts)
    .bind(facts.fact_ids)
    .bind(facts.aggregate_ids)
    .bind(facts.versions)
    .bind(facts.fact_types)
    .bind(facts.lot_ids)
    .bind(facts.bodies)
    .bind(facts.trace_parents)
    .bind(facts.create_times)
    .execute(connection)
    .await?;
    Ok(())
}
