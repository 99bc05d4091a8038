//! How long a change takes from its MQTT publish to a watching client, the sensor's settle time taken off.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parkmesh_contracts::availability::v1::WatchAvailabilityRequest;
use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_platform::tasks::Tasks;
use tokio::time::Instant;

use super::made::MadeLot;
use crate::Failure;
use crate::client::{ANSWER_BYTES_MAX, Gateway};

/// When the changes were published and when they were seen.
pub struct Latencies {
    seen: Arc<Mutex<Seen>>,
}

/// What a bay will change to.
#[derive(Debug, Clone, Copy)]
pub struct Expectation {
    /// A car will stand there.
    pub occupied: bool,
    /// How long its sensor must say so before it counts.
    pub settle: Duration,
}

#[derive(Default)]
struct Seen {
    /// By bay: what it changes to, and when that was published.
    published: HashMap<String, (Expectation, Option<Instant>)>,
    latencies: Vec<Duration>,
}

impl Latencies {
    /// Begins to watch all lots for the changes of these bays.
    pub async fn watch(
        gateway: &Gateway,
        lots: &[MadeLot],
        changed: impl Iterator<Item = (String, Expectation)>,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let published = changed.map(|(bay, expected)| (bay, (expected, None)));
        let seen = Seen { published: published.collect(), latencies: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        for lot in lots {
            watch_lot(gateway, lot, &seen, tasks).await?;
        }
        Ok(Self { seen })
    }

    /// A bay's reading is published now.
    pub fn published(&self, bay: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = seen.published.get_mut(bay) {
            *at = Some(Instant::now());
        }
    }

    /// How many changes were seen, and how long they took.
    pub fn summary(&self) -> Summary {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (seen.latencies.len() * percent / 100).min(seen.latencies.len().max(1) - 1);
            seen.latencies.get(index).map_or(0.0, |one| one.as_secs_f64() * 1_000.0)
        };
        Summary { changes: seen.latencies.len(), p50_ms: at(50), p99_ms: at(99) }
    }
}

/// What was seen of the changes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Summary {
    /// How many were seen.
    pub changes: usize,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: f64,
    /// All but a hundredth of them took no longer, in milliseconds.
    pub p99_ms: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, p50_ms, p99_ms } = self;
        write!(
            f,
            "{changes} changes seen; MQTT publish to availability change, settle time excluded: \
             p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms"
        )
    }
}

async fn watch_lot(
    gateway: &Gateway,
    lot: &MadeLot,
    seen: &Arc<Mutex<Seen>>,
    tasks: &Tasks,
) -> Result<(), Failure> {
    let mut client =
        AvailabilityServiceClient::new(gateway.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    let request = WatchAvailabilityRequest {
        lot_id: lot.lot_id.clone(),
        include_spots: true,
        resume_token: String::new(),
    };
    let mut changes = client.watch_availability(request).await?.into_inner();
    // The first answer shows everything as it stands: from here on only changes come.
    changes.message().await?;
    let (bays, seen): (BTreeMap<String, String>, _) = (lot.bays.clone(), Arc::clone(seen));
    tasks.spawn("watch-lot", async move {
        while let Ok(Some(change)) = changes.message().await {
            let now = Instant::now();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for spot in &change.spots {
                if let Some(bay) = bays.get(&spot.spot_id) {
                    seen.note(bay, spot.status(), now);
                }
            }
        }
    });
    Ok(())
}

impl Seen {
    fn note(&mut self, bay: &str, status: SpotStatus, now: Instant) {
        let Some((expected, Some(at))) = self.published.get(bay).copied() else { return };
        let wanted = if expected.occupied { SpotStatus::Occupied } else { SpotStatus::Available };
        if status == wanted {
            self.published.remove(bay);
            self.latencies.push(now.duration_since(at).saturating_sub(expected.settle));
        }
    }
}
