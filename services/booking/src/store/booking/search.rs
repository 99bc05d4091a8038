//! Free spots: those of a pool that can be tried, and those that a loser is told instead.

use std::collections::HashSet;
use std::iter;

use jiff_sqlx::ToSqlx;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId};
use parkmesh_contracts::window::Window;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, PgExecutor, Postgres, Row};

use crate::domain::inventory::Spot;
use crate::domain::pooling::Pooling;
use crate::error::Error;
use crate::store::inventory::spot::{of_row as spot_of_row, type_number};

// The searches below order the spots first and look at bookings one spot after the other, until
// enough are found: `OFFSET 0` keeps Postgres from looking at the bookings of all spots beforehand, and
// from joining the closures or bookings of all lots (see `hold`).

/// Nobody has the spot of `s` from one moment to the other.
macro_rules! unbooked {
    ($start:literal, $end:literal) => {
        concat!(
            "NOT EXISTS (SELECT FROM booking AS other
             WHERE other.spot_id = s.spot_id AND other.span && span_of(",
            $start,
            ", ",
            $end,
            ")
               AND other.state IN (1, 2, 3)
               AND (other.state <> 1 OR other.due_time > park_now()) OFFSET 0) "
        )
    };
}

/// The spots of the type and lot of one, without itself, that are free for all that would be kept, nearest
/// first: by floor, then by distance on the plan. Its parameters are those of [`near`]; what follows may
/// say more, and how many.
macro_rules! free_spots_near {
    ($($rest:literal)?) => {
        concat!(
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
               AND coalesce(closure.spot_id, s.spot_id) = s.spot_id OFFSET 0)
           AND ",
            unbooked!("$5", "$6"),
            $($rest)?
        )
    };
}
pub(super) use {free_spots_near, unbooked};

/// Binds what is near to what, and when, as [`free_spots_near`] has it; `limit` is the ninth parameter.
///
/// # Errors
/// The store's.
pub(super) fn near<'q>(
    statement: &'static str,
    spot: &Spot,
    kept: &Window,
    limit: usize,
) -> Result<Query<'q, Postgres, PgArguments>, Error> {
    Ok(sqlx::query(statement)
        .bind(spot.lot_id.as_uuid())
        .bind(type_number(spot.spot_type)?)
        .bind(spot.floor_id.as_uuid())
        .bind(spot.spot_id.as_uuid())
        .bind(kept.start().to_sqlx())
        .bind(kept.end().to_sqlx())
        .bind(spot.plan_x)
        .bind(spot.plan_y)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX)))
}

/// Spots that are free for all that would be kept instead of one, nearest first; at most `limit`.
///
/// # Errors
/// The store's.
pub async fn alternatives(
    executor: impl PgExecutor<'_>,
    spot: &Spot,
    kept: &Window,
    limit: usize,
) -> Result<Vec<Spot>, Error> {
    let query = near(free_spots_near!("LIMIT $9"), spot, kept, limit)?;
    query.fetch_all(executor).await?.iter().map(spot_of_row).collect()
}

/// A pool that is searched for spots that are free for a whole window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool {
    /// The lot.
    pub lot_id: LotId,
    /// The type.
    pub spot_type: SpotType,
    /// The floor liked best.
    pub preferred: Option<FloorId>,
    /// No car may be known to stand on it, nor its sensor be silent: it is needed now.
    pub empty: bool,
    /// When: the window with the lot's turnaround after it.
    pub kept: Window,
    /// How the lot hands out its spots.
    pub pooling: Pooling,
}

/// The key of the advisory lock that claims a spot from a moment on.
macro_rules! claim_key {
    ($spot_id:literal, $start:literal) => {
        concat!(
            "uuid_hash_extended(",
            $spot_id,
            ", floor(extract(epoch FROM ",
            $start,
            "))::bigint)"
        )
    };
}
pub(super) use claim_key;

