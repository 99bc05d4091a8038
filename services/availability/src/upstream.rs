//! Whom we ask: booking and sensor, for everything that they know at one moment.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::stream_inventory_response as inventory_part;
use parkmesh_contracts::ids::{BookingId, LotId};
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::stream_occupancy_response as occupancy_part;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::clock::Clock;
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use crate::app::feed::Snapshot;
use crate::app::freshness::Feed;
use crate::convert::{self, Unreadable};
use crate::domain::picture::Change;
use crate::opendata::directory::Directory;

/// Longest wait for the next part of a snapshot.
const PART_MAX: Duration = Duration::from_secs(30);

/// A snapshot did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The other side, or the way to it.
    #[error("the snapshot was refused or broke off: {0}")]
    Call(#[from] tonic::Status),
    /// Nothing came for [`PART_MAX`].
    #[error("the snapshot stands still")]
    Silent,
    /// It ended without its end, or began without its beginning.
    #[error("the snapshot is not whole: no {0}")]
    Missing(&'static str),
    /// What came is not what the end counts.
    #[error("the snapshot is not whole: {came} {what} came, {sent} were sent")]
    Count {
        /// Of what.
        what: &'static str,
        /// As counted here.
        came: usize,
        /// As counted by the other side.
        sent: i64,
    },
}

/// The two upstreams.
#[derive(Clone)]
pub struct Upstreams {
    /// Where `booking.v1.InventoryService` is.
    pub booking: Channel,
    /// Where `sensor.v1.SensorService` is.
    pub sensor: Channel,
    /// Tells when a snapshot was begun.
    pub clock: Clock,
    /// What open data needs beside the picture.
    pub directory: Arc<Directory>,
}

impl Upstreams {
    /// Everything that the upstream of a feed knows.
    ///
    /// # Errors
    /// When it is away, or what came is not whole.
    pub async fn snapshot(&self, feed: Feed) -> Result<Snapshot, SnapshotError> {
        match feed {
            Feed::Booking => self.inventory().await,
            Feed::Sensor => self.occupancy().await,
        }
    }

    async fn inventory(&self) -> Result<Snapshot, SnapshotError> {
        use inventory_part::Part;
        let begun = (self.clock.now(), Instant::now());
        let request = booking::StreamInventoryRequest::default();
        let mut client = InventoryServiceClient::new(self.booking.clone());
        let mut parts = client.stream_inventory(request).await?.into_inner();
        let mut sequence = None;
        let mut rows = inventory_part::Rows::default();
        loop {
            let part = next(&mut parts).await?.and_then(|message| message.part);
            match part.ok_or(SnapshotError::Missing("end"))? {
                Part::Start(start) => sequence = Some(start.booking_sequence),
                Part::Rows(more) => {
                    rows.lots.extend(more.lots);
                    rows.floors.extend(more.floors);
                    rows.spots.extend(more.spots);
                    rows.windows.extend(more.windows);
                }
                Part::End(end) => {
                    check("lots", rows.lots.len(), end.lots)?;
                    check("floors", rows.floors.len(), end.floors)?;
                    check("spots", rows.spots.len(), end.spots)?;
                    check("windows", rows.windows.len(), end.windows)?;
                    break;
                }
            }
        }
        let sequence = sequence.ok_or(SnapshotError::Missing("start"))?;
        let live = rows.windows.iter().filter_map(|row| BookingId::parse(&row.booking_id).ok());
        let live: HashSet<BookingId> = live.collect();
        self.directory.take(&rows.lots, &rows.spots);
        let changes = inventory_changes(&rows);
        Ok(Snapshot { feed: Feed::Booking, sequence, changes, live: Some(live), begun })
    }

    async fn occupancy(&self) -> Result<Snapshot, SnapshotError> {
        use occupancy_part::Part;
        let begun = (self.clock.now(), Instant::now());
        let request = sensor::StreamOccupancyRequest::default();
        let mut client = SensorServiceClient::new(self.sensor.clone());
        let mut parts = client.stream_occupancy(request).await?.into_inner();
        let mut sequence = None;
        let mut changes = Vec::new();
        let mut came = 0;
        loop {
            let part = next(&mut parts).await?.and_then(|message| message.part);
            match part.ok_or(SnapshotError::Missing("end"))? {
                Part::Start(start) => sequence = Some(start.sensor_sequence),
                Part::Rows(rows) => {
                    came += rows.spots.len();
                    changes.extend(
                        rows.spots.iter().filter_map(|row| {
                            readable("SpotOccupancy", convert::ground_change(row))
                        }),
                    );
                }
                Part::End(end) => {
                    check("spots", came, end.spots)?;
                    break;
                }
            }
        }
        let sequence = sequence.ok_or(SnapshotError::Missing("start"))?;
        Ok(Snapshot { feed: Feed::Sensor, sequence, changes, live: None, begun })
    }
}

async fn next<T>(parts: &mut Streaming<T>) -> Result<Option<T>, SnapshotError> {
    let part = timeout(PART_MAX, parts.message()).await.map_err(|_| SnapshotError::Silent)?;
    Ok(part?)
}

fn check(what: &'static str, came: usize, sent: i64) -> Result<(), SnapshotError> {
    if i64::try_from(came) == Ok(sent) {
        Ok(())
    } else {
        Err(SnapshotError::Count { what, came, sent })
    }
}

/// Lots before their spots and spots before their windows, whatever order they came in.
fn inventory_changes(rows: &inventory_part::Rows) -> Vec<Change> {
    let mut floors: HashMap<&str, Vec<booking::Floor>> = HashMap::new();
    for floor in &rows.floors {
        floors.entry(&floor.lot_id).or_default().push(floor.clone());
    }
    let mut lots_of_spots: HashMap<&str, LotId> = HashMap::with_capacity(rows.spots.len());
    for spot in &rows.spots {
        if let Ok(lot_id) = LotId::parse(&spot.lot_id) {
            lots_of_spots.insert(&spot.spot_id, lot_id);
        }
    }
    let lots = rows.lots.iter().filter_map(|lot| {
        let floors = floors.get(lot.lot_id.as_str()).map_or(&[][..], Vec::as_slice);
        readable("Lot", convert::lot_change(lot, floors))
    });
    let spots = rows.spots.iter().filter_map(|row| readable("Spot", convert::spot_change(row)));
    let windows = rows.windows.iter().filter_map(|row| {
        let lot_id = match row.spot_id.as_str() {
            "" => LotId::parse(&row.lot_id).ok()?,
            spot_id => *lots_of_spots.get(spot_id)?,
        };
        readable("LiveWindow", convert::window_change(lot_id, row))
    });
    lots.chain(spots).chain(windows).collect()
}

/// One row that makes no sense must not keep all others away.
fn readable(row: &'static str, change: Result<Change, Unreadable>) -> Option<Change> {
    change.inspect_err(|error| tracing::error!(row, %error, "a row of a snapshot is left out")).ok()
}
