//! Lots and spots that this process has read: what of them never changes, or changes under a version
//! that the statement of a hold checks. So a hold needs no reading before it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{AllotmentId, FloorId, LotId, SpotId};
use sqlx::PgPool;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::domain::allotment::Allotment;
use crate::domain::inventory::{Lot, Spot};
use crate::error::Error;
use crate::store::allotment;
use crate::store::inventory::{lot, spot};

/// Things of each kind that are kept; some hundred bytes each. Beyond it everything is read anew.
const KEPT_MAX: usize = 200_000;
/// How old the spots of a pool are when they are read anew: a spot that was closed meanwhile costs one attempt, and a new
/// one is only found by a search.
const POOL_KEPT_FOR: Duration = Duration::from_secs(5);

/// What is known. Clones know the same.
#[derive(Clone, Default)]
pub struct Known {
    lots: Arc<Shelf<LotId, Lot>>,
    spots: Arc<Shelf<SpotId, Spot>>,
    pools: Arc<Shelf<(LotId, SpotType), PoolSpots>>,
    allotments: Arc<Shelf<AllotmentId, Allotment>>,
}

/// Things of one kind.
struct Shelf<K, V> {
    kept: RwLock<HashMap<K, Arc<V>>>,
    /// What is being read at this moment.
    readings: Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>,
}

/// The spots of a pool, whoever has them.
pub struct PoolSpots {
    all: Vec<Arc<Spot>>,
    by_floor: HashMap<FloorId, Vec<Arc<Spot>>>,
    read_at: Instant,
}

impl PoolSpots {
    fn of(spots: Vec<Spot>) -> Self {
        let all: Vec<Arc<Spot>> = spots.into_iter().map(Arc::new).collect();
        let mut by_floor: HashMap<FloorId, Vec<Arc<Spot>>> = HashMap::new();
        for spot in &all {
            by_floor.entry(spot.floor_id).or_default().push(Arc::clone(spot));
        }
        Self { all, by_floor, read_at: Instant::now() }
    }

    /// Whether they were read a moment ago.
    pub fn is_fresh(&self) -> bool {
        self.read_at.elapsed() < POOL_KEPT_FOR
    }

    /// Those of the preferred floor, where there are any; else all.
    pub fn liked(&self, preferred: Option<FloorId>) -> &[Arc<Spot>] {
        preferred.and_then(|floor_id| self.by_floor.get(&floor_id)).unwrap_or(&self.all)
    }
}

impl Known {
    /// A lot with its tariff. May be older than the database: the statement of the hold compares
    /// both versions.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn lot(&self, pool: &PgPool, lot_id: LotId) -> Result<Arc<Lot>, Error> {
        self.lots.get_or_read(lot_id, lot::get(pool, lot_id)).await
    }

    /// Reads a lot anew: whoever is refused by what was known of it may be right. When it has changed,
    /// its spots may have other numbers and types too.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn lot_anew(&self, pool: &PgPool, lot_id: LotId) -> Result<Arc<Lot>, Error> {
        let before = self.lots.find(&lot_id);
        let lot = Arc::new(lot::get(pool, lot_id).await?);
        self.lots.keep(lot_id, &lot);
        if before.is_none_or(|before| before.version != lot.version) {
            self.spots.retain(|_, spot| spot.lot_id != lot_id);
            self.pools.retain(|(of, _), _| *of != lot_id);
        }
        Ok(lot)
    }

    /// A spot, of which only the place is sure: the statement of a hold compares number, type and
    /// service.
    ///
    /// # Errors
    /// [`Error::SpotNotFound`], or the store's.
    pub async fn spot(&self, pool: &PgPool, spot_id: SpotId) -> Result<Arc<Spot>, Error> {
        self.spots.get_or_read(spot_id, spot::get(pool, spot_id)).await
    }

    /// An allotment, which never changes.
    ///
    /// # Errors
    /// [`Error::AllotmentNotFound`], or the store's.
    pub async fn allotment(
        &self,
        pool: &PgPool,
        allotment_id: AllotmentId,
    ) -> Result<Arc<Allotment>, Error> {
        let read = async {
            let (allotment, _taken) = allotment::get(pool, allotment_id).await?;
            Ok(allotment)
        };
        self.allotments.get_or_read(allotment_id, read).await
    }

    /// The spots of a pool. Once they are old, whoever asks next reads them anew, and all others go on with them.
    ///
    /// # Errors
    /// The store's.
    pub async fn pool(
        &self,
        pool: &PgPool,
        lot_id: LotId,
        spot_type: SpotType,
    ) -> Result<Arc<PoolSpots>, Error> {
        let read = async { Ok(PoolSpots::of(spot::of_pool(pool, lot_id, spot_type).await?)) };
        self.pools.get_or_renew((lot_id, spot_type), PoolSpots::is_fresh, read).await
    }

    /// What is known of the spots of a pool.
    pub(super) fn kept_pool(&self, lot_id: LotId, spot_type: SpotType) -> Option<Arc<PoolSpots>> {
        self.pools.find(&(lot_id, spot_type))
    }

    /// Keeps the spots of a pool.
    #[cfg(test)]
    pub(super) fn keep_pool(&self, lot_id: LotId, spot_type: SpotType, spots: Vec<Spot>) {
        self.pools.keep((lot_id, spot_type), &Arc::new(PoolSpots::of(spots)));
    }
}