/// What is free of each pool, one spot after the other until enough are found; what is claimed is claimed only then.
macro_rules! free_spots_of_pools {
    ($($claimed:expr),*) => {
        concat!(
            "SELECT pool.place, free.*
             FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[],
                         $6::bigint[], $8::boolean[]) WITH ORDINALITY
                  AS pool (lot_id, spot_type, floor_id, start_time, end_time, number, empty, place)
             CROSS JOIN LATERAL (SELECT free.* FROM (
                 SELECT s.* FROM (
                     SELECT s.spot_id, s.lot_id, s.floor_id, s.spot_number, s.spot_type,
                            s.out_of_service, s.plan_x, s.plan_y, s.latitude, s.longitude, s.version
                     FROM spot AS s
                     WHERE s.lot_id = pool.lot_id AND s.spot_type = pool.spot_type
                       AND NOT s.out_of_service
                     ORDER BY (s.floor_id = pool.floor_id) IS TRUE DESC,
                              uuid_hash_extended(s.spot_id, $7)
                     OFFSET 0) AS s
                 WHERE NOT EXISTS (SELECT FROM closure
                     WHERE closure.lot_id = s.lot_id AND closure.end_time > pool.start_time
                       AND closure.start_time < pool.end_time
                       AND coalesce(closure.floor_id, s.floor_id) = s.floor_id
                       AND coalesce(closure.spot_id, s.spot_id) = s.spot_id OFFSET 0)
                   AND ",
            unbooked!("pool.start_time", "pool.end_time"),
            "      AND NOT (pool.empty AND EXISTS (SELECT FROM spot_reality AS ground
                     WHERE ground.spot_id = s.spot_id AND ground.occupied IS NOT FALSE OFFSET 0))
                 OFFSET 0) AS free ",
                $($claimed,)*
                " LIMIT pool.number) AS free"
        )
    };
}

/// Free spots of each pool, as many as are asked for with it: those of the preferred floor first,
/// else in an order that `seed` chooses, because callers of one moment must not all want the same.
///
/// # Errors
/// The store's.
pub async fn candidates(
    executor: impl PgExecutor<'_>,
    pools: &[(Pool, i64)],
    seed: i64,
) -> Result<Vec<Vec<Spot>>, Error> {
    search(executor, free_spots_of_pools!(), pools, seed).await
}

/// The same, but each is claimed for this session until it ends its advisory locks: what others have claimed is left out, and
/// nobody who claims, or yields to claims (see `hold`), meets another's try. So those who came first get what was found, in
/// their order. A claim is a courtesy and guards nothing: the exclusion constraint does.
///
/// # Errors
/// The store's.
pub async fn claim(
    connection: &mut PgConnection,
    pools: &[(Pool, i64)],
    seed: i64,
) -> Result<Vec<Vec<Spot>>, Error> {
    let statement = free_spots_of_pools!(
        "WHERE pg_try_advisory_lock(",
        claim_key!("free.spot_id", "pool.start_time"),
        ")"
    );
    let mut found = search(&mut *connection, statement, pools, seed).await?;
    if found.iter().all(Vec::is_empty) {
        return Ok(found);
    }
    // Whoever let go of a claim while this was running may have booked what is claimed here: the statement sees the
    // table as it was before it.
    let claimed =
        || pools.iter().zip(&found).flat_map(|((pool, _), s)| s.iter().zip(iter::repeat(pool)));
    let rows = sqlx::query(concat!(
        "SELECT s.place FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY
             AS s (spot_id, start_time, end_time, place)
         WHERE ",
        unbooked!("s.start_time", "s.end_time")
    ))
    .bind(claimed().map(|(spot, _)| spot.spot_id.as_uuid()).collect::<Vec<_>>())
    .bind(claimed().map(|(_, pool)| pool.kept.start().to_sqlx()).collect::<Vec<_>>())
    .bind(claimed().map(|(_, pool)| pool.kept.end().to_sqlx()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let places = rows.iter().map(|row| row.try_get(0));
    let free = places.collect::<Result<HashSet<i64>, _>>()?;
    let mut places = 1..;
    for spots in &mut found {
        spots.retain(|_| places.next().is_some_and(|place| free.contains(&place)));
    }
    Ok(found)
}

async fn search(
    executor: impl PgExecutor<'_>,
    statement: &'static str,
    pools: &[(Pool, i64)],
    seed: i64,
) -> Result<Vec<Vec<Spot>>, Error> {
    let (mut lots, mut types, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    let (mut starts, mut ends, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let mut empties = Vec::new();
    for (pool, limit) in pools {
        lots.push(pool.lot_id.as_uuid());
        types.push(type_number(pool.spot_type)?);
        floors.push(pool.preferred.map(FloorId::as_uuid));
        starts.push(pool.kept.start().to_sqlx());
        ends.push(pool.kept.end().to_sqlx());
        limits.push(*limit);
        empties.push(pool.empty);
    }
    let rows = sqlx::query(statement)
        .bind(lots)
        .bind(types)
        .bind(floors)
        .bind(starts)
        .bind(ends)
        .bind(limits)
        .bind(seed)
        .bind(empties)
        .fetch_all(executor)
        .await?;
    let mut found = vec![Vec::new(); pools.len()];
    for row in &rows {
        let place = usize::try_from(row.try_get::<i64, _>("place")? - 1).unwrap_or_default();
        if let Some(place) = found.get_mut(place) {
            place.push(spot_of_row(row)?);
        }
    }
    Ok(found)
}
