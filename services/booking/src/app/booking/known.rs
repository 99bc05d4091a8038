//! Lots and spots that this process has read: what of them never changes, or changes under a version
//! that the statement of a hold checks. So a hold needs no reading before it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use parkmesh_contracts::ids::{LotId, SpotId};
use sqlx::PgConnection;

use crate::domain::inventory::{Lot, Spot};
use crate::error::Error;
use crate::store::booking::search;
use crate::store::inventory::lot;

/// Things of each kind that are kept; some hundred bytes each. Beyond it everything is read anew.
const KEPT_MAX: usize = 200_000;

/// What is known. Clones know the same.
#[derive(Clone, Default)]
pub struct Known {
    lots: Arc<Shelf<LotId, Lot>>,
    spots: Arc<Shelf<SpotId, Spot>>,
}

type Shelf<K, V> = RwLock<HashMap<K, Arc<V>>>;

impl Known {
    /// A lot with its tariff. May be older than the database: the statement of the hold compares
    /// both versions.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], or the store's.
    pub async fn lot(
        &self,
        connection: &mut PgConnection,
        lot_id: LotId,
    ) -> Result<Arc<Lot>, Error> {
        if let Some(lot) = find(&self.lots, &lot_id) {
            return Ok(lot);
        }
        let lot = Arc::new(lot::get(connection, lot_id).await?);
        keep(&self.lots, lot_id, &lot);
        Ok(lot)
    }

    /// A spot, of which only the place is sure: the statement of the hold compares number, type and
    /// service.
    ///
    /// # Errors
    /// [`Error::SpotNotFound`], or the store's.
    pub async fn spot(
        &self,
        connection: &mut PgConnection,
        spot_id: SpotId,
    ) -> Result<Arc<Spot>, Error> {
        if let Some(spot) = find(&self.spots, &spot_id) {
            return Ok(spot);
        }
        let spot = Arc::new(search::spot(connection, spot_id).await?);
        keep(&self.spots, spot_id, &spot);
        Ok(spot)
    }

    /// A hold failed without a visible cause: the lot may have changed, and with it the numbers and
    /// types of its spots.
    pub fn forget_lot(&self, lot_id: LotId) {
        self.lots.write().unwrap_or_else(PoisonError::into_inner).remove(&lot_id);
        let mut spots = self.spots.write().unwrap_or_else(PoisonError::into_inner);
        spots.retain(|_, spot| spot.lot_id != lot_id);
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
