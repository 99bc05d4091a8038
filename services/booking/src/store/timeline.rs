//! Why spots and bookings are as they are. The database keeps the timeline itself, whenever a fact is
//! written (see its migration); here it is told who brings the facts of a transaction about, and read.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::{SpotId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::timeline::Entry;
use crate::error::Error;
use crate::store::inventory::broken;

/// Says who brings about what the transaction tells from here on, as far as its facts do not say.
///
/// # Errors
/// The store's.
pub async fn sign(
    connection: &mut PgConnection,
    cause: Cause,
    actor: Option<&UserId>,
) -> Result<(), Error> {
    sqlx::query(
        "SELECT set_config('parkmesh.cause', $1, true), set_config('parkmesh.actor', $2, true)",
    )
    .bind(i32::from(cause).to_string())
    .bind(actor.map_or("", UserId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

fn of_row(row: &PgRow) -> Result<Entry, Error> {
    let cause: i16 = row.try_get("cause")?;
    Ok(Entry {
        entry_id: row.try_get("entry_id")?,
        aggregate_id: row.try_get("aggregate_id")?,
        spot_id: row.try_get("spot_id")?,
        version: row.try_get("version")?,
        fact_type: row.try_get("fact_type")?,
        cause: Cause::try_from(i32::from(cause)).map_err(|error| broken("cause", error))?,
        actor: row.try_get("actor")?,
        create_time: row.try_get::<jiff_sqlx::Timestamp, _>("create_time")?.to_jiff(),
    })
}

/// What belongs to a story beside the facts of bookings and spots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// The booking or the spot that it is of.
    pub aggregate_id: Uuid,
    /// The spot, where there is one.
    pub spot_id: Option<SpotId>,
    /// Version of the booking, or what counts these facts.
    pub version: i64,
    /// The fact, as its publisher names it.
    pub fact_type: &'static str,
    /// What brought it about.
    pub cause: Cause,
    /// When, or since when.
    pub create_time: Timestamp,
}

/// Adds it to the story.
///
/// # Errors
/// The store's.
pub async fn note(connection: &mut PgConnection, note: &Note) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO timeline (aggregate_id, spot_id, version, fact_type, cause, create_time)
         VALUES ($1, coalesce($6, $1), $2, $3, $4, $5)",
    )
    .bind(note.aggregate_id)
    .bind(note.version)
    .bind(note.fact_type)
    .bind(i16::try_from(i32::from(note.cause)).map_err(|error| broken("cause", error))?)
    .bind(note.create_time.to_sqlx())
    .bind(note.spot_id.map(SpotId::as_uuid))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose story is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A spot's, with that of bookings while they had it.
    Spot(Uuid),
    /// A booking's.
    Booking(Uuid),
}

/// Entries, newest first, before the entry `before`; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    of: Of,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let (query, key) = match of {
        Of::Spot(spot_id) => {
            let of_spot = sqlx::query(
                "SELECT * FROM timeline WHERE spot_id = $1 AND ($2::bigint IS NULL OR entry_id < $2)
                 ORDER BY entry_id DESC LIMIT $3",
            );
            (of_spot, spot_id)
        }
        Of::Booking(booking_id) => {
            let of_booking = sqlx::query(
                "SELECT * FROM timeline
                 WHERE aggregate_id = $1 AND ($2::bigint IS NULL OR entry_id < $2)
                 ORDER BY entry_id DESC LIMIT $3",
            );
            (of_booking, booking_id)
        }
    };
    let rows = query.bind(key).bind(before).bind(limit).fetch_all(executor).await?;
    rows.iter().map(of_row).collect()
}
