//! What losers are told instead. A crowd that was refused one spot must not be sent to the next one
//! together: the free spots are searched for once and dealt out, so that each loser is told another
//! one first. Which, is agreed upon with the other replicas through the database (`store::booking::offer`):
//! those who lose at the same moment there are not sent to the same spots either.
//!
//! All who lose on a floor for one window share a search, whichever spot each of them wanted: a crowd that
//! loses at a few hundred spots costs no more than one that loses at one. It looks no further than for those
//! who wait. And a search costs much more than a hold: few go on at a time, and whoever would wait long is
//! refused without alternatives.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, SpotId};
use parkmesh_contracts::window::Window;
use sqlx::PgPool;
use tokio::sync::{Mutex as WaitingMutex, OnceCell, Semaphore};
use tokio::time::{Instant, timeout};

use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::booking::{offer, search};

/// Free spots told to one driver.
const TOLD_MAX: usize = 5;
/// Free spots that are looked at for what else is told to a driver, nearest first.
const NEAR_MAX: usize = 200;
/// How long the spots of one search are dealt out.
const FRESH_FOR: Duration = Duration::from_millis(250);
/// Spots that are claimed at a time, for as many losers.
const CLAIMED_MAX: usize = 1_000;
/// Times that spots are claimed, twice as many each time, when another replica has claimed the same ones
/// meanwhile: two that wait for each other begin anew at the same moment.
const CLAIM_TRIES: usize = 5;
/// Searches and claims of a process that go on at the same time.
const AT_ONCE: usize = 2;
/// How long a loser waits for what else is free before being refused without it: half of what callers give.
const WAIT_MAX: Duration = Duration::from_millis(1_500);
/// How long a spot that somebody was told first is left to them.
const LEFT_FOR: Duration = Duration::from_secs(3);
/// Searches, and spots told first, kept in mind; beyond it those of the last moments.
const KEPT_MAX: usize = 4_096;

/// The searches of this process, and what was told. Clones share them.
#[derive(Clone)]
pub struct Offers {
    searches: Arc<Mutex<Searches>>,
    told: Arc<Mutex<Told>>,
    turns: Arc<Semaphore>,
}

impl Default for Offers {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { searches: Arc::default(), told: Arc::default(), turns }
    }
}

type Searches = HashMap<(FloorId, SpotType, Window), Arc<Search>>;

/// What is free for those who lose on a floor for a window.
struct Search {
    begun: Instant,
    /// Losers who wait for a spot that they are told first.
    waiting: AtomicUsize,
    /// What was found for the last who waited; None once all that is free has been told to somebody.
    found: WaitingMutex<Option<Found>>,
    /// All that is free, told to somebody or not, near the spot of the first who needed that.
    free: OnceCell<Arc<[Spot]>>,
}

/// What nobody else was told first.
#[derive(Default)]
struct Found {
    /// Spots that only this process tells first.
    claimed: Vec<Spot>,
    /// They and others, for who looks on.
    near: Arc<[Spot]>,
}

impl Search {
    fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            waiting: AtomicUsize::new(0),
            found: WaitingMutex::new(Some(Found::default())),
            free: OnceCell::new(),
        })
    }

    /// The nearest of the spots that nobody else is told first, here or at another replica, and what else is free near it. None
    /// when all that are free have been told to somebody.
    async fn first(
        &self,
        (pool, turns): (&PgPool, &Semaphore),
        spot: &Spot,
        window: &Window,
    ) -> Result<Option<(Spot, Arc<[Spot]>)>, Error> {
        let waiting = Waiting::at(&self.waiting);
        let mut found = self.found.lock().await;
        let Some(Found { claimed, near }) = found.as_mut() else { return Ok(None) };
        if claimed.is_empty() {
            let _turn = turns.acquire().await;
            // Whoever comes first claims for all who wait by now.
            let mut claims = self.waiting.load(Ordering::Relaxed).clamp(1, CLAIMED_MAX);
            for _again in 0..CLAIM_TRIES {
                let many = claims.max(TOLD_MAX);
                let offers = offer::claim(pool, spot, window, (many, claims), LEFT_FOR).await?;
                let ours = offers.iter().filter(|offer| offer.is_claimed);
                *claimed = ours.map(|offer| offer.spot.clone()).collect();
                let is_over = !claimed.is_empty() || offers.is_empty();
                *near = offers.into_iter().take(NEAR_MAX).map(|offer| offer.spot).collect();
                if is_over {
                    break;
                }
                claims = claims.saturating_mul(2).min(CLAIMED_MAX);
            }
        }
        drop(waiting);
        let places = claimed.iter().map(|other| nearness(spot, other)).enumerate();
        let nearest = places.min_by(|(_, one), (_, other)| one.total_cmp(other));
        let first = nearest.map(|(place, _)| (claimed.remove(place), Arc::clone(near)));
        if first.is_none() {
            *found = None;
        }
        Ok(first)
    }
}

