//! Use cases: one door to the picture for those who read it and one for those who feed it. Readers
//! hold the lock for as long as an answer takes to build and never wait for a network or a disk.

pub mod feed;
pub mod find;
pub mod freshness;
pub mod history;
pub mod open;
pub mod read;
pub mod search;
pub mod share;
pub mod warm;
pub mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::clock::Clock;
use tokio::sync::watch::{Receiver, Sender};

use self::freshness::Feeds;
use self::history::Histories;
use self::warm::Warm;
use crate::domain::picture::Picture;

/// The picture and how fresh it is.
struct State {
    picture: Picture,
    feeds: Feeds,
    /// What Redis held when this replica started; thrown away as soon as the picture stands.
    warm: Warm,
    /// One for each lot that is or was watched: the lot's revision.
    watched: HashMap<LotId, Sender<u64>>,
    /// Counts up whenever positions in the streams lost their meaning: what Redis holds is of
    /// another world then.
    generation: u64,
    /// Whether watchers were last told that the picture is stale.
    stale_told: bool,
}

/// The picture, shared.
pub struct App {
    clock: Clock,
    state: RwLock<State>,
    /// Wakes the writer of Redis when anything changed.
    stirred: Sender<u64>,
    /// Tells this process's revisions from another's in a resume token.
    incarnation: u64,
    /// How full lots were. Beside the picture, since it outlives what the picture is thrown away for. Whoever takes
    /// both takes the state first.
    histories: RwLock<Histories>,
}

impl App {
    /// `incarnation` must differ between processes.
    #[must_use]
    pub fn new(clock: Clock, incarnation: u64) -> Self {
        let state = State {
            picture: Picture::default(),
            feeds: Feeds::default(),
            warm: Warm::default(),
            watched: HashMap::new(),
            generation: 0,
            stale_told: true,
        };
        let (stirred, histories) = (Sender::new(0), RwLock::default());
        Self { clock, state: RwLock::new(state), stirred, incarnation, histories }
    }

    // A panic while the lock is held is a bug that the task's supervisor reports; the picture
    // itself is only ever moved in whole steps.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass. Returns the next instant at which time alone changes a spot.
    pub fn tick(&self, now: Timestamp) -> Option<Timestamp> {
        // Mostly nothing is due, and readers need not wait for that to be found out.
        if let Some(due) = self.read().picture.next_due().filter(|due| *due > now) {
            return Some(due);
        }
        let mut state = self.write();
        let lots = state.picture.tick(now).into_iter().collect();
        self.tell(&state, lots);
        state.picture.next_due()
    }

    /// The clock was moved back: looks at everything again.
    pub fn look_again(&self, now: Timestamp) {
        let mut state = self.write();
        let lots = state.picture.look_again(now).into_iter().collect();
        self.tell(&state, lots);
    }

    fn tell(&self, state: &State, lots: HashSet<LotId>) {
        if lots.is_empty() {
            return;
        }
        for lot_id in lots {
            if let (Some(watched), Some(lot)) =
                (state.watched.get(&lot_id), state.picture.lot(lot_id))
            {
                watched.send_replace(lot.revision());
            }
        }
        self.stirred.send_modify(|count| *count += 1);
    }

    /// Changes whenever anything changed.
    #[must_use]
    pub fn stirred(&self) -> Receiver<u64> {
        self.stirred.subscribe()
    }

    /// True once snapshots of both upstreams stand.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        self.read().feeds.is_standing()
    }

    /// True once there is anything to answer with: what Redis held, or the picture.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let state = self.read();
        state.feeds.is_standing() || !state.warm.is_empty()
    }

    /// Keeps what Redis held, to be served until the picture stands.
    pub fn warm_up(&self, warm: Warm) {
        let mut state = self.write();
        if !state.feeds.is_standing() {
            state.feeds.told(warm.as_of());
            state.warm = warm;
        }
    }
}
