//! The shared picture in Redis: counters that others may read and the last known state of every
//! spot, which a starting replica serves, flagged stale, until its own picture stands. Redis keeps
//! nothing across its own restart: an empty one is noticed by its missing epoch and filled anew.
//!
//! | key | kind | holds |
//! |---|---|---|
//! | `avail:epoch` | string | the epoch that is trusted |
//! | `avail:lots` | set | lots that have been written |
//! | `avail:{lot}` | hash | `name`, `floors` (JSON) |
//! | `avail:{lot}:floor` | hash | `epoch`, `free`, `total`, `<type>:free`, `<type>:total` |
//! | `avail:{lot}:history` | string | how full the lot was, see [`history`] |
//! | `avail:{lot}:floor:spots` | hash | spot id → `booking:sensor:at_ms:free:type:<JSON of the spot>` |
//!
//! All keys of one script share the hash tag of their lot, so that a Redis Cluster keeps them
//! together. A floor whose `epoch` is not the trusted one is being filled, and not to be believed.

pub mod epoch;
pub mod history;
pub mod keys;
pub mod record;
pub mod script;

use std::collections::HashMap;

use parkmesh_contracts::ids::{FloorId, LotId};
use parkmesh_platform::redis::redis::{self, AsyncCommands as _};
use parkmesh_platform::redis::{Connection, Pool, PoolError};

use self::epoch::Epoch;
use self::keys::Keys;
use self::record::{LotRecord, SpotRecord};
use self::script::{SWITCH_EPOCH, WRITE_SPOTS};

/// Spots written by one call of a script: Redis serves nobody else meanwhile.
pub const MAX_SPOTS_PER_SCRIPT: usize = 250;