/// Forgets a reading that is over, also when nobody waits for it any more.
struct Over<'a, K: Eq + Hash, V> {
    shelf: &'a Shelf<K, V>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Over<'_, K, V> {
    fn drop(&mut self) {
        self.shelf.readings().remove(&self.key);
    }
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { kept: RwLock::default(), readings: Mutex::default() }
    }
}

impl<K, V> Shelf<K, V> {
    fn readings(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceCell<Arc<V>>>>> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> Shelf<K, V> {
    fn find(&self, key: &K) -> Option<Arc<V>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
    }

    fn keep(&self, key: K, value: &Arc<V>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Arc::clone(value));
    }

    fn retain(&self, stays: impl Fn(&K, &Arc<V>) -> bool) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|key, value| stays(key, value));
    }

    /// What is kept, or else what is read now. Whoever comes meanwhile waits for the same reading: a crowd that comes
    /// first reads once, and goes on together, before those who come later and find it kept.
    async fn get_or_read(
        &self,
        key: K,
        read: impl Future<Output = Result<V, Error>>,
    ) -> Result<Arc<V>, Error> {
        self.get_or_renew(key, |_| true, read).await
    }

    /// The same, but what is not fresh any more is read anew by one, and stands for all others meanwhile: it is never as if
    /// nothing were known.
    async fn get_or_renew(
        &self,
        key: K,
        is_fresh: impl Fn(&V) -> bool,
        read: impl Future<Output = Result<V, Error>>,
    ) -> Result<Arc<V>, Error> {
        if let Some(value) = self.find(&key)
            && (is_fresh(&value) || self.readings().contains_key(&key))
        {
            return Ok(value);
        }
        let reading = Arc::clone(self.readings().entry(key).or_default());
        let _over = Over { shelf: self, key };
        let value = reading.get_or_try_init(async || {
            let value = Arc::new(read.await?);
            self.keep(key, &value);
            Ok(value)
        });
        value.await.map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn a_crowd_reads_once_and_goes_on_together() {
        let (shelf, reads) = (Shelf::default(), AtomicU32::new(0));
        let get = || {
            shelf.get_or_read(7, async {
                yield_now().await;
                Ok(reads.fetch_add(1, Ordering::Relaxed))
            })
        };
        let got = join_all((0..100).map(|_| get())).await;
        assert!(got.iter().all(|got| matches!(got, Ok(value) if **value == 0)));
        assert_eq!(*get().await.expect("it is kept"), 0);
        assert!(shelf.readings().is_empty());
    }

    #[tokio::test]
    async fn what_is_old_is_read_anew_by_one_and_stands_for_the_others() {
        let (shelf, reads) = (Shelf::default(), AtomicU32::new(0));
        let get = || {
            let read = async {
                yield_now().await;
                Ok(reads.fetch_add(1, Ordering::Relaxed))
            };
            shelf.get_or_renew(7, |value| *value > 0, read)
        };
        assert_eq!(*get().await.expect("it is read"), 0);
        let got = join_all((0..100).map(|_| get())).await;
        let got: Vec<u32> = got.into_iter().map(|got| *got.expect("it is known")).collect();
        assert_eq!((got[0], got[1..].iter().max(), shelf.readings().len()), (1, Some(&0), 0));
        assert_eq!((*get().await.expect("it is kept"), reads.load(Ordering::Relaxed)), (1, 2));
    }

    #[tokio::test]
    async fn a_reading_that_fails_or_is_given_up_is_done_by_the_next() {
        let shelf = Shelf::<i32, &str>::default();
        let fails = shelf.get_or_read(7, async {
            yield_now().await;
            Err(Error::LotNotFound)
        });
        let (failed, read) = tokio::join!(fails, shelf.get_or_read(7, async { Ok("read") }));
        assert!(matches!(failed, Err(Error::LotNotFound)));
        assert_eq!(*read.expect("the next reads"), "read");
        {
            let mut given_up = Box::pin(shelf.get_or_read(8, std::future::pending()));
            assert!(futures_util::poll!(&mut given_up).is_pending());
        }
        assert_eq!(*shelf.get_or_read(8, async { Ok("read") }).await.expect("it is read"), "read");
        assert!(shelf.readings().is_empty());
    }
}
