//! WatchOccupancy: all spots of a lot, then each change.
//!
//! Each process that has had a watcher follows the facts of the ground, remembers the last of them, and tells its watchers.
//! A resume token is a place in the stream, so that any replica goes on from it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_eventbus::follow::{self, Follow, Followed};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::serve::stopping;
use tokio::sync::{OnceCell, broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use uuid::Uuid;

use super::App;
use super::snapshot::{PART_ROWS_MAX, STREAM};
use crate::error::Error;
use crate::events::{self, GROUND_TYPES};
use crate::store::sensor;

/// Changes that are remembered for those who come back.
const REMEMBERED_MAX: usize = 20_000;
/// Changes that wait for a busy watcher; one that misses some is told everything anew.
const CHANGES_WAITING_MAX: usize = 2_048;
/// Messages that wait for a slow reader.
const MESSAGES_WAITING_MAX: usize = 4;

/// A change at its place in the stream.
#[derive(Debug, Clone)]
struct Change {
    sequence: u64,
    spot: Arc<proto::SpotOccupancy>,
}

/// What a watcher is told of.
#[derive(Debug, Clone)]
enum News {
    Change(Change),
    /// Some may be missing.
    Gap,
}

/// The last changes without a gap.
#[derive(Debug, Default)]
struct Memory {
    /// All changes after this place are in `changes`, up to `end`; None before the first fact.
    begin: Option<u64>,
    end: u64,
    changes: VecDeque<Change>,
}

impl Memory {
    fn add(&mut self, change: Change) {
        self.begin.get_or_insert(change.sequence.saturating_sub(1));
        self.end = change.sequence;
        self.changes.push_back(change);
        if self.changes.len() > REMEMBERED_MAX {
            self.begin = self.changes.pop_front().map(|gone| gone.sequence);
        }
    }

    /// What has changed in the lot since a place; None when that is not known any more.
    fn since(&self, lot_id: &str, place: u64) -> Option<Vec<Change>> {
        let known = self.begin.is_some_and(|begin| begin <= place) && place <= self.end;
        let later = |change: &&Change| change.sequence > place && change.spot.lot_id == lot_id;
        known.then(|| self.changes.iter().filter(later).cloned().collect())
    }
}

/// What changes on the ground, as this process hears it. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Changes {
    news: broadcast::Sender<News>,
    memory: Arc<Mutex<Memory>>,
    /// Set once they are followed.
    followed: Arc<OnceCell<()>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            news: broadcast::Sender::new(CHANGES_WAITING_MAX),
            memory: Arc::default(),
            followed: Arc::default(),
        }
    }
}

impl Changes {
    fn take(&self, followed: &Followed) {
        let change = match followed {
            Followed::Fact(fact) => match events::occupancy_of(fact) {
                Ok(Some(spot)) => {
                    Some(Change { sequence: fact.stream_sequence, spot: Arc::new(spot) })
                }
                Ok(None) | Err(_) => return,
            },
            Followed::Gap(_) => None,
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody watches: nobody is told. Under the lock, so that who subscribes sees each change once.
        let _watchers = self.news.send(match change {
            Some(change) => {
                memory.add(change.clone());
                News::Change(change)
            }
            None => {
                *memory = Memory::default();
                News::Gap
            }
        });
    }

    /// What has changed since a place, as far as it is known, and what changes from now on.
    fn subscribe(
        &self,
        lot_id: &str,
        place: Option<u64>,
    ) -> (Option<Vec<Change>>, broadcast::Receiver<News>) {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let since = place.and_then(|place| memory.since(lot_id, place));
        (since, self.news.subscribe())
    }
}

type Sender = mpsc::Sender<Result<proto::WatchOccupancyResponse, Error>>;
/// What a watcher reads.
pub type Watched = mpsc::Receiver<Result<proto::WatchOccupancyResponse, Error>>;

impl App {
    /// Follows the facts of the ground for the watchers of this process, from the first of them on.
    async fn follow_changes(&self) -> Result<(), Error> {
        let begin = || async {
            let from_sequence = Some(self.ground_position().await?);
            let follow = Follow { stream: STREAM, fact_types: GROUND_TYPES, from_sequence };
            let mut facts = follow::start(&self.bus, follow, &self.tasks);
            let changes = self.changes.clone();
            self.tasks.spawn("ground-changes", async move {
                while let Some(followed) = facts.recv().await {
                    changes.take(&followed);
                }
            });
            Ok(())
        };
        self.changes.followed.get_or_try_init(begin).await.copied()
    }

    /// How far the facts of the ground have come.
    async fn ground_position(&self) -> Result<u64, Error> {
        let position = self.bus.last_sequence(STREAM).await;
        position.map_err(|error| Error::Bus(Box::new(error)))
    }

    /// Begins to watch a lot. Dropping the receiver ends it.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::Bus`] when the facts cannot be followed, or the store's.
    pub async fn watch_occupancy(
        &self,
        caller: &Caller,
        lot_id: LotId,
        resume_token: &str,
    ) -> Result<Watched, Error> {
        self.check_lot(caller, lot_id).await?;
        self.follow_changes().await?;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING_MAX);
        let place = resume_token.parse().ok();
        let (since, news) = self.changes.subscribe(&lot_id.to_string(), place);
        let seen = place.unwrap_or_default();
        let mut watch = Watch { app: self.clone(), lot_id, sender, seen };
        let (stopping, life_max) = (stopping(), self.watch_limits.life_max);
        self.tasks.spawn("watch-occupancy", async move {
            let ended = tokio::select! {
                ended = watch.run(since, news) => ended,
                () = tokio::time::sleep_until(Instant::now() + life_max) => Err(Error::StreamExpired),
                () = stopping.cancelled() => Err(Error::StreamEnding),
            };
            if let Err(error) = ended {
                let _gone = watch.sender.send(Err(error)).await;
            }
        });
        Ok(receiver)
    }
}

