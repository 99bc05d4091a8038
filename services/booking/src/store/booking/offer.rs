//! Spots that a loser was told first, in any replica: left to them for a moment, so that losers of one
//! moment are not all sent to the same spot. Nothing depends on it: whoever wants such a spot gets it. A
//! spot remembers the last window that it was told for, and is told for others meanwhile.

use std::time::Duration;

use parkmesh_contracts::window::Window;
use sqlx::PgExecutor;

use super::search::{free_spots_near, near, unbooked};
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::inventory::spot::of_row as spot_of_row;

/// Claims free spots instead of one, nearest first, so many at most and for so long. Rows of others are
/// not waited for in any order but that of the spots; what another replica claims at the same moment
/// is left out, so that it may be fewer, though more are free.
///
/// # Errors
/// The store's.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    spot: &Spot,
    kept: &Window,
    (many, time): (usize, Duration),
) -> Result<Vec<Spot>, Error> {
    let statement = concat!(
        "WITH free AS MATERIALIZED (SELECT near.*, row_number() OVER () AS place FROM (",
        free_spots_near!(
            "AND NOT EXISTS (SELECT FROM offer
               WHERE offer.spot_id = s.spot_id AND offer.end_time > park_now()
                 AND offer.during && tstzrange($5, $6, '[)') OFFSET 0)
             LIMIT $9"
        ),
        ") AS near
         ), claimed AS (
             INSERT INTO offer (spot_id, end_time, during)
             SELECT spot_id, park_now() + make_interval(secs => $10), tstzrange($5, $6, '[)')
             FROM free ORDER BY spot_id
             ON CONFLICT (spot_id) DO UPDATE
             SET end_time = excluded.end_time, during = excluded.during
             WHERE offer.end_time <= (SELECT park_now()) OR NOT offer.during && excluded.during
             RETURNING spot_id
         )
         SELECT * FROM free WHERE (spot_id IN (SELECT spot_id FROM claimed)) IS TRUE ORDER BY place"
    );
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    let query = near(statement, spot, kept, many)?.bind(time.as_secs_f64());
    query.fetch_all(executor).await?.iter().map(spot_of_row).collect()
}
