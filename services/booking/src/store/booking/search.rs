//! What a hold looks at before and after it is tried: the ground it stands on, what was in its way,
//! what else is free.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId, RequestId, SpotId, UserId};
use parkmesh_contracts::window::Window;
use sqlx::{PgExecutor, Row};

use super::{Kept, of_row, select_booking};
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::inventory::spot::{of_row as spot_of_row, type_number};

/// Free spots told to a driver who was refused.
const ALTERNATIVES_MAX: i64 = 5;
/// Spots of a pool that are tried before it is searched again.
const CANDIDATES_MAX: i64 = 8;
/// Lapsed holds that one hold ends; a window has hardly ever more than one.
const LAPSED_MAX: i64 = 50;

/// Reads a spot.
///
/// # Errors
/// [`Error::SpotNotFound`], or the store's.
pub async fn spot(executor: impl PgExecutor<'_>, spot_id: SpotId) -> Result<Spot, Error> {
    let row = sqlx::query(
        "SELECT spot_id, lot_id, floor_id, spot_number, spot_type, out_of_service, plan_x, plan_y,
                latitude, longitude, version
         FROM spot WHERE spot_id = $1",
    )
    .bind(spot_id.as_uuid())
    .fetch_optional(executor)
    .await?;
    spot_of_row(&row.ok_or(Error::SpotNotFound)?)
}

// The searches below order the spots first and look at bookings one spot after the other, until
// enough are found: `OFFSET 0` keeps Postgres from looking at the bookings of all spots beforehand.

/// What stands in the way of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacles {
    /// Somebody has the spot in the window.
    pub taken: bool,
    /// Live holds of the user in the lot.
    pub holds: i64,
    /// The operator closed the spot.
    pub out_of_service: bool,
    /// The spot's version now.
    pub spot_version: i64,
    /// The request itself has been answered before.
    pub answered: bool,
}

/// Looks what stands in the way of this request of the user. A lapsed hold does not.
///
/// # Errors
/// [`Error::SpotNotFound`], or the store's.
pub async fn obstacles(
    executor: impl PgExecutor<'_>,
    spot_id: SpotId,
    window: &Window,
    (user_id, request_id): (&UserId, Option<RequestId>),
) -> Result<Obstacles, Error> {
    let row = sqlx::query(
        "SELECT spot.out_of_service, spot.version,
             EXISTS (SELECT FROM booking AS other
                 WHERE other.spot_id = spot.spot_id AND other.during && tstzrange($2, $3, '[)')
                   AND other.state IN (1, 2, 3)
                   AND (other.state <> 1 OR other.due_time > park_now())) AS taken,
             (SELECT count(*) FROM booking AS own
                 WHERE own.user_id = $4 AND own.lot_id = spot.lot_id AND own.state = 1
                   AND own.due_time > park_now()) AS holds,
             EXISTS (SELECT FROM request
                 WHERE subject = $4 AND request_id = $5) AS answered
         FROM spot WHERE spot.spot_id = $1",
    )
    .bind(spot_id.as_uuid())
    .bind(window.start().to_sqlx())
    .bind(window.end().to_sqlx())
    .bind(user_id.as_str())
    .bind(request_id.map(RequestId::as_uuid))
    .fetch_optional(executor)
    .await?;
    let row = row.ok_or(Error::SpotNotFound)?;
    Ok(Obstacles {
        taken: row.try_get("taken")?,
        holds: row.try_get("holds")?,
        out_of_service: row.try_get("out_of_service")?,
        spot_version: row.try_get("version")?,
        answered: row.try_get("answered")?,
    })
}

/// Lapsed holds that nobody has ended yet: those on the spot in the window, and those of the user
/// in the lot, which still count as taken places among the user's holds.
///
/// # Errors
/// The store's.
pub async fn lapsed(
    executor: impl PgExecutor<'_>,
    spot: &Spot,
    window: &Window,
    user_id: Option<&UserId>,
) -> Result<Vec<Kept>, Error> {
    let rows = sqlx::query(select_booking!(
        "WHERE b.state = 1 AND b.due_time <= park_now() AND b.booking_id IN (
             SELECT booking_id FROM booking
             WHERE spot_id = $1 AND during && tstzrange($2, $3, '[)') AND state IN (1, 2, 3)
             UNION
             SELECT booking_id FROM booking WHERE user_id = $4 AND lot_id = $5 AND state = 1)
         ORDER BY b.booking_id LIMIT $6"
    ))
    .bind(spot.spot_id.as_uuid())
    .bind(window.start().to_sqlx())
    .bind(window.end().to_sqlx())
    .bind(user_id.map(UserId::as_str))
    .bind(spot.lot_id.as_uuid())
    .bind(LAPSED_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(of_row).collect()
}

