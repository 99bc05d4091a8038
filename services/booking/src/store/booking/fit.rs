//! Free spots of a pool that is filled compactly: the first ones in order, and of those first the one whose gap the window
//! fills best.

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::ids::FloorId;
use sqlx::PgExecutor;

use super::search::Pool;
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::inventory::spot::{of_row as spot_of_row, type_number};

/// Free spots, in their order, that are compared beyond those asked for: a look at the neighbours of each costs two probes.
const LOOKS: i64 = 32;
/// How far a gap is looked at on either side of a window: what is free for longer is as good as empty.
const GAP_SECONDS_MAX: f64 = 86_400.0;

/// Free spots of a pool, at most `limit`: those of the preferred floor first; then those that the window leaves the least time
/// free around; then by floor and number.
///
/// # Errors
/// The store's.
pub async fn candidates(
    executor: impl PgExecutor<'_>,
    pool: &Pool,
    limit: i64,
) -> Result<Vec<Spot>, Error> {
    // As in `search`, `OFFSET 0` makes Postgres look at the bookings of one spot after the other, until enough are free.
    let rows = sqlx::query(
        "SELECT free.*
         FROM (
             SELECT s.* FROM (
                 SELECT s.spot_id, s.lot_id, s.floor_id, s.spot_number, s.spot_type,
                        s.out_of_service, s.plan_x, s.plan_y, s.latitude, s.longitude, s.version,
                        floor.floor_number, (s.floor_id = $3) IS TRUE AS liked
                 FROM spot AS s JOIN floor ON floor.floor_id = s.floor_id
                 WHERE s.lot_id = $1 AND s.spot_type = $2 AND NOT s.out_of_service
                 ORDER BY liked DESC, floor.floor_number, s.spot_number
                 OFFSET 0) AS s
             WHERE NOT EXISTS (SELECT FROM closure
                 WHERE closure.lot_id = s.lot_id AND closure.end_time > $4
                   AND closure.start_time < $5
                   AND coalesce(closure.floor_id, s.floor_id) = s.floor_id
                   AND coalesce(closure.spot_id, s.spot_id) = s.spot_id)
               AND NOT EXISTS (SELECT FROM booking AS other
                 WHERE other.spot_id = s.spot_id AND other.span && span_of($4, $5)
                   AND other.state IN (1, 2, 3)
                   AND (other.state <> 1 OR other.due_time > park_now()))
               AND NOT ($9 AND EXISTS (SELECT FROM spot_reality AS ground
                 WHERE ground.spot_id = s.spot_id AND ground.occupied IS NOT FALSE))
             LIMIT $6 + $7) AS free
         CROSS JOIN LATERAL (
             SELECT max(upper(other.during)) AS time FROM booking AS other
             WHERE other.spot_id = free.spot_id AND other.state IN (1, 2, 3)
               AND other.span && span_of($4 - make_interval(secs => $8), $4)
               AND (other.state <> 1 OR other.due_time > park_now())) AS before
         CROSS JOIN LATERAL (
             SELECT min(lower(other.during)) AS time FROM booking AS other
             WHERE other.spot_id = free.spot_id AND other.state IN (1, 2, 3)
               AND other.span && span_of($5, $5 + make_interval(secs => $8))
               AND (other.state <> 1 OR other.due_time > park_now())) AS after
         ORDER BY free.liked DESC,
             least(extract(epoch FROM $4 - before.time), $8)
                 + least(extract(epoch FROM after.time - $5), $8),
             free.floor_number, free.spot_number
         LIMIT $6",
    )
    .bind(pool.lot_id.as_uuid())
    .bind(type_number(pool.spot_type)?)
    .bind(pool.preferred.map(FloorId::as_uuid))
    .bind(pool.kept.start().to_sqlx())
    .bind(pool.kept.end().to_sqlx())
    .bind(limit)
    .bind(LOOKS)
    .bind(GAP_SECONDS_MAX)
    .bind(pool.empty)
    .fetch_all(executor)
    .await?;
    rows.iter().map(spot_of_row).collect()
}
