//! Bookings whose spot something keeps from them while their start nears.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::SpotBlock;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::window::Window;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::search::{free_spots_near, near, unbooked};
use crate::domain::inventory::{PolicyChoice, Spot};
use crate::error::Error;
use crate::store::inventory::broken;
use crate::store::inventory::spot::of_row as spot_of_row;

/// Reserved bookings that start within `ahead`, or only this one, and what keeps their spot from them;
/// earliest first, at most `limit`. A car is in the way that came before the early-arrival time of the
/// booking, unless it stands there by right: until the end of its own window. What is promised no spot yet
/// is moved without a word.
///
/// # Errors
/// The store's.
pub async fn list(
    executor: impl PgExecutor<'_>,
    only: Option<BookingId>,
    ahead: SignedDuration,
    limit: i64,
) -> Result<Vec<(BookingId, SpotBlock)>, Error> {
    let rows = sqlx::query(
        "SELECT near.booking_id, near.block FROM (
             SELECT b.booking_id, b.start_time,
                 CASE WHEN spot.out_of_service THEN 1
                      WHEN EXISTS (SELECT FROM closure
                          WHERE closure.lot_id = b.lot_id
                            AND closure.end_time > greatest(b.start_time, park_now())
                            AND closure.start_time
                                < upper(b.during) - make_interval(secs => b.turnaround_seconds)
                            AND coalesce(closure.floor_id, b.floor_id) = b.floor_id
                            AND coalesce(closure.spot_id, b.spot_id) = b.spot_id) THEN 2
                      WHEN ground.occupied AND ground.change_time < b.start_time - make_interval(
                              secs => coalesce(nullif(lot.early_arrival_seconds, 0), $3))
                          AND NOT EXISTS (SELECT FROM booking AS there
                              WHERE there.spot_id = b.spot_id AND there.state = 3
                                AND upper(there.during)
                                    - make_interval(secs => there.turnaround_seconds) > park_now())
                          THEN 3
                 END AS block
             FROM booking AS b
             JOIN spot ON spot.spot_id = b.spot_id
             JOIN lot ON lot.lot_id = b.lot_id
             LEFT JOIN spot_reality AS ground ON ground.spot_id = b.spot_id
             WHERE b.state = 2 AND NOT b.spot_pending AND b.due_time > park_now()
               AND b.start_time <= (SELECT park_now()) + make_interval(secs => $2)
               AND ($1::uuid IS NULL OR b.booking_id = $1)) AS near
         WHERE near.block IS NOT NULL ORDER BY near.start_time LIMIT $4",
    )
    .bind(only.map(BookingId::as_uuid))
    .bind(ahead.as_secs_f64())
    .bind(f64::from(PolicyChoice::DEFAULT.early_arrival_seconds))
    .bind(limit)
    .fetch_all(executor)
    .await?;
    let block = |number: i32| SpotBlock::try_from(number).map_err(|error| broken("block", error));
    rows.iter()
        .map(|row| Ok((row.try_get::<Uuid, _>(0)?.into(), block(row.try_get(1)?)?)))
        .collect()
}

/// Spots that are as good for a booking that has `mine`, of the first of these types that has any, free
/// for all that would be kept, and on which no car is known to stand; nearest first, at most `limit`.
///
/// # Errors
/// The store's.
pub async fn instead(
    connection: &mut PgConnection,
    mine: &Spot,
    types: &[SpotType],
    kept: &Window,
    limit: usize,
) -> Result<Vec<Spot>, Error> {
    for spot_type in types {
        let like = Spot { spot_type: *spot_type, ..mine.clone() };
        let statement = free_spots_near!(
            "AND NOT EXISTS (SELECT FROM spot_reality AS ground
                 WHERE ground.spot_id = s.spot_id AND ground.occupied IS DISTINCT FROM false
                 OFFSET 0) LIMIT $9"
        );
        let rows = near(statement, &like, kept, limit)?.fetch_all(&mut *connection).await?;
        if !rows.is_empty() {
            return rows.iter().map(spot_of_row).collect();
        }
    }
    Ok(Vec::new())
}
