//! Ears: one feeder for booking and one for sensor. Each takes a snapshot, follows the facts after
//! it, and takes another snapshot every few minutes, and at once when facts may be missing, to
//! compare and repair.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::flash::{Flashed, Flashes};
use parkmesh_eventbus::follow::{self, Follow, Followed};
use parkmesh_eventbus::{Bus, BusError, Delivered};
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::app::feed::Snapshot;
use crate::app::freshness::Feed;
use crate::domain::picture::Change;
use crate::events;
use crate::metrics::Metrics;
use crate::upstream::{SnapshotError, Upstreams};

/// Facts taken under one lock.
const MAX_FACTS_PER_LOCK: usize = 256;
/// How long a snapshot waits for the facts up to it before it is taken over all the same.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);
/// First wait after a snapshot that failed; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest wait after a snapshot that failed.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Least time between two snapshots that a fact nobody can read asks for.
const UNREADABLE_PERIOD: Duration = Duration::from_secs(30);

/// What availability does on the bus.
pub const BUS: Part = Part { writes: &[], consumers: &[], follows: &["BOOKING", "SENSOR"] };

/// A feeder ended and is to be started again.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The first snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The stream.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The follower is gone.
    #[error("following ended")]
    Ended,
}

/// What feeders share.
#[derive(Clone)]
pub struct Feeders {
    /// What they feed.
    pub app: Arc<App>,
    /// Where facts come from.
    pub bus: Bus,
    /// Where snapshots come from.
    pub upstreams: Upstreams,
    /// Jitter, so that replicas do not ask at the same moment.
    pub ids: Ids,
    /// What is counted.
    pub metrics: Metrics,
    /// How often the picture is compared with what the upstreams know.
    pub reconcile_period: Duration,
}

impl Feeders {
    /// Starts both.
    pub fn start(&self, tasks: &Tasks) {
        for feed in Feed::ALL {
            let (feeders, own_tasks) = (self.clone(), tasks.clone());
            let name = match feed {
                Feed::Booking => "feed-booking",
                Feed::Sensor => "feed-sensor",
            };
            tasks.supervise(name, move || {
                let (feeders, tasks) = (feeders.clone(), own_tasks.clone());
                async move { feeders.run(feed, &tasks).await }
            });
        }
    }

    async fn run(self, feed: Feed, tasks: &Tasks) -> Result<(), FeedError> {
        self.app.begin(feed, self.bus.stream_state(feed.stream()).await?.created_ns);
        let snapshot = self.upstreams.snapshot(feed).await?;
        let (stream, from_sequence) = (feed.stream(), Some(snapshot.sequence));
        let follow = Follow { stream, fact_types: events::fact_types(stream), from_sequence };
        let facts = follow::start(&self.bus, follow, tasks);
        let behind = !self.app.is_whole(feed) || self.app.position(feed) < snapshot.sequence;
        let flashes = match feed {
            // A window that nothing vouches for would be dropped by a comparison.
            Feed::Booking => None,
            Feed::Sensor => Some(Flashes::hear(&self.bus, "sensor").await?),
        };
        let feeder = Feeder::new(self, feed, facts, flashes);
        feeder.take(snapshot, behind);
        feeder.run().await
    }
}

type Fetching = Pin<Box<dyn Future<Output = Result<Snapshot, SnapshotError>> + Send>>;

/// One feed, from its first snapshot on.
struct Feeder {
    shared: Feeders,
    feed: Feed,
    facts: Receiver<Followed>,
    flashes: Option<Flashes>,
    /// When to ask for the next snapshot.
    next_at: Instant,
    retry: Duration,
    fetching: Option<Fetching>,
    /// A snapshot that waits for the facts up to it, and until when.
    waiting: Option<(Snapshot, Instant)>,
    unreadable_at: Option<Instant>,
}

impl Feeder {
    fn new(
        shared: Feeders,
        feed: Feed,
        facts: Receiver<Followed>,
        flashes: Option<Flashes>,
    ) -> Self {
        let next_at = Instant::now();
        let mut feeder = Self {
            shared,
            feed,
            facts,
            flashes,
            next_at,
            retry: RETRY_MIN,
            fetching: None,
            waiting: None,
            unreadable_at: None,
        };
        feeder.plan();
        feeder
    }

    /// The next comparison: a period away, give or take a tenth.
    fn plan(&mut self) {
        let jitter = 0.9 + self.shared.ids.fraction() * 0.2;
        self.next_at = Instant::now() + self.shared.reconcile_period.mul_f64(jitter);
        self.retry = RETRY_MIN;
    }

