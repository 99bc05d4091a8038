//! Writing the picture through to Redis, where other replicas find it when they start.

use std::collections::HashMap;
use std::sync::Arc;

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::ids::Ids;

use super::App;
use super::freshness::Feed;
use crate::domain::lot::LotPicture;
use crate::store::epoch::{Epoch, Streams};
use crate::store::record::{LotRecord, SpotRecord};
use crate::store::{FloorSpots, SharedPicture, StoreError, Written};

/// What Redis has not seen of a lot.
struct Unwritten {
    lot: LotRecord,
    spots: FloorSpots,
    /// What is written when all of these are.
    revision: u64,
}

impl Unwritten {
    fn of(lot: &LotPicture, written: Option<u64>, at_ms: i64) -> Option<Self> {
        if written == Some(lot.revision()) {
            return None;
        }
        let mut spots = FloorSpots::new();
        for spot in lot.changed_since(written.unwrap_or(0)) {
            spots.entry(spot.info.floor_id).or_default().push(SpotRecord::of(spot, at_ms));
        }
        Some(Self { lot: LotRecord::of(lot), spots, revision: lot.revision() })
    }
}

impl App {
    fn unwritten(&self, written: &HashMap<LotId, WrittenLot>) -> Vec<Unwritten> {
        let at_ms = self.clock.now().as_millisecond();
        let state = self.read();
        let revision = |lot: &LotPicture| written.get(&lot.info.lot_id).map(|lot| lot.revision);
        state.picture.lots().filter_map(|lot| Unwritten::of(lot, revision(lot), at_ms)).collect()
    }

    fn generation(&self) -> (u64, Streams) {
        let state = self.read();
        let booking = state.feeds.created_ns(Feed::Booking);
        let sensor = state.feeds.created_ns(Feed::Sensor);
        (state.generation, Streams { booking, sensor })
    }
}

/// What Redis has of a lot.
struct WrittenLot {
    record: LotRecord,
    revision: u64,
}

/// Keeps Redis up to date.
pub struct Sharer {
    app: Arc<App>,
    shared: SharedPicture,
    ids: Ids,
    epoch: Option<Epoch>,
    generation: u64,
    written: HashMap<LotId, WrittenLot>,
}

impl Sharer {
    /// One that has written nothing yet.
    #[must_use]
    pub fn new(app: Arc<App>, shared: SharedPicture, ids: Ids) -> Self {
        let written = HashMap::new();
        Self { app, shared, ids, epoch: None, generation: 0, written }
    }

    /// Writes everything again next time: only what is newer there stays.
    pub fn forget(&mut self) {
        self.written.clear();
    }

    /// Writes what has changed since the last time, and everything when Redis was emptied, or holds
    /// a filling that cannot be trusted: an older one than was seen before, or one from other
    /// incarnations of the streams.
    ///
    /// # Errors
    /// When Redis does not answer. What was not written is written next time.
    pub async fn step(&mut self) -> Result<(), StoreError> {
        if !self.app.is_standing() {
            return Ok(());
        }
        let (generation, streams) = self.app.generation();
        let trusted = self.shared.epoch().await?.filter(|found| {
            found.is_of(streams)
                && generation == self.generation
                && self.epoch.as_ref().is_none_or(|known| found >= known)
        });
        self.generation = generation;
        match trusted {
            Some(epoch) if self.epoch.as_ref() == Some(&epoch) => {
                self.write(&epoch).await.map(drop)
            }
            Some(epoch) => {
                self.written.clear();
                self.epoch = Some(epoch.clone());
                self.write(&epoch).await.map(drop)
            }
            None => self.fill(Epoch::new(self.ids.next(), streams)).await,
        }
    }

    /// Fills Redis anew and then says that the new filling is to be trusted.
    async fn fill(&mut self, epoch: Epoch) -> Result<(), StoreError> {
        tracing::info!(epoch = epoch.as_str(), "the shared picture is filled anew");
        self.written.clear();
        // Until the switch nobody trusts it: a failure in the midst of this makes the next step
        // begin another.
        if self.write(&epoch).await? == Outcome::Whole {
            self.epoch = Some(self.shared.switch_epoch(&epoch).await?);
            if self.epoch.as_ref() != Some(&epoch) {
                self.written.clear();
            }
        }
        Ok(())
    }

    async fn write(&mut self, epoch: &Epoch) -> Result<Outcome, StoreError> {
        for lot in self.app.unwritten(&self.written) {
            let (lot_id, revision) = (lot.lot.lot_id, lot.revision);
            if self.write_lot(epoch, &lot.lot, lot.spots).await? == Outcome::Overtaken {
                // Another replica fills it anew; its epoch is trusted soon, and then everything of
                // ours is written into it.
                self.written.clear();
                return Ok(Outcome::Overtaken);
            }
            self.written.insert(lot_id, WrittenLot { record: lot.lot, revision });
        }
        Ok(Outcome::Whole)
    }

    async fn write_lot(
        &self,
        epoch: &Epoch,
        lot: &LotRecord,
        mut spots: FloorSpots,
    ) -> Result<Outcome, StoreError> {
        if self.written.get(&lot.lot_id).is_none_or(|known| known.record != *lot) {
            self.shared.write_lot(lot).await?;
            for floor in &lot.floors {
                // Also a floor without spots is one.
                spots.entry(floor.floor_id).or_default();
            }
        }
        for (floor_id, spots) in &spots {
            let written = self.shared.write_spots(epoch, lot.lot_id, *floor_id, spots).await?;
            if written == Written::LaterEpoch {
                return Ok(Outcome::Overtaken);
            }
        }
        Ok(Outcome::Whole)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Whole,
    Overtaken,
}
