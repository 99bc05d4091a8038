//! The clockwork of the lines. Any number of processes may run it. With none, nobody is told in time, but
//! whoever wants what the line has a claim on serves the line first.

use parkmesh_platform::postgres::transaction;
use uuid::Uuid;

use super::{pool_of, room_in};
use crate::app::App;
use crate::domain::waitlist::Entry;
use crate::error::Error;
use crate::store::booking as bookings;
use crate::store::booking::search;
use crate::store::inventory::lot;
use crate::store::waitlist::{self as store, freed};

/// Lines that are served in one round.
const LINES_MAX: i64 = 100;
/// Entries for which their pool is searched in one round: a search looks at every spot of a pool that is
/// sold out.
const SEARCHES_MAX: i64 = 10;
/// Free spots that one search finds at most.
const FOUND_MAX: i64 = 4;
/// Entries that are ended in one round.
const ENDS_MAX: i64 = 500;
/// Lots that are looked at in one round.
const LOTS_MAX: i64 = 100;

impl App {
    /// Offers what has become free since the last round.
    ///
    /// # Errors
    /// The store's; what was done before stays done.
    pub async fn serve_lines(&self) -> Result<usize, Error> {
        let mut offers = 0;
        for line in freed::lines(&self.pool, LINES_MAX).await? {
            offers += self.serve_line(line, None).await?;
        }
        Ok(offers)
    }

    /// Looks for what no note tells of, ends what has waited for too long, and lets lots forget that
    /// somebody waited.
    ///
    /// # Errors
    /// The store's; what was done before stays done.
    pub async fn tend_lines(&self) -> Result<(), Error> {
        freed::search_changed_lots(&self.pool).await?;
        let entries = store::to_search(&self.pool, SEARCHES_MAX).await?;
        if !entries.is_empty() {
            self.search_for(&entries).await?;
        }
        store::end_begun(&self.pool, ENDS_MAX).await?;
        for lot_id in store::deserted(&self.pool, LOTS_MAX).await? {
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    store::lock_lot(connection, lot_id).await?;
                    store::desert(connection, lot_id).await
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Notes what is free for these entries. The line is served as by any other note: it may be for
    /// somebody before them.
    async fn search_for(&self, entries: &[Entry]) -> Result<(), Error> {
        let (mut pools, mut late) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let lot = lot::get(&self.pool, entry.line.lot_id).await?;
            pools.push((pool_of(&lot, entry.line, entry.preferred, &entry.window), FOUND_MAX));
            late.push(lot.pooling.binds_late());
        }
        let seed = i64::from_be_bytes(self.ids.bytes());
        let mut found = search::candidates(&self.pool, &pools, seed).await?;
        for ((pool, late), found) in pools.iter().zip(late).zip(&mut found) {
            if late && found.is_empty() && self.repack(&room_in(&pool.0)).await? {
                *found = search::candidates(&self.pool, &[*pool], seed).await?.concat();
            }
        }
        let spots: Vec<Uuid> = found.iter().flatten().map(|spot| spot.spot_id.as_uuid()).collect();
        if !spots.is_empty() {
            freed::note(&self.pool, &spots).await?;
        }
        let now = bookings::now(&self.pool).await?;
        store::searched(&self.pool, entries, now).await
    }
}
