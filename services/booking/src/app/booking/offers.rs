//! What losers are told instead. A crowd that was refused one spot must not be sent to the next one
//! together: the free spots are searched for once and dealt out, so that each loser is told another
//! one first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::window::Window;
use sqlx::PgPool;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::booking::search;

/// Free spots told to one driver.
const TOLD_MAX: usize = 5;
/// Free spots that are searched for at a time, nearest first.
const DEALT_MAX: i64 = 200;
/// How long the spots of one search are dealt out.
const FRESH_FOR: Duration = Duration::from_millis(250);
/// How long a spot that somebody was told first is left to them.
const LEFT_FOR: Duration = Duration::from_secs(3);
/// Searches, and spots told first, kept in mind; beyond it those of the last moments.
const KEPT_MAX: usize = 4_096;

/// The searches of this process, and what was told. Clones share them.
#[derive(Clone, Default)]
pub struct Offers {
    searches: Arc<Mutex<Searches>>,
    told: Arc<Mutex<Told>>,
}

type Searches = HashMap<(SpotId, Window), Arc<Search>>;

struct Search {
    begun: Instant,
    free: OnceCell<Vec<Spot>>,
}

/// When each spot was last told first.
#[derive(Default)]
struct Told(HashMap<SpotId, Instant>);

impl Told {
    /// The nearest spot that nobody was told first of late, else the one told longest ago; then its
    /// neighbours in the order of nearness.
    fn next(&mut self, free: &[Spot]) -> Vec<Spot> {
        if self.0.len() >= KEPT_MAX {
            self.0.retain(|_, told| told.elapsed() < LEFT_FOR);
        }
        let told = |spot: &Spot| self.0.get(&spot.spot_id).filter(|at| at.elapsed() < LEFT_FOR);
        let first = free.iter().enumerate().min_by_key(|(_, spot)| told(spot));
        let Some((place, first)) = first else { return Vec::new() };
        self.0.insert(first.spot_id, Instant::now());
        let (before, from) = free.split_at(place);
        from.iter().chain(before).take(TOLD_MAX).cloned().collect()
    }
}

impl Offers {
    /// Free spots of the same pool for somebody who was refused `spot`.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn deal(
        &self,
        pool: &PgPool,
        spot: &Spot,
        window: &Window,
    ) -> Result<Vec<Spot>, Error> {
        let search = self.search(spot.spot_id, *window);
        // Whoever comes first searches, the others wait for it.
        let free = search
            .free
            .get_or_try_init(|| search::alternatives(pool, spot, window, DEALT_MAX))
            .await?;
        Ok(self.told.lock().unwrap_or_else(PoisonError::into_inner).next(free))
    }

    fn search(&self, spot_id: SpotId, window: Window) -> Arc<Search> {
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |search: &Arc<Search>| search.begun.elapsed() < FRESH_FOR;
        if let Some(search) = searches.get(&(spot_id, window)).filter(|search| fresh(search)) {
            return Arc::clone(search);
        }
        if searches.len() >= KEPT_MAX {
            searches.retain(|_, search| fresh(search));
        }
        let search = Arc::new(Search { begun: Instant::now(), free: OnceCell::new() });
        searches.insert((spot_id, window), Arc::clone(&search));
        search
    }
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
