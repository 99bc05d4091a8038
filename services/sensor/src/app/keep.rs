//! Readings are kept for a day, to look back at: after they are durable, and as well as may be. Nothing waits for it.

use std::collections::{BTreeMap, HashMap};

use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::Bus;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::apply::Reading;
use crate::domain::sensor::Sensor;
use crate::events;

/// What waits to be kept, in transactions; more is dropped.
const WAITING_MAX: usize = 64;

/// Readings as they came, by lot.
pub type Kept = BTreeMap<LotId, Vec<Vec<u8>>>;

/// The one who keeps. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    waiting: mpsc::Sender<Kept>,
}

impl Keeper {
    /// Starts the keeper of this process.
    pub fn start(bus: &Bus, tasks: &Tasks) -> Self {
        let (waiting, receiver) = mpsc::channel(WAITING_MAX);
        tasks.spawn("readings-keeper", run(bus.clone(), receiver));
        Self { waiting }
    }

    /// Keeps these, if there is room.
    pub fn keep(&self, kept: Kept) {
        if kept.is_empty() {
            return;
        }
        if let Err(TrySendError::Full(kept)) = self.waiting.try_send(kept) {
            let readings: usize = kept.values().map(Vec::len).sum();
            tracing::warn!(readings, "readings are not kept to look back at: too many wait");
        }
    }
}

async fn run(bus: Bus, mut waiting: mpsc::Receiver<Kept>) {
    while let Some(mut kept) = waiting.recv().await {
        // What has come meanwhile goes along.
        while let Ok(more) = waiting.try_recv() {
            for (lot_id, readings) in more {
                kept.entry(lot_id).or_default().extend(readings);
            }
        }
        let lots = kept.iter().map(|(lot, readings)| (*lot, events::reading_batch(*lot, readings)));
        if let Err(error) = bus.keep_readings(lots.collect()).await {
            tracing::warn!(%error, "readings are not kept to look back at");
        }
    }
}

/// The readings of registered devices, by lot.
pub fn by_lot<'a>(sensors: &[Sensor], readings: impl Iterator<Item = &'a Reading>) -> Kept {
    let lots: HashMap<&str, LotId> =
        sensors.iter().map(|sensor| (sensor.device_id.as_str(), sensor.lot_id)).collect();
    let mut kept = Kept::new();
    for reading in readings {
        if let Some(lot_id) = lots.get(reading.device_id.as_str()) {
            kept.entry(*lot_id).or_default().push(reading.raw.clone());
        }
    }
    kept
}
