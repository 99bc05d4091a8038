//! Lots and spots that this process has read: what of them never changes, or changes under a version
//! that the statement of a hold checks. So a hold needs no reading before it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{AllotmentId, FloorId, LotId, SpotId};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::domain::allotment::Allotment;
use crate::domain::inventory::{Lot, Spot};
use crate::error::Error;
use crate::store::allotment;
use crate::store::inventory::{lot, spot};

/// Things of each kind that are kept; some hundred bytes each. Beyond it everything is read anew.
const KEPT_MAX: usize = 200_000;
/// How long the spots of a pool are picked from before they are read again: a spot that was closed
/// meanwhile costs one attempt, and a new one is only found by a search.
const POOL_KEPT_FOR: Duration = Duration::from_secs(5);

/// What is known. Clones know the same.
#[derive(Clone, Default)]
pub struct Known {
    lots: Arc<Shelf<LotId, Lot>>,
    spots: Arc<Shelf<SpotId, Spot>>,
    pools: Arc<Shelf<(LotId, SpotType), PoolSpots>>,
    allotments: Arc<Shelf<AllotmentId, Allotment>>,
}

type Shelf<K, V> = RwLock<HashMap<K, Arc<V>>>;

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
        if let Some(lot) = find(&self.lots, &lot_id) {
            return Ok(lot);
        }
        let lot = Arc::new(lot::get(pool, lot_id).await?);
        keep(&self.lots, lot_id, &lot);
        Ok(lot)
    }

    /// Reads a lot anew: whoever is refused by what was known of it may be right. When it has changed,
    /// its spots may have other numbers and types too.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn lot_anew(&self, pool: &PgPool, lot_id: LotId) -> Result<Arc<Lot>, Error> {
        let before = find(&self.lots, &lot_id);
        let lot = Arc::new(lot::get(pool, lot_id).await?);
        keep(&self.lots, lot_id, &lot);
        if before.is_none_or(|before| before.version != lot.version) {
            let mut spots = self.spots.write().unwrap_or_else(PoisonError::into_inner);
            spots.retain(|_, spot| spot.lot_id != lot_id);
            let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
            pools.retain(|(of, _), _| *of != lot_id);
        }
        Ok(lot)
    }

    /// A spot, of which only the place is sure: the statement of a hold compares number, type and
    /// service.
    ///
    /// # Errors
    /// [`Error::SpotNotFound`], or the store's.
    pub async fn spot(&self, pool: &PgPool, spot_id: SpotId) -> Result<Arc<Spot>, Error> {
        if let Some(spot) = find(&self.spots, &spot_id) {
            return Ok(spot);
        }
        let spot = Arc::new(spot::get(pool, spot_id).await?);
        keep(&self.spots, spot_id, &spot);
        Ok(spot)
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
        if let Some(allotment) = find(&self.allotments, &allotment_id) {
            return Ok(allotment);
        }
        let (allotment, _taken) = allotment::get(pool, allotment_id).await?;
        let allotment = Arc::new(allotment);
        keep(&self.allotments, allotment_id, &allotment);
        Ok(allotment)
    }

    /// The spots of a pool, if they were read a moment ago.
    pub fn pool(&self, lot_id: LotId, spot_type: SpotType) -> Option<Arc<PoolSpots>> {
        let known = find(&self.pools, &(lot_id, spot_type))?;
        (known.read_at.elapsed() < POOL_KEPT_FOR).then_some(known)
    }

    /// Reads the spots of a pool, to be picked from.
    ///
    /// # Errors
    /// The store's.
    pub async fn read_pool(
        &self,
        pool: &PgPool,
        lot_id: LotId,
        spot_type: SpotType,
    ) -> Result<(), Error> {
        let spots = spot::of_pool(pool, lot_id, spot_type).await?;
        self.keep_pool(lot_id, spot_type, spots);
        Ok(())
    }

    /// Keeps the spots of a pool that have just been read.
    pub(super) fn keep_pool(&self, lot_id: LotId, spot_type: SpotType, spots: Vec<Spot>) {
        keep(&self.pools, (lot_id, spot_type), &Arc::new(PoolSpots::of(spots)));
    }
}

fn find<K: Eq + std::hash::Hash, V>(shelf: &Shelf<K, V>, key: &K) -> Option<Arc<V>> {
    shelf.read().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
}

fn keep<K: Eq + std::hash::Hash, V>(shelf: &Shelf<K, V>, key: K, value: &Arc<V>) {
    let mut kept = shelf.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(key, Arc::clone(value));
}
