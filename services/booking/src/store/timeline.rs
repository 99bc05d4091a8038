//! Why spots and bookings are as they are. The database keeps the timeline itself, whenever a fact is
//! written (see its migration); here it is told who brings the facts of a transaction about, and read.

use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::UserId;
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
