//! StreamOccupancy: every spot that has a sensor, as of one moment.

use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::stream_occupancy_response::{End, Part, Rows, Start};
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::App;
use crate::error::Error;
use crate::store::sensor;

/// The stream whose facts the snapshot is compared with.
pub(super) const STREAM: &str = "SENSOR";
/// Rows in a part at most; the proto promises it.
pub(super) const PART_ROWS_MAX: i64 = 500;
/// Parts that wait for the reader. With the rows above this bounds the memory of a slow reader.
const PARTS_WAITING_MAX: usize = 4;
/// How long a reader may take no part at all. The transaction is open all the while.
const READER_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long Postgres lets the transaction sit: longer than we do, so that it is we who say why.
const IDLE_MAX_MS: u64 = 40_000;
/// Snapshots under way at most; each keeps a connection. More wait for their turn.
pub const SNAPSHOTS_MAX: usize = 4;

/// Why a snapshot ends early.
enum Halt {
    ReaderGone,
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

/// Parts of a snapshot.
pub type Parts = mpsc::Receiver<Result<proto::StreamOccupancyResponse, Error>>;
type Sender = mpsc::Sender<Result<proto::StreamOccupancyResponse, Error>>;

impl App {
    /// Begins to read the snapshot of one lot, or of all. Dropping the receiver ends the reading.
    ///
    /// # Errors
    /// [`Error::Bus`] when the position of the facts cannot be read.
    pub async fn stream_occupancy(&self, only: Option<LotId>) -> Result<Parts, Error> {
        let turn = Arc::clone(&self.snapshots).acquire_owned().await;
        let turn = turn.map_err(|error| Error::Broken(error.to_string()))?;
        // First the position, then the moment: a fact between the two is in the rows and comes
        // again, which its
        // version tells. The other way round it would be in neither.
        let position = self.bus.last_sequence(STREAM).await;
        let sensor_sequence = position.map_err(|error| Error::Bus(Box::new(error)))?;
        let (sender, receiver) = mpsc::channel(PARTS_WAITING_MAX);
        let pool = self.pool.clone();
        self.tasks.spawn("snapshot", async move {
            let parts = sender.clone();
            let outcome = transaction(&pool, move |connection| {
                Box::pin(async move { send_all(connection, only, sensor_sequence, &parts).await })
            })
            .await;
            if let Err(Halt::Failed(error)) = outcome {
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
    sensor_sequence: u64,
    parts: &Sender,
) -> Result<(), Halt> {
    sensor::begin_snapshot(connection, IDLE_MAX_MS).await?;
    send(parts, Part::Start(Start { sensor_sequence })).await?;
    let (mut after, mut sent) = (Uuid::nil(), 0);
    loop {
        let rows = sensor::scan(connection, only, after, PART_ROWS_MAX).await?;
        let Some(last) = rows.last() else { break };
        after = last.spot_id.as_uuid();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        sent += count;
        let spots = rows.iter().map(proto::SpotOccupancy::from).collect();
        send(parts, Part::Rows(Rows { spots })).await?;
        if count < PART_ROWS_MAX {
            break;
        }
    }
    send(parts, Part::End(End { spots: sent })).await
}

async fn send(parts: &Sender, part: Part) -> Result<(), Halt> {
    let part = Ok(proto::StreamOccupancyResponse { part: Some(part) });
    match timeout(READER_WAIT_MAX, parts.send(part)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Halt::ReaderGone),
        Err(_) => Err(Halt::Failed(Error::ReaderTooSlow)),
    }
}
