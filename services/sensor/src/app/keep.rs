//! Readings are kept for a day, to look back at: after they are durable, and as well as may be. Nothing waits for it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::Bus;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, timeout_at};

use super::apply::Reading;
use crate::events;

/// How long what is said is collected: each time costs the stream's disk a sync, for which readings that are to
/// become durable on the same disk would wait.
const COLLECT_PERIOD: Duration = Duration::from_millis(250);
/// Readings that are collected; more are kept at once.
const COLLECTED_MAX: usize = 20_000;
/// Bytes of readings in one message; the server takes a megabyte.
const MESSAGE_BYTES_MAX: usize = 512 * 1024;
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
        let until = Instant::now() + COLLECT_PERIOD;
        let mut collected: usize = kept.values().map(Vec::len).sum();
        while collected < COLLECTED_MAX {
            let Ok(Some(more)) = timeout_at(until, waiting.recv()).await else { break };
            for (lot_id, readings) in more {
                collected += readings.len();
                kept.entry(lot_id).or_default().extend(readings);
            }
        }
        let lots = kept.iter().flat_map(|(lot, readings)| {
            parts(readings).map(|part| (*lot, events::reading_batch(*lot, part)))
        });
        if let Err(error) = bus.keep_readings(lots.collect()).await {
            tracing::warn!(%error, "readings are not kept to look back at");
        }
    }
}

/// Readings in the order they came, in parts that fit into a message.
fn parts(mut readings: &[Vec<u8>]) -> impl Iterator<Item = &[Vec<u8>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = readings.iter().take_while(|reading| {
            bytes += reading.len();
            bytes <= MESSAGE_BYTES_MAX
        });
        // One that is too large alone is not for us to cut.
        let count = fits.count().max(1).min(readings.len());
        let (part, rest) = readings.split_at(count);
        readings = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// The readings of registered devices, by lot.
pub fn by_lot<'a>(
    lots: &HashMap<String, LotId>,
    readings: impl Iterator<Item = &'a Reading>,
) -> Kept {
    let mut kept = Kept::new();
    for reading in readings {
        if let Some(lot_id) = lots.get(reading.device_id.as_str()) {
            kept.entry(*lot_id).or_default().push(reading.raw.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_kept_in_messages_that_the_server_takes() {
        let of = |count: usize, bytes| vec![vec![7_u8; bytes]; count];
        let sizes = |readings: &[Vec<u8>]| parts(readings).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(&of(0, 1)), Vec::<usize>::new());
        assert_eq!(sizes(&of(3, 100)), [3]);
        assert_eq!(sizes(&of(5, MESSAGE_BYTES_MAX / 2)), [2, 2, 1]);
        assert_eq!(sizes(&of(2, MESSAGE_BYTES_MAX + 1)), [1, 1]);
    }
}