/// Spots of the same type and lot that are free for the whole window, nearest first: by floor, then
/// by distance on the plan.
///
/// # Errors
/// The store's.
pub async fn alternatives(
    executor: impl PgExecutor<'_>,
    spot: &Spot,
    window: &Window,
) -> Result<Vec<Spot>, Error> {
    let rows = sqlx::query(
        "SELECT s.* FROM (
             SELECT s.spot_id, s.lot_id, s.floor_id, s.spot_number, s.spot_type, s.out_of_service,
                    s.plan_x, s.plan_y, s.latitude, s.longitude, s.version
             FROM spot AS s
             JOIN floor AS f ON f.floor_id = s.floor_id
             JOIN floor AS mine ON mine.floor_id = $3
             WHERE s.lot_id = $1 AND s.spot_type = $2 AND NOT s.out_of_service AND s.spot_id <> $4
             ORDER BY abs(f.floor_number - mine.floor_number),
                      (s.plan_x - $7) ^ 2 + (s.plan_y - $8) ^ 2, s.spot_number
             OFFSET 0) AS s
         WHERE NOT EXISTS (SELECT FROM closure
             WHERE closure.lot_id = s.lot_id AND closure.end_time > $5 AND closure.start_time < $6
               AND coalesce(closure.floor_id, s.floor_id) = s.floor_id
               AND coalesce(closure.spot_id, s.spot_id) = s.spot_id)
           AND NOT EXISTS (SELECT FROM booking AS other
             WHERE other.spot_id = s.spot_id AND other.during && tstzrange($5, $6, '[)')
               AND other.state IN (1, 2, 3)
               AND (other.state <> 1 OR other.due_time > park_now()))
         LIMIT $9",
    )
    .bind(spot.lot_id.as_uuid())
    .bind(type_number(spot.spot_type)?)
    .bind(spot.floor_id.as_uuid())
    .bind(spot.spot_id.as_uuid())
    .bind(window.start().to_sqlx())
    .bind(window.end().to_sqlx())
    .bind(spot.plan_x)
    .bind(spot.plan_y)
    .bind(ALTERNATIVES_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(spot_of_row).collect()
}

/// Spots of a pool that are free for the whole window, those of the preferred floor first, else in
/// an order that `seed` chooses: callers of one moment must not all want the same spot.
///
/// # Errors
/// The store's.
pub async fn candidates(
    executor: impl PgExecutor<'_>,
    (lot_id, spot_type): (LotId, SpotType),
    preferred: Option<FloorId>,
    window: &Window,
    seed: i64,
) -> Result<Vec<Spot>, Error> {
    let rows = sqlx::query(
        "SELECT s.* FROM (
             SELECT s.spot_id, s.lot_id, s.floor_id, s.spot_number, s.spot_type, s.out_of_service,
                    s.plan_x, s.plan_y, s.latitude, s.longitude, s.version
             FROM spot AS s
             WHERE s.lot_id = $1 AND s.spot_type = $2 AND NOT s.out_of_service
             ORDER BY (s.floor_id = $5) IS TRUE DESC, uuid_hash_extended(s.spot_id, $6)
             OFFSET 0) AS s
         WHERE NOT EXISTS (SELECT FROM closure
             WHERE closure.lot_id = s.lot_id AND closure.end_time > $3 AND closure.start_time < $4
               AND coalesce(closure.floor_id, s.floor_id) = s.floor_id
               AND coalesce(closure.spot_id, s.spot_id) = s.spot_id)
           AND NOT EXISTS (SELECT FROM booking AS other
             WHERE other.spot_id = s.spot_id AND other.during && tstzrange($3, $4, '[)')
               AND other.state IN (1, 2, 3)
               AND (other.state <> 1 OR other.due_time > park_now()))
         LIMIT $7",
    )
    .bind(lot_id.as_uuid())
    .bind(type_number(spot_type)?)
    .bind(window.start().to_sqlx())
    .bind(window.end().to_sqlx())
    .bind(preferred.map(FloorId::as_uuid))
    .bind(seed)
    .bind(CANDIDATES_MAX)
    .fetch_all(executor)
    .await?;
    rows.iter().map(spot_of_row).collect()
}