/// How far it is on the plan, squared; infinite to another floor.
fn nearness(spot: &Spot, other: &Spot) -> f64 {
    match spot.floor_id == other.floor_id {
        true => (spot.plan_x - other.plan_x).powi(2) + (spot.plan_y - other.plan_y).powi(2),
        false => f64::INFINITY,
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
    fn next(&mut self, claimed: Option<Spot>, free: &[&Spot]) -> Vec<Spot> {
        if self.0.len() >= KEPT_MAX {
            self.0.retain(|_, told| told.elapsed() < LEFT_FOR);
        }
        let Some(first) = claimed.or_else(|| self.longest_ago(free)) else { return Vec::new() };
        self.0.insert(first.spot_id, Instant::now());
        let is_first = |spot: &&Spot| spot.spot_id == first.spot_id;
        let (before, from) = free.split_at(free.iter().position(is_first).unwrap_or_default());
        let others = from.iter().chain(before).copied();
        let others = others.filter(|spot| !is_first(spot)).take(TOLD_MAX - 1).cloned();
        let others: Vec<Spot> = others.collect();
        std::iter::once(first).chain(others).collect()
    }

    fn longest_ago(&self, free: &[&Spot]) -> Option<Spot> {
        let told = |spot: &&Spot| self.0.get(&spot.spot_id).filter(|at| at.elapsed() < LEFT_FOR);
        free.iter().copied().min_by_key(told).cloned()
    }
}

impl Offers {
    /// Free spots of the same pool for somebody who was refused `spot`; none where looking for them would
    /// take too long.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn deal(
        &self,
        pool: &PgPool,
        spot: &Spot,
        window: &Window,
    ) -> Result<Vec<Spot>, Error> {
        let dealt = timeout(WAIT_MAX, self.deal_in_time(pool, spot, window)).await;
        dealt.unwrap_or_else(|_elapsed| Ok(Vec::new()))
    }

    async fn deal_in_time(
        &self,
        pool: &PgPool,
        spot: &Spot,
        window: &Window,
    ) -> Result<Vec<Spot>, Error> {
        let search = self.search(spot, *window);
        let found = search.first((pool, &self.turns), spot, window).await?;
        let (first, free) = match found {
            Some((first, near)) if near.len() >= TOLD_MAX => (Some(first), near),
            few => {
                // Whoever comes first searches, the others wait for it.
                let searched = search.free.get_or_try_init(async || {
                    let _turn = self.turns.acquire().await;
                    let free = search::alternatives(pool, spot, window, NEAR_MAX).await?;
                    Ok::<_, Error>(free.into())
                });
                (few.map(|(first, _near)| first), Arc::clone(searched.await?))
            }
        };
        let mut near: Vec<&Spot> =
            free.iter().filter(|other| other.spot_id != spot.spot_id).collect();
        // What is further away than the floor stays as it was found: nearest first too.
        near.sort_by(|one, other| nearness(spot, one).total_cmp(&nearness(spot, other)));
        Ok(self.told.lock().unwrap_or_else(PoisonError::into_inner).next(first, &near))
    }

    fn search(&self, spot: &Spot, window: Window) -> Arc<Search> {
        let key = (spot.floor_id, spot.spot_type, window);
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |search: &Arc<Search>| search.begun.elapsed() < FRESH_FOR;
        if let Some(search) = searches.get(&key).filter(|search| fresh(search)) {
            return Arc::clone(search);
        }
        if searches.len() >= KEPT_MAX {
            searches.retain(|_, search| fresh(search));
        }
        let search = Search::begin();
        searches.insert(key, Arc::clone(&search));
        search
    }
}

#[cfg(test)]
#[path = "offers_tests.rs"]
mod tests;
