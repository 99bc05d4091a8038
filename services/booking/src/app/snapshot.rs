//! StreamInventory: everything that another service needs to rebuild its picture, as of one moment.

use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::stream_inventory_response::{End, Part, Rows, Start};
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use crate::app::App;
use crate::convert::inventory::{live_window, with_closures};
use crate::error::Error;
use crate::store::inventory::{floor, lot, snapshot, spot};

/// The stream whose facts the snapshot is compared with.
const STREAM: &str = "BOOKING";
/// Rows in a part at most; the proto promises it.
const PART_ROWS_MAX: i64 = snapshot::WINDOWS_MAX;
/// Lots in a part at most: each may carry hundreds of closures, and a message has an end.
const PART_LOTS_MAX: i64 = 20;
/// Parts that wait for the reader. With the rows above this bounds the memory of a slow reader.
const PARTS_WAITING_MAX: usize = 4;
/// How long a reader may take no part at all. The transaction is open all the while and holds old
/// rows alive.
const READER_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long Postgres lets the transaction sit: longer than we do, so that it is we who say why.
const IDLE_MAX_MS: u64 = 40_000;
/// Snapshots under way at most; each keeps a connection. More wait for their turn.
pub const SNAPSHOTS_MAX: usize = 4;

/// The rows in the order in which they are sent: what a row refers to was sent before it.
#[derive(Clone, Copy)]
enum Kind {
    Lots,
    Floors,
    Spots,
    Windows,
}

/// Why a snapshot ends early.
enum Halt {
    /// Nobody reads it any more.
    ReaderGone,
    /// It failed.
    Failed(Error),
}

impl From<sqlx::Error> for Halt {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

type Sender = mpsc::Sender<Result<proto::StreamInventoryResponse, Error>>;
type Receiver = mpsc::Receiver<Result<proto::StreamInventoryResponse, Error>>;

impl App {
    /// Begins to read the snapshot of one lot, or of all. Its parts come through the receiver;
    /// dropping that ends the reading.
    ///
    /// # Errors
    /// [`Error::Bus`] when the position of the facts cannot be read.
    pub async fn stream_inventory(&self, only: Option<LotId>) -> Result<Receiver, Error> {
        let turn = Arc::clone(&self.snapshots).acquire_owned().await;
        let turn = turn.map_err(|error| Error::Broken(error.to_string()))?;
        // First the position, then the moment: a fact between the two is in the rows and comes
        // again, which its version tells. The other way round it would be in neither.
        let position = self.bus.last_sequence(STREAM).await;
        let booking_sequence = position.map_err(|error| Error::Bus(Box::new(error)))?;
        let (sender, receiver) = mpsc::channel(PARTS_WAITING_MAX);
        let pool = self.pool.clone();
        self.tasks.spawn("snapshot", async move {
            let parts = sender.clone();
            let outcome = transaction(&pool, move |connection| {
                Box::pin(async move { send_all(connection, only, booking_sequence, &parts).await })
            })
            .await;
            if let Err(Halt::Failed(error)) = outcome {
                // Nobody there to hear it is as good.
                let _gone = timeout(READER_WAIT_MAX, sender.send(Err(error))).await;
            }
            drop(turn);
        });
        Ok(receiver)
    }
}

async fn send_all(
    connection: &mut PgConnection,
    only: Option<LotId>,
    booking_sequence: u64,
    parts: &Sender,
) -> Result<(), Halt> {
    snapshot::begin(connection, IDLE_MAX_MS).await?;
    send(parts, Part::Start(Start { booking_sequence })).await?;
    let mut end = End::default();
    snapshot::open_windows(connection, only).await?;
    for kind in [Kind::Lots, Kind::Floors, Kind::Spots, Kind::Windows] {
        let mut after = Uuid::nil();
        loop {
            let (rows, count, last) = read(connection, kind, only, after).await?;
            let Some(last) = last else { break };
            after = last;
            *count_of(&mut end, kind) += count;
            send(parts, Part::Rows(rows)).await?;
            if count < most(kind) {
                break;
            }
        }
    }
    send(parts, Part::End(end)).await
}

/// Rows of a kind that one part has at most.
fn most(kind: Kind) -> i64 {
    if matches!(kind, Kind::Lots) { PART_LOTS_MAX } else { PART_ROWS_MAX }
}

fn count_of(end: &mut End, kind: Kind) -> &mut i64 {
    match kind {
        Kind::Lots => &mut end.lots,
        Kind::Floors => &mut end.floors,
        Kind::Spots => &mut end.spots,
        Kind::Windows => &mut end.windows,
    }
}

/// The next rows of a kind, how many they are, and the id of the last.
async fn read(
    connection: &mut PgConnection,
    kind: Kind,
    only: Option<LotId>,
    after: Uuid,
) -> Result<(Rows, i64, Option<Uuid>), Error> {
    let (mut rows, limit) = (Rows::default(), most(kind));
    let (count, last) = match kind {
        Kind::Lots => {
            let lots = lot::scan(connection, only, after, limit).await?;
            rows.lots = lots.iter().map(with_closures).collect();
            (lots.len(), lots.last().map(|lot| lot.lot_id.as_uuid()))
        }
        Kind::Floors => {
            let floors = floor::scan(connection, only, after, limit).await?;
            rows.floors = floors.iter().map(proto::Floor::from).collect();
            (floors.len(), floors.last().map(|floor| floor.floor_id.as_uuid()))
        }
        Kind::Spots => {
            let spots = spot::scan(connection, only, after, limit).await?;
            rows.spots = spots.iter().map(proto::Spot::from).collect();
            (spots.len(), spots.last().map(|spot| spot.spot_id.as_uuid()))
        }
        Kind::Windows => {
            let windows = snapshot::next_windows(connection).await?;
            rows.windows = windows.iter().map(live_window).collect();
            (windows.len(), windows.last().map(|window| window.booking_id.as_uuid()))
        }
    };
    let count = i64::try_from(count).map_err(|error| Error::Broken(error.to_string()))?;
    Ok((rows, count, last))
}

async fn send(parts: &Sender, part: Part) -> Result<(), Halt> {
    let part = Ok(proto::StreamInventoryResponse { part: Some(part) });
    match timeout(READER_WAIT_MAX, parts.send(part)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Halt::ReaderGone),
        Err(_) => Err(Halt::Failed(Error::ReaderTooSlow)),
    }
}
