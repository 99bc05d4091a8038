//! What has become free where somebody waits: noted by triggers (see the migration) and by searches, until
//! it has been offered.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::SpotId;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use crate::domain::waitlist::Line;
use crate::error::Error;
use crate::store::inventory::spot::{spot_type, type_number};

/// A spot that became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its row; None for a spot that somebody asks for at this moment.
    pub mark_id: Option<i64>,
    /// The spot.
    pub spot_id: SpotId,
    /// When; None for any time.
    pub during: Option<(Timestamp, Timestamp)>,
}

impl Mark {
    /// The spot at any time, without a row.
    pub const fn of(spot_id: SpotId) -> Self {
        Self { mark_id: None, spot_id, during: None }
    }
}

/// What has become free for a line; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn of_line(
    connection: &mut PgConnection,
    line: Line,
    limit: i64,
) -> Result<Vec<Mark>, Error> {
    let rows = sqlx::query(
        "SELECT freed.mark_id, freed.spot_id, lower(freed.during), upper(freed.during)
         FROM waitlist_freed AS freed JOIN spot ON spot.spot_id = freed.spot_id
         WHERE freed.lot_id = $1 AND spot.spot_type = $2 ORDER BY freed.mark_id LIMIT $3",
    )
    .bind(line.lot_id.as_uuid())
    .bind(type_number(line.spot_type)?)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mark = |row: &sqlx::postgres::PgRow| {
        let time = |column| Ok::<_, Error>(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column)?);
        let during = time(2)?.zip(time(3)?).map(|(from, to)| (from.to_jiff(), to.to_jiff()));
        let spot_id = row.try_get::<Uuid, _>(1)?.into();
        Ok(Mark { mark_id: Some(row.try_get(0)?), spot_id, during })
    };
    rows.iter().map(mark).collect()
}

/// Notes spots that a search has found free.
///
/// # Errors
/// The store's.
pub async fn note(executor: impl PgExecutor<'_>, spots: &[Uuid]) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO waitlist_freed (lot_id, spot_id)
         SELECT lot_id, spot_id FROM spot WHERE spot_id = ANY ($1)",
    )
    .bind(spots)
    .execute(executor)
    .await?;
    Ok(())
}

/// Takes away what has been looked at.
///
/// # Errors
/// The store's.
pub async fn forget(connection: &mut PgConnection, marks: &[Mark]) -> Result<(), Error> {
    let marks: Vec<i64> = marks.iter().filter_map(|mark| mark.mark_id).collect();
    sqlx::query("DELETE FROM waitlist_freed WHERE mark_id = ANY ($1)")
        .bind(marks)
        .execute(connection)
        .await?;
    Ok(())
}

/// Lines for which something has become free; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn lines(executor: impl PgExecutor<'_>, limit: i64) -> Result<Vec<Line>, Error> {
    let rows = sqlx::query(
        "SELECT DISTINCT freed.lot_id, spot.spot_type
         FROM waitlist_freed AS freed JOIN spot ON spot.spot_id = freed.spot_id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let line = |row: &sqlx::postgres::PgRow| {
        let lot_id = row.try_get::<Uuid, _>(0)?.into();
        Ok(Line { lot_id, spot_type: spot_type(row.try_get(1)?)? })
    };
    rows.iter().map(line).collect()
}

/// Lets the pools of lots that have changed be searched for all who wait there.
///
/// # Errors
/// The store's.
pub async fn search_changed_lots(executor: impl PgExecutor<'_>) -> Result<(), Error> {
    sqlx::query(
        "WITH changed AS (DELETE FROM waitlist_freed WHERE spot_id IS NULL RETURNING lot_id)
         UPDATE waitlist_entry SET next_search_time = '-infinity'
         WHERE state = 1 AND lot_id IN (SELECT lot_id FROM changed)",
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// The times of marks, to bind: both None for any time.
pub(super) fn columns(
    marks: &[Mark],
) -> (Vec<Uuid>, Vec<Option<jiff_sqlx::Timestamp>>, Vec<Option<jiff_sqlx::Timestamp>>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for mark in marks {
        columns.0.push(mark.spot_id.as_uuid());
        columns.1.push(mark.during.map(|(from, _)| from.to_sqlx()));
        columns.2.push(mark.during.map(|(_, to)| to.to_sqlx()));
    }
    columns
}