    async fn run(mut self) -> Result<(), FeedError> {
        let mut followed = Vec::with_capacity(MAX_FACTS_PER_LOCK);
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                came = self.facts.recv_many(&mut followed, MAX_FACTS_PER_LOCK) => {
                    if came == 0 {
                        return Err(FeedError::Ended);
                    }
                    self.hear(followed.drain(..)).await?;
                }
                flash = heard(&mut self.flashes) => self.see(flash.ok_or(FeedError::Ended)?),
                fetched = fetched(&mut self.fetching) => self.arrived(fetched),
                () = sleep_until(wake_at) => self.woken(),
            }
            self.compare();
        }
    }

    fn wake_at(&self) -> Instant {
        match (&self.waiting, &self.fetching) {
            (Some((_, until)), _) => *until,
            (None, None) => self.next_at,
            // The call has its own bounds.
            (None, Some(_)) => Instant::now() + RETRY_MAX,
        }
    }

    fn woken(&mut self) {
        if self.fetching.is_none() && self.waiting.is_none() && Instant::now() >= self.next_at {
            self.fetch();
        }
    }

    /// Asks for a snapshot. One that is on its way, or waits, is thrown away: it may be of before
    /// the reason to ask.
    fn fetch(&mut self) {
        let (upstreams, feed) = (self.shared.upstreams.clone(), self.feed);
        self.waiting = None;
        self.fetching = Some(Box::pin(async move { upstreams.snapshot(feed).await }));
    }

    fn arrived(&mut self, fetched: Result<Snapshot, SnapshotError>) {
        self.fetching = None;
        match fetched {
            Ok(snapshot) => {
                self.plan();
                self.waiting = Some((snapshot, Instant::now() + CATCH_UP_MAX));
            }
            Err(error) => {
                tracing::warn!(feed = ?self.feed, %error, "no snapshot to compare with; trying again");
                self.next_at = Instant::now() + self.retry;
                self.retry = (self.retry * 2).min(RETRY_MAX);
            }
        }
    }

    /// Takes the waiting snapshot over once the facts up to it are applied: what then is otherwise
    /// is a mistake, not a fact under way. After a gap nothing is known of facts under way, and it
    /// is taken over at once.
    fn compare(&mut self) {
        let Some((snapshot, until)) = &self.waiting else { return };
        let lost = !self.shared.app.is_whole(self.feed);
        let reached = self.shared.app.position(self.feed) >= snapshot.sequence;
        if (lost || reached || Instant::now() >= *until)
            && let Some((snapshot, _)) = self.waiting.take()
        {
            self.take(snapshot, lost || !reached);
        }
    }

    /// `behind`: the picture is known to be behind, so that differences are no drift.
    fn take(&self, snapshot: Snapshot, behind: bool) {
        let (sequence, rows) = (snapshot.sequence, snapshot.changes.len());
        let drift = self.shared.app.take_snapshot(snapshot);
        let feed = self.feed;
        if behind {
            tracing::info!(?feed, sequence, rows, "the picture stands");
            return;
        }
        self.shared.metrics.compared(feed, drift);
        if drift.total() > 0 {
            let (changed, dropped) = (drift.changed, drift.dropped);
            tracing::warn!(?feed, sequence, rows, changed, dropped, "the picture had drifted");
        }
    }

    async fn hear(
        &mut self,
        followed: impl Iterator<Item = Followed> + Send,
    ) -> Result<(), FeedError> {
        let mut facts = Vec::new();
        for item in followed {
            match item {
                Followed::Fact(fact) => facts.push((fact.stream_sequence, self.change(&fact))),
                Followed::Gap(reason) => {
                    tracing::warn!(feed = ?self.feed, reason, "asking for a snapshot");
                    // Facts before the gap are counted in positions that mean nothing after it.
                    self.take_facts(std::mem::take(&mut facts));
                    self.shared.app.lose(self.feed);
                    if self.feed == Feed::Sensor {
                        self.shared.upstreams.directory.forget_events();
                    }
                    let state = self.shared.bus.stream_state(self.feed.stream()).await?;
                    self.shared.app.is_now(self.feed, state.created_ns);
                    self.fetch();
                }
            }
        }
        self.take_facts(facts);
        Ok(())
    }

    /// Takes what the sensors say of the ground ahead of the facts. What cannot be read is told again by its fact.
    fn see(&self, flash: Vec<Flashed>) {
        let changes = flash.into_iter().filter_map(|told| {
            events::change(&told.fact_type, &told.body)
                .ok()?
                .filter(|change| matches!(change, Change::Ground { .. }))
        });
        self.shared.metrics.flashed(self.shared.app.take_flash(changes));
    }

    fn take_facts(&mut self, facts: Vec<(u64, Option<Change>)>) {
        if facts.is_empty() {
            return;
        }
        let came = facts.len();
        let taken = self.shared.app.take_facts(self.feed, facts);
        self.shared.metrics.heard(self.feed, came, taken.taken);
        if taken.unplaced > 0 {
            tracing::warn!(facts = taken.unplaced, "facts of a lot or spot that nobody told of");
            self.repair_soon();
        }
    }

    fn change(&mut self, fact: &Delivered) -> Option<Change> {
        self.shared.upstreams.directory.hear(fact);
        match events::change(&fact.fact_type, &fact.body) {
            Ok(change) => change,
            Err(error) => {
                let (fact_id, fact_type) = (fact.fact_id, &fact.fact_type);
                tracing::error!(%fact_id, %fact_type, %error, "a fact cannot be read");
                self.repair_soon();
                None
            }
        }
    }

    /// A fact that cannot be read or placed has changed something all the same; a snapshot says
    /// what.
    fn repair_soon(&mut self) {
        let now = Instant::now();
        if self.unreadable_at.is_none_or(|at| now.duration_since(at) >= UNREADABLE_PERIOD) {
            self.unreadable_at = Some(now);
            self.next_at = now;
        }
    }
}

async fn heard(flashes: &mut Option<Flashes>) -> Option<Vec<Flashed>> {
    match flashes {
        Some(flashes) => flashes.next().await,
        None => std::future::pending().await,
    }
}

async fn fetched(fetching: &mut Option<Fetching>) -> Result<Snapshot, SnapshotError> {
    match fetching {
        Some(fetching) => fetching.await,
        None => std::future::pending().await,
    }
}
