//! Spots that a loser was told first, in any replica: left to them for a moment, so that losers of one
//! moment are not all sent to the same spot. Nothing depends on it: whoever wants such a spot gets it. A
//! spot remembers the last window that it was told for, and is told for others meanwhile.

use std::time::Duration;

use parkmesh_contracts::window::Window;
use sqlx::{PgExecutor, Row};

use super::search::{free_spots_near, near, unbooked};
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::inventory::spot::of_row as spot_of_row;

/// A free spot that nobody was told first of late.
pub struct Offer {
    /// The spot.
    pub spot: Spot,
    /// Whether it is claimed now.
    pub is_claimed: bool,
}

/// Free spots instead of one that nobody was told first for this window, nearest first, so many at most, and claims so many of
/// them for so long. Rows of others are not waited for in any order but that of the spots; what another replica claims at the same
/// moment is not, so that it may be fewer, though more are free.
///
/// # Errors
/// The store's.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    spot: &Spot,
    kept: &Window,
    (many, claims): (usize, usize),
    time: Duration,
) -> Result<Vec<Offer>, Error> {
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
             SELECT spot_id, park_now() + make_interval(secs => $11), tstzrange($5, $6, '[)')
             FROM free WHERE place <= $10 ORDER BY spot_id
             ON CONFLICT (spot_id) DO UPDATE
             SET end_time = excluded.end_time, during = excluded.during
             WHERE offer.end_time <= (SELECT park_now()) OR NOT offer.during && excluded.during
             RETURNING spot_id
         )
         SELECT free.*, (spot_id IN (SELECT spot_id FROM claimed)) IS TRUE AS is_claimed
         FROM free ORDER BY place"
    );
    let claims = i64::try_from(claims).unwrap_or(i64::MAX);
    let query = near(statement, spot, kept, many)?.bind(claims).bind(time.as_secs_f64());
    let rows = query.fetch_all(executor).await?;
    let offer = |row| Ok(Offer { spot: spot_of_row(row)?, is_claimed: row.try_get("is_claimed")? });
    rows.iter().map(offer).collect()
}