struct Watch {
    app: App,
    lot_id: LotId,
    sender: Sender,
    /// The place in the stream up to which everything is told.
    seen: u64,
}

impl Watch {
    /// Ok when nobody reads any more.
    async fn run(
        &mut self,
        since: Option<Vec<Change>>,
        mut news: broadcast::Receiver<News>,
    ) -> Result<(), Error> {
        let first = match since {
            Some(changes) => self.tell(changes).await,
            None => self.tell_all().await?,
        };
        let period = self.app.watch_limits.heartbeat_period;
        let mut heartbeats = interval_at(Instant::now() + period, period);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut goes_on = first;
        while goes_on {
            goes_on = tokio::select! {
                told = news.recv() => match told {
                    Ok(News::Change(change)) => {
                        let (changes, whole) = gather(change, &mut news);
                        match whole {
                            true => self.tell(changes).await,
                            false => self.tell_all().await?,
                        }
                    }
                    Err(broadcast::error::RecvError::Closed) => false,
                    Ok(News::Gap) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.tell_all().await?
                    }
                },
                _ = heartbeats.tick() => self.send(Vec::new(), false, true).await,
                () = self.sender.closed() => false,
            };
        }
        Ok(())
    }

    /// Tells those of the changes that are of the lot and new. False when nobody reads.
    async fn tell(&mut self, changes: Vec<Change>) -> bool {
        let lot_id = self.lot_id.to_string();
        let mut spots = Vec::new();
        for change in changes {
            let news = change.sequence > self.seen && change.spot.lot_id == lot_id;
            self.seen = self.seen.max(change.sequence);
            if news {
                spots.push(change.spot.as_ref().clone());
            }
        }
        if spots.is_empty() {
            return true;
        }
        let parts = spots.chunks(PART_SPOTS_MAX).map(<[_]>::to_vec).collect::<Vec<_>>();
        for part in parts {
            if !self.send(part, false, true).await {
                return false;
            }
        }
        true
    }

    /// Tells all spots of the lot. False when nobody reads.
    async fn tell_all(&mut self) -> Result<bool, Error> {
        // First the position: what happens after it is told again, and its version says so.
        self.seen = self.app.ground_position().await?;
        let mut after = Uuid::nil();
        loop {
            let mut connection = self.app.pool.acquire().await?;
            let rows =
                sensor::scan(&mut connection, Some(self.lot_id), after, PART_ROWS_MAX).await?;
            drop(connection);
            after = rows.last().map_or(after, |last| last.spot_id.as_uuid());
            let last = rows.len() < PART_SPOTS_MAX;
            let spots = rows.iter().map(proto::SpotOccupancy::from).collect();
            if !self.send(spots, true, last).await {
                return Ok(false);
            }
            if last {
                return Ok(true);
            }
        }
    }

    async fn send(&self, spots: Vec<proto::SpotOccupancy>, snapshot: bool, whole: bool) -> bool {
        let resume_token = if whole { self.seen.to_string() } else { String::new() };
        let message = proto::WatchOccupancyResponse { spots, snapshot, resume_token };
        self.sender.send(Ok(message)).await.is_ok()
    }
}

/// Spots in one message.
const PART_SPOTS_MAX: usize = PART_ROWS_MAX as usize;

/// What has come meanwhile goes along. False: some is missing.
fn gather(first: Change, news: &mut broadcast::Receiver<News>) -> (Vec<Change>, bool) {
    let mut changes = vec![first];
    while changes.len() < PART_SPOTS_MAX {
        match news.try_recv() {
            Ok(News::Change(change)) => changes.push(change),
            Ok(News::Gap) | Err(broadcast::error::TryRecvError::Lagged(_)) => {
                return (changes, false);
            }
            Err(_) => break,
        }
    }
    (changes, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sequence: u64, lot_id: &str) -> Change {
        let spot = proto::SpotOccupancy { lot_id: lot_id.to_owned(), ..Default::default() };
        Change { sequence, spot: Arc::new(spot) }
    }

    fn sequences(found: Option<Vec<Change>>) -> Option<Vec<u64>> {
        found.map(|changes| changes.iter().map(|change| change.sequence).collect())
    }

    #[test]
    fn who_comes_back_is_told_what_the_lot_missed_or_that_nobody_knows_any_more() {
        let mut memory = Memory::default();
        assert_eq!(sequences(memory.since("a", 4)), None, "nothing is known yet");
        for (sequence, lot) in [(5, "a"), (7, "b"), (9, "a")] {
            memory.add(change(sequence, lot));
        }
        assert_eq!(sequences(memory.since("a", 4)), Some(vec![5, 9]));
        assert_eq!(sequences(memory.since("a", 5)), Some(vec![9]));
        assert_eq!(sequences(memory.since("a", 9)), Some(Vec::new()));
        assert_eq!(sequences(memory.since("a", 3)), None, "before the first");
        assert_eq!(sequences(memory.since("a", 10)), None, "of a stream that is no more");
        for sequence in 10..=u64::try_from(REMEMBERED_MAX).unwrap_or_default() + 9 {
            memory.add(change(sequence, "b"));
        }
        assert_eq!(sequences(memory.since("a", 8)), None, "forgotten");
        assert_eq!(sequences(memory.since("a", 9)), Some(Vec::new()));
    }
}
