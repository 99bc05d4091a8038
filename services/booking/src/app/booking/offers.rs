//! What losers are told instead. A crowd that was refused one spot must not be sent to the next one
//! together: the free spots are searched for once and dealt out, so that each loser is told another
//! one first. Which, is agreed upon with the other replicas through the database (`store::booking::offer`):
//! those who lose at the same moment there are not sent to the same spots either.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::window::Window;
use sqlx::PgPool;
use tokio::sync::{Mutex as WaitingMutex, OnceCell};
use tokio::time::Instant;

use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::booking::{offer, search};

/// Free spots told to one driver.
const TOLD_MAX: usize = 5;
/// Free spots that are searched for at a time, nearest first.
const DEALT_MAX: i64 = 200;
/// How long the spots of one search are dealt out.
const FRESH_FOR: Duration = Duration::from_millis(250);
/// Spots that are claimed at a time, for as many losers.
const CLAIMED_MAX: usize = 1_000;
/// Times that spots are claimed in vain: another replica may have claimed the same ones meanwhile.
const CLAIM_TRIES: usize = 3;
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
    /// Losers who wait for a spot that they are told first.
    waiting: AtomicUsize,
    /// Spots that only this process tells first, nearest first; None once no more can be had.
    claimed: WaitingMutex<Option<VecDeque<Spot>>>,
}

impl Search {
    fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            free: OnceCell::new(),
            waiting: AtomicUsize::new(0),
            claimed: WaitingMutex::new(Some(VecDeque::new())),
        })
    }

    /// A spot that nobody else is told first, here or at another replica. None when all that are free
    /// have been told to somebody.
    async fn first(
        &self,
        pool: &PgPool,
        spot: &Spot,
        window: &Window,
    ) -> Result<Option<Spot>, Error> {
        let waiting = Waiting::at(&self.waiting);
        let mut claimed = self.claimed.lock().await;
        let Some(spots) = claimed.as_mut() else { return Ok(None) };
        if spots.is_empty() {
            // Whoever comes first claims for all who wait by now.
            let many = self.waiting.load(Ordering::Relaxed).clamp(1, CLAIMED_MAX);
            for _again in 0..CLAIM_TRIES {
                *spots = offer::claim(pool, spot, window, (many, LEFT_FOR)).await?.into();
                if !spots.is_empty() {
                    break;
                }
            }
        }
        drop(waiting);
        let first = spots.pop_front();
        if first.is_none() {
            *claimed = None;
        }
        Ok(first)
    }
}

/// Counts somebody who waits, for as long as they do.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn at(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When each spot was last told first.
#[derive(Default)]
struct Told(HashMap<SpotId, Instant>);

impl Told {
    /// The one claimed for this loser, else the nearest spot that nobody was told first of late, else
    /// the one told longest ago; then its neighbours in the order of nearness.
    fn next(&mut self, claimed: Option<Spot>, free: &[Spot]) -> Vec<Spot> {
        if self.0.len() >= KEPT_MAX {
            self.0.retain(|_, told| told.elapsed() < LEFT_FOR);
        }
        let Some(first) = claimed.or_else(|| self.longest_ago(free)) else { return Vec::new() };
        self.0.insert(first.spot_id, Instant::now());
        let is_first = |spot: &Spot| spot.spot_id == first.spot_id;
        let (before, from) = free.split_at(free.iter().position(is_first).unwrap_or_default());
        let others = from.iter().chain(before).filter(|spot| !is_first(spot)).take(TOLD_MAX - 1);
        let others: Vec<Spot> = others.cloned().collect();
        std::iter::once(first).chain(others).collect()
    }

    fn longest_ago(&self, free: &[Spot]) -> Option<Spot> {
        let told = |spot: &&Spot| self.0.get(&spot.spot_id).filter(|at| at.elapsed() < LEFT_FOR);
        free.iter().min_by_key(told).cloned()
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
        let first = search.first(pool, spot, window).await?;
        Ok(self.told.lock().unwrap_or_else(PoisonError::into_inner).next(first, free))
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
        let search = Search::begin();
        searches.insert((spot_id, window), Arc::clone(&search));
        search
    }
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
