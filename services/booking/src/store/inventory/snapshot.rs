//! Live windows for the snapshot, and the one moment that it shows.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::LotId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::domain::inventory::LiveWindow;
use crate::error::Error;

/// Makes the transaction show one moment and write nothing. The reader decides how fast it takes
/// rows: a wait for it may be `idle_ms` long.
///
/// # Errors
/// The store's.
pub async fn begin(connection: &mut PgConnection, idle_ms: u64) -> Result<(), Error> {
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT set_config('idle_in_transaction_session_timeout', $1, true)")
        .bind(format!("{idle_ms}ms"))
        .execute(&mut *connection)
        .await?;
    Ok(())
}

fn of_row(row: &PgRow) -> Result<LiveWindow, Error> {
    let time = |column: &str| -> Result<Option<Timestamp>, Error> {
        let time: Option<jiff_sqlx::Timestamp> = row.try_get(column)?;
        Ok(time.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let bound = |column: &str| time(column)?.ok_or_else(|| super::broken(column, "has no bound"));
    Ok(LiveWindow {
        booking_id: row.try_get::<Uuid, _>("booking_id")?.into(),
        spot_id: row.try_get::<Uuid, _>("spot_id")?.into(),
        start: bound("start_time")?,
        end: bound("end_time")?,
        state: BookingState::try_from(i32::from(row.try_get::<i16, _>("state")?))
            .map_err(|error| super::broken("state", error))?,
        version: row.try_get("version")?,
        hold_expire_time: time("hold_expire_time")?,
    })
}

/// How far the rows of a kind have been read.
#[derive(Debug, Clone, Copy)]
pub struct After {
    /// Windows only: the last one's deadline, which every live booking has.
    pub due_time: Timestamp,
    /// Id of the last row.
    pub id: Uuid,
}

impl After {
    /// Before the first: no deadline is older than 1970.
    pub const NOTHING: Self = Self { due_time: Timestamp::UNIX_EPOCH, id: Uuid::nil() };
}

/// Windows of bookings that are held (and not lapsed), reserved or active, by deadline after
/// `after`, and how far that is; None when there are no more.
///
/// # Errors
/// The store's.
pub async fn scan(
    connection: &mut PgConnection,
    only: Option<LotId>,
    after: After,
    limit: i64,
) -> Result<(Vec<LiveWindow>, Option<After>), Error> {
    // The index of deadlines holds the live bookings only, however many have ended. A hold whose
    // payment is under way ends later than the driver was told.
    let rows = sqlx::query(
        "SELECT booking_id, spot_id, lower(during) AS start_time, upper(during) AS end_time, state,
                version, due_time,
                CASE WHEN state = 1 THEN greatest(hold_expire_time, confirm_until) END
                    AS hold_expire_time
         FROM booking
         WHERE due_time IS NOT NULL AND (due_time, booking_id) > ($2, $3)
           AND ($1::uuid IS NULL OR lot_id = $1)
           AND (state IN (2, 3)
                OR (state = 1 AND greatest(hold_expire_time, confirm_until) > park_now()))
         ORDER BY due_time, booking_id LIMIT $4",
    )
    .bind(only.map(LotId::as_uuid))
    .bind(after.due_time.to_sqlx())
    .bind(after.id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let windows = rows.iter().map(of_row).collect::<Result<_, _>>()?;
    let Some(last) = rows.last() else { return Ok((windows, None)) };
    let due_time = last.try_get::<jiff_sqlx::Timestamp, _>("due_time")?.to_jiff();
    Ok((windows, Some(After { due_time, id: last.try_get("booking_id")? })))
}
