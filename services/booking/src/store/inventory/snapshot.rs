//! Live windows for the snapshot, and the one moment that it shows.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::LotId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::domain::inventory::LiveWindow;
use crate::error::Error;
use crate::store::inventory::spot::spot_type;

/// Windows of one [`next_windows`]; its statement says the same number.
pub const WINDOWS_MAX: i64 = 500;

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
        lot_id: row.try_get::<Uuid, _>("lot_id")?.into(),
        spot_id: row.try_get::<Option<Uuid>, _>("spot_id")?.map(Into::into),
        spot_type: row
            .try_get::<Option<i16>, _>("spot_type")?
            .map_or(Ok(SpotType::Unspecified), spot_type)?,
        start: bound("start_time")?,
        end: bound("end_time")?,
        turnaround_seconds: row.try_get("turnaround_seconds")?,
        state: BookingState::try_from(i32::from(row.try_get::<i16, _>("state")?))
            .map_err(|error| super::broken("state", error))?,
        version: row.try_get("version")?,
        hold_expire_time: time("hold_expire_time")?,
    })
}

/// Opens the cursor of the windows of bookings that are held (and not lapsed), reserved or active.
/// A cursor, because every page of a search by key would sort all live bookings anew.
///
/// # Errors
/// The store's.
pub async fn open_windows(connection: &mut PgConnection, only: Option<LotId>) -> Result<(), Error> {
    // The index of deadlines holds the live bookings only, however many have ended. A hold whose
    // payment is under way ends later than the driver was told.
    sqlx::query(
        "DECLARE live_window NO SCROLL CURSOR FOR
         SELECT booking_id, lot_id, CASE WHEN NOT spot_pending THEN spot_id END AS spot_id, spot_type,
                lower(during) AS start_time, 
                upper(during) - make_interval(secs => turnaround_seconds) AS end_time,
                turnaround_seconds, state,
                version,
                CASE WHEN state = 1 THEN greatest(hold_expire_time, confirm_until) END
                    AS hold_expire_time
         FROM booking
         WHERE due_time IS NOT NULL AND spot_id IS NOT NULL AND ($1::uuid IS NULL OR lot_id = $1)
           AND (state IN (2, 3)
                OR (state = 1 AND greatest(hold_expire_time, confirm_until) > park_now()))",
    )
    .bind(only.map(LotId::as_uuid))
    .persistent(false)
    .execute(connection)
    .await?;
    Ok(())
}

/// The next windows of the cursor, at most [`WINDOWS_MAX`]; fewer at its end.
///
/// # Errors
/// The store's.
pub async fn next_windows(connection: &mut PgConnection) -> Result<Vec<LiveWindow>, Error> {
    let rows = sqlx::query("FETCH FORWARD 500 FROM live_window")
        .persistent(false)
        .fetch_all(connection)
        .await?;
    rows.iter().map(of_row).collect()
}
