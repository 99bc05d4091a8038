//! Feeding the picture: snapshots and facts of the two upstreams.

use std::collections::HashSet;

use parkmesh_contracts::ids::BookingId;
use tokio::time::Instant;

use super::App;
use super::freshness::Feed;
use super::warm::Warm;
use crate::domain::picture::Change;
use crate::domain::spot::Stamp;

/// Changes applied under one lock: readers wait for no more than these.
const MAX_CHANGES_PER_LOCK: usize = 1_000;

/// Everything that an upstream knows, at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Which upstream.
    pub feed: Feed,
    /// The position in its stream that the snapshot is no older than.
    pub sequence: u64,
    /// Its rows.
    pub changes: Vec<Change>,
    /// Every live booking; `None` where the upstream has none.
    pub live: Option<HashSet<BookingId>>,
    /// When it was asked for.
    pub begun: (jiff::Timestamp, Instant),
}

/// What became of facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Newer than what was known.
    pub taken: usize,
    /// Of lots or spots that are not known: only a snapshot can tell of them now.
    pub unplaced: usize,
}

/// What a snapshot put right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Rows that were newer or other than what was known.
    pub changed: usize,
    /// Windows that nobody keeps.
    pub dropped: usize,
}

impl Drift {
    /// Both together.
    #[must_use]
    pub fn total(self) -> usize {
        self.changed + self.dropped
    }
}

fn stamp(feed: Feed, sequence: u64) -> Stamp {
    match feed {
        Feed::Booking => Stamp { booking: sequence, sensor: 0 },
        Feed::Sensor => Stamp { booking: 0, sensor: sequence },
    }
}

impl App {
    /// Takes facts, in the order of their stream: each with its position, and the change if it
    /// brings one.
    pub fn take_facts(
        &self,
        feed: Feed,
        facts: impl IntoIterator<Item = (u64, Option<Change>)>,
    ) -> Taken {
        let now = self.clock.now();
        let mut state = self.write();
        let mut lots = HashSet::new();
        let mut taken = Taken::default();
        for (sequence, change) in facts {
            if let Some(change) = change {
                let lot_id = change.lot_id();
                taken.unplaced += usize::from(!state.picture.has_place(&change));
                if state.picture.apply(change, stamp(feed, sequence), now) {
                    taken.taken += 1;
                    lots.insert(lot_id);
                }
            }
            state.feeds.reach(feed, sequence);
        }
        self.tell(&state, lots);
        taken
    }

    /// Takes what is told of the ground ahead of its facts. It counts in no position: the facts come in any case.
    /// Returns how many were newer than what was known.
    pub fn take_flash(&self, changes: impl IntoIterator<Item = Change>) -> usize {
        let now = self.clock.now();
        let mut state = self.write();
        let mut lots = HashSet::new();
        let mut taken = 0;
        for change in changes {
            let lot_id = change.lot_id();
            if state.picture.apply(change, Stamp::default(), now) {
                taken += 1;
                lots.insert(lot_id);
            }
        }
        self.tell(&state, lots);
        taken
    }

    /// Takes a snapshot over: what it says that is newer or other than what is known, and what it
    /// does not list.
    pub fn take_snapshot(&self, snapshot: Snapshot) -> Drift {
        let Snapshot { feed, sequence, changes, live, begun } = snapshot;
        let stamp = stamp(feed, sequence);
        let mut drift = Drift::default();
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let now = self.clock.now();
            let mut state = self.write();
            let mut lots = HashSet::new();
            for change in changes.by_ref().take(MAX_CHANGES_PER_LOCK) {
                let lot_id = change.lot_id();
                if state.picture.repair(change, stamp, now) {
                    drift.changed += 1;
                    lots.insert(lot_id);
                }
            }
            self.tell(&state, lots);
        }
        let now = self.clock.now();
        let mut state = self.write();
        if let Some(live) = live {
            drift.dropped = state.picture.drop_unlisted(&live, sequence, now);
        }
        state.picture.confirm(stamp);
        state.feeds.stand(feed, sequence, begun.0, begun.1);
        if state.feeds.is_standing() {
            state.warm = Warm::default();
        }
        let lots = state.picture.lots().map(|lot| lot.info.lot_id).collect();
        self.tell(&state, lots);
        drift
    }

    /// Following a stream begins, in this incarnation of it. Positions of another incarnation are
    /// forgotten.
    pub fn begin(&self, feed: Feed, created_ns: i64) {
        let before = self.write().feeds.is_now(feed, created_ns);
        if before.is_some_and(|before| before != created_ns) {
            self.lose(feed);
        }
    }

    /// Which incarnation of the stream is followed, after the positions of the one before were
    /// forgotten.
    pub fn is_now(&self, feed: Feed, created_ns: i64) {
        self.write().feeds.is_now(feed, created_ns);
    }

    /// Facts may be missing: answers are stale, and positions begin anew, until the next snapshot.
    pub fn lose(&self, feed: Feed) {
        let mut state = self.write();
        state.feeds.lose(feed);
        state.generation += 1;
        match feed {
            Feed::Booking => state.picture.forget_booking_positions(),
            Feed::Sensor => state.picture.forget_sensor_positions(),
        }
        self.tell_staleness(&mut state);
    }

    /// A look at a stream: it ends at `sequence` now.
    pub fn look_at_end(&self, feed: Feed, sequence: u64) {
        let (now, at) = (self.clock.now(), Instant::now());
        self.write().feeds.look(feed, sequence, now, at);
    }

    /// There is nothing for us in the stream up to `sequence`.
    pub fn pass(&self, feed: Feed, sequence: u64) {
        self.write().feeds.reach(feed, sequence);
    }

    /// Tells every watcher when the picture has become stale, or fresh again. Returns whether it is
    /// stale.
    pub fn look_at_staleness(&self) -> bool {
        let (told, stale) = {
            let state = self.read();
            (state.stale_told, state.feeds.freshness(Instant::now()).1)
        };
        if told != stale {
            self.tell_staleness(&mut self.write());
        }
        stale
    }

    fn tell_staleness(&self, state: &mut super::State) {
        let stale = state.feeds.freshness(Instant::now()).1;
        if stale != state.stale_told {
            state.stale_told = stale;
            for watched in state.watched.values() {
                watched.send_modify(|_revision| {});
            }
        }
    }

    /// Whether a snapshot stands, and no facts may be missing since.
    #[must_use]
    pub fn is_whole(&self, feed: Feed) -> bool {
        self.read().feeds.is_whole(feed)
    }

    /// How far a feed has come.
    #[must_use]
    pub fn position(&self, feed: Feed) -> u64 {
        self.read().feeds.position(feed)
    }
}