/// Redis did not answer, or not as expected.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The pool has none, or Redis is away.
    #[error("no connection to Redis: {0}")]
    Pool(#[from] PoolError),
    /// A command failed.
    #[error("Redis refused: {0}")]
    Redis(#[from] redis::RedisError),
    /// A value that nobody of us wrote.
    #[error("a record in Redis cannot be read: {0}")]
    Record(#[from] serde_json::Error),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// So many spots were newer than what stood there.
    Applied(u32),
    /// The floor belongs to a later epoch: somebody fills Redis anew.
    LaterEpoch,
}

/// The door to the shared picture.
#[derive(Clone)]
pub struct SharedPicture {
    pool: Pool,
    keys: Keys,
}

/// A floor's spots, as a reader of Redis finds them.
pub type FloorSpots = HashMap<FloorId, Vec<SpotRecord>>;

impl SharedPicture {
    /// `prefix` stands before every key; empty in production, of its own in each test.
    #[must_use]
    pub fn new(pool: Pool, prefix: &str) -> Self {
        Self { pool, keys: Keys::new(prefix) }
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// The epoch that is trusted; `None` when Redis is empty.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn epoch(&self) -> Result<Option<Epoch>, StoreError> {
        let text: Option<String> = self.connection().await?.get(self.keys.epoch()).await?;
        Ok(text.map(Epoch::read))
    }

    /// Makes an epoch the trusted one, after all of its floors were written. Returns the one that
    /// is trusted then.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn switch_epoch(&self, epoch: &Epoch) -> Result<Epoch, StoreError> {
        let mut connection = self.connection().await?;
        let trusted: String = redis::cmd("EVAL")
            .arg(SWITCH_EPOCH)
            .arg(1)
            .arg(self.keys.epoch())
            .arg(epoch.as_str())
            .query_async(&mut connection)
            .await?;
        Ok(Epoch::read(trusted))
    }

    /// Writes a lot's own record.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn write_lot(&self, lot: &LotRecord) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let floors = serde_json::to_string(&lot.floors)?;
        // Not the client's own `hset_multiple`, which sends HMSET: deprecated, and not among what our user there may do.
        let mut call = redis::cmd("HSET");
        call.arg(self.keys.lot(lot.lot_id)).arg("name").arg(&lot.name).arg("floors").arg(floors);
        // One after the other: in a cluster the two keys lie on different nodes.
        let _: () = call.query_async(&mut connection).await?;
        Ok(connection.sadd(self.keys.lots(), lot.lot_id.to_string()).await?)
    }

    /// Writes spots of one floor, each only if it is newer than what stands there. No spots at all
    /// make the floor.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn write_spots(
        &self,
        epoch: &Epoch,
        lot_id: LotId,
        floor_id: FloorId,
        spots: &[SpotRecord],
    ) -> Result<Written, StoreError> {
        let mut connection = self.connection().await?;
        let mut applied = 0;
        let (first, rest) = spots.split_at(spots.len().min(MAX_SPOTS_PER_SCRIPT));
        for batch in std::iter::once(first).chain(rest.chunks(MAX_SPOTS_PER_SCRIPT)) {
            let mut call = redis::cmd("EVAL");
            call.arg(WRITE_SPOTS).arg(2);
            call.arg(self.keys.counters(lot_id, floor_id)).arg(self.keys.spots(lot_id, floor_id));
            call.arg(epoch.as_str());
            for spot in batch {
                call.arg(spot.spot_id.to_string())
                    .arg(spot.stamp.booking)
                    .arg(spot.stamp.sensor)
                    .arg(spot.at_ms)
                    .arg(u8::from(spot.is_free()))
                    .arg(spot.state.spot_type)
                    .arg(serde_json::to_string(&spot.state)?);
            }
            let outcome: i64 = call.query_async(&mut connection).await?;
            let Ok(count) = u32::try_from(outcome) else { return Ok(Written::LaterEpoch) };
            applied += count;
        }
        Ok(Written::Applied(applied))
    }

    /// Every lot that Redis knows, for a replica that starts. Floors that are not of the trusted
    /// epoch are left out; all of them when none is trusted.
    ///
    /// # Errors
    /// When Redis does not answer or holds what nobody of us wrote.
    pub async fn load(&self) -> Result<Vec<(LotRecord, FloorSpots)>, StoreError> {
        let Some(epoch) = self.epoch().await? else { return Ok(Vec::new()) };
        let mut connection = self.connection().await?;
        let lots: Vec<String> = connection.smembers(self.keys.lots()).await?;
        let mut loaded = Vec::with_capacity(lots.len());
        for lot_id in lots.iter().filter_map(|text| LotId::parse(text).ok()) {
            let (name, floors): (Option<String>, Option<String>) =
                connection.hmget(self.keys.lot(lot_id), &["name", "floors"]).await?;
            let (Some(name), Some(floors)) = (name, floors) else { continue };
            let lot = LotRecord { lot_id, name, floors: serde_json::from_str(&floors)? };
            let mut spots = FloorSpots::new();
            for floor in &lot.floors {
                let (stands, rows): (Option<String>, HashMap<String, String>) = redis::pipe()
                    .hget(self.keys.counters(lot_id, floor.floor_id), "epoch")
                    .hgetall(self.keys.spots(lot_id, floor.floor_id))
                    .query_async(&mut connection)
                    .await?;
                if stands.as_deref() == Some(epoch.as_str()) {
                    let records = rows.iter().filter_map(|(id, text)| SpotRecord::read(id, text));
                    spots.insert(floor.floor_id, records.collect());
                }
            }
            // Half a lot would be a wrong answer and not a stale one.
            let whole = lot.floors.iter().all(|floor| spots.contains_key(&floor.floor_id));
            if whole {
                loaded.push((lot, spots));
            }
        }
        Ok(loaded)
    }

    /// A floor's counters as they stand in Redis; empty when there are none.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn counters(
        &self,
        lot_id: LotId,
        floor_id: FloorId,
    ) -> Result<HashMap<String, String>, StoreError> {
        Ok(self.connection().await?.hgetall(self.keys.counters(lot_id, floor_id)).await?)
    }
}
