//! How far sensors agree with others.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::row::{state_of, time};
use crate::domain::agreement::Agreement;
use crate::domain::ground::State;
use crate::error::Error;

/// A statement of somebody else about a spot, and what its sensor says when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The sensor.
    pub sensor_id: Uuid,
    /// A car is there, they say.
    pub in_session: bool,
    /// What the sensor says.
    pub ground: State,
}

/// Statements whose time to look has come, and will not come again; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn take_due(
    connection: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Statement>, Error> {
    let rows = sqlx::query(
        "WITH due AS (
             SELECT spot_id FROM spot_books WHERE look_time <= $1 ORDER BY look_time LIMIT $2
             FOR NO KEY UPDATE SKIP LOCKED),
         taken AS (
             UPDATE spot_books SET look_time = NULL FROM due WHERE spot_books.spot_id = due.spot_id
             RETURNING spot_books.spot_id, spot_books.in_session)
         SELECT sensor.sensor_id, taken.in_session, sensor.state
         FROM taken JOIN sensor USING (spot_id)",
    )
    .bind(now.to_sqlx())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let of_row = |row: &PgRow| {
        Ok(Statement {
            sensor_id: row.try_get("sensor_id")?,
            in_session: row.try_get("in_session")?,
            ground: state_of(row.try_get("state")?)?,
        })
    };
    rows.iter().map(of_row).collect()
}

/// A floor whose changes nobody has looked at for so long.
///
/// # Errors
/// The store's.
pub async fn find_floor(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    than: SignedDuration,
) -> Result<Option<Uuid>, Error> {
    let row = sqlx::query(
        "SELECT sensor.floor_id FROM sensor LEFT JOIN sensor_agreement AS known USING (sensor_id)
         WHERE known.look_time IS NULL
            OR known.look_time <= $1::timestamptz - make_interval(secs => $2)
         LIMIT 1",
    )
    .bind(now.to_sqlx())
    .bind(than.as_secs_f64())
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// All sensors of a floor: the versions of their spots where they know, and what is known of them.
///
/// # Errors
/// The store's.
pub async fn of_floor(
    connection: &mut PgConnection,
    floor_id: Uuid,
) -> Result<Vec<(Uuid, Option<i64>, Agreement)>, Error> {
    let rows = sqlx::query(
        "SELECT sensor.sensor_id, sensor.state, sensor.version, known.agreed, known.differed,
                known.changes_per_day, known.neighbours_per_day, known.seen_version,
                known.look_time
         FROM sensor LEFT JOIN sensor_agreement AS known USING (sensor_id)
         WHERE sensor.floor_id = $1",
    )
    .bind(floor_id)
    .fetch_all(connection)
    .await?;
    let of_row = |row: &PgRow| {
        let knows = state_of(row.try_get("state")?)? != State::Unknown;
        let version = knows.then(|| row.try_get("version")).transpose()?;
        Ok((row.try_get("sensor_id")?, version, agreement_of(row)?))
    };
    rows.iter().map(of_row).collect()
}

/// What is known of these sensors.
///
/// # Errors
/// The store's.
pub async fn of(
    executor: impl PgExecutor<'_>,
    sensors: &[Uuid],
) -> Result<HashMap<Uuid, Agreement>, Error> {
    let rows = sqlx::query("SELECT * FROM sensor_agreement WHERE sensor_id = ANY($1)")
        .bind(sensors)
        .fetch_all(executor)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("sensor_id")?, agreement_of(row)?))).collect()
}

fn agreement_of(row: &PgRow) -> Result<Agreement, Error> {
    Ok(Agreement {
        agreed: row.try_get::<Option<f64>, _>("agreed")?.unwrap_or_default(),
        differed: row.try_get::<Option<f64>, _>("differed")?.unwrap_or_default(),
        changes_per_day: row.try_get("changes_per_day")?,
        neighbours_per_day: row.try_get("neighbours_per_day")?,
        seen: row.try_get("seen_version")?,
        look_time: time(row, "look_time")?,
    })
}

/// Writes down what is known of sensors.
///
/// # Errors
/// The store's.
pub async fn write(
    connection: &mut PgConnection,
    known: &HashMap<Uuid, Agreement>,
) -> Result<(), Error> {
    let mut rows: Vec<(&Uuid, &Agreement)> = known.iter().collect();
    // Two writers with common sensors wait for each other instead of dying of a deadlock.
    rows.sort_unstable_by_key(|(sensor_id, _)| **sensor_id);
    let looked = |one: &Agreement| one.look_time.map(|time| time.to_sqlx());
    sqlx::query(
        "INSERT INTO sensor_agreement (sensor_id, agreed, differed, changes_per_day,
                                       neighbours_per_day, seen_version, look_time)
         SELECT * FROM unnest($1::uuid[], $2::float8[], $3::float8[], $4::float8[], $5::float8[],
                              $6::bigint[], $7::timestamptz[])
         ON CONFLICT (sensor_id) DO UPDATE
         SET agreed = excluded.agreed, differed = excluded.differed,
             changes_per_day = excluded.changes_per_day,
             neighbours_per_day = excluded.neighbours_per_day,
             seen_version = excluded.seen_version, look_time = excluded.look_time",
    )
    .bind(rows.iter().map(|(sensor_id, _)| **sensor_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| one.agreed).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| one.differed).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| one.changes_per_day).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| one.neighbours_per_day).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| one.seen).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, one)| looked(one)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
