//! Reserving in groups. Asks that arrive while a commit is in flight ride the next one: one commit
//! then pays for many bookings, and a crowd on one spot costs one attempt. Nobody waits on purpose: a
//! writer that is free takes whatever is there, be it one ask.
//!
//! A group is one statement (see `store::booking::hold`), so every ask has its own outcome. What fails
//! for all is tried one by one, so that one bad ask never fails its neighbours. The database decides,
//! not this process: any number of writers in any number of replicas may run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::metrics::Histogram;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::window::Window;
use parkmesh_platform::postgres::OwnConnection;
use parkmesh_platform::serve;
use parkmesh_platform::telemetry::{self, trace_context};
use tokio::sync::{Notify, oneshot};

use crate::app::App;
use crate::convert::booking::Wanted;
use crate::domain::allotment::Allotment;
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::booking::obstacles::Obstacles;
use crate::store::booking::search::Pool;
use crate::store::replay::Request;

mod free;
mod queue;
mod room;
mod write;

pub(in crate::app) use write::facts_of_lapsed;

use queue::Queue;

/// What is asked of the writers.
pub(super) struct Ask {
    /// Order in which the calls came to this process: the earlier goes first.
    number: u64,
    /// Who asks, and under which id.
    key: Request,
    /// Window, plate.
    wanted: Wanted,
    /// What is wanted.
    target: Target,
    /// What it would keep: the window, and the lot's turnaround after it.
    kept: Window,
    /// Times it was part of a group.
    rounds: u32,
    /// Times the database failed under it.
    failures: u32,
    /// A lapsed hold may be in its way: end it first.
    reclaims: bool,
    /// The trace of the call, for the fact.
    trace_parent: Option<String>,
    answer: oneshot::Sender<Result<Verdict, Error>>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// This one, at the version seen; 0 for whatever stands.
    Spot(Arc<Spot>, i64),
    /// Any of a pool. So many spots may still be picked by chance for it; then the database is asked
    /// which are free.
    Pool { pool: Pool, picks: u8 },
    /// The lowest free number of an allotment.
    Ticket(Arc<Allotment>),
}

/// What is tried for an ask.
#[derive(Debug, Clone)]
pub(in crate::app) enum Seat {
    /// This spot.
    Spot(Arc<Spot>),
    /// This number.
    Ticket(Arc<Allotment>, i32),
}

impl Seat {
    /// The lot.
    pub(super) fn lot_id(&self) -> LotId {
        match self {
            Self::Spot(spot) => spot.lot_id,
            Self::Ticket(allotment, _) => allotment.lot_id,
        }
    }
}

impl Target {
    /// The lot.
    pub(super) fn lot_id(&self) -> LotId {
        match self {
            Self::Spot(spot, _) => spot.lot_id,
            Self::Pool { pool, .. } => pool.lot_id,
            Self::Ticket(allotment) => allotment.lot_id,
        }
    }

    /// A spot that is tried for it was picked by chance.
    fn is_picked(&self) -> bool {
        matches!(self, Self::Pool { picks: 1.., .. })
    }

    /// From now on the database is asked which are free.
    fn search(&mut self) {
        if let Self::Pool { picks, .. } = self {
            *picks = 0;
        }
    }

    /// The version of the spot that the caller saw; 0 for whatever stands.
    pub(super) fn seen(&self) -> i64 {
        match self {
            Self::Spot(_, seen) => *seen,
            Self::Pool { .. } | Self::Ticket(_) => 0,
        }
    }
}

/// How an ask ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is kept.
    Held(Box<proto::Booking>),
    /// This stands in the way.
    Blocked(Obstacles),
    /// No spot of the pool is free for the whole window, or no ticket is left.
    SoldOut,
    /// The request has been answered before.
    Answered,
    /// Others were faster again and again.
    Crowded,
}

/// The asks that wait, and who writes them. Clones share them.
#[derive(Clone)]
pub struct Groups {
    queue: Arc<Mutex<Queue>>,
    come: Arc<Notify>,
    sizes: Histogram<u64>,
}

impl Default for Groups {
    fn default() -> Self {
        let sizes = telemetry::meter()
            .u64_histogram("parkmesh_reserve_group_size")
            .with_description("Asks that were written by one statement")
            .with_boundaries(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0])
            .build();
        Self { queue: Arc::default(), come: Arc::default(), sizes }
    }
}

impl Groups {
    /// Waits for the verdict over a wish. Whoever goes away meanwhile may find the spot held: the
    /// request's id tells.
    ///
    /// # Errors
    /// The store's; [`Error::Crowded`] when more wait than can be answered in time.
    pub(super) async fn ask(
        &self,
        key: &Request,
        wanted: &Wanted,
        (target, kept): (Target, Window),
    ) -> Result<Verdict, Error> {
        let (answer, verdict) = oneshot::channel();
        let ask = Ask {
            number: serve::arrival(),
            key: key.clone(),
            wanted: wanted.clone(),
            target,
            kept,
            rounds: 0,
            failures: 0,
            reclaims: false,
            trace_parent: trace_context::current(),
            answer,
        };
        if !self.lock().push(ask) {
            return Err(Error::Crowded);
        }
        self.come.notify_one();
        verdict.await.map_err(|_| Error::Broken("an ask was lost".to_owned()))?
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Starts the writers; they end with the service.
    pub fn start_groups(&self, writers: usize) {
        for _writer in 0..writers {
            let app = self.clone();
            self.tasks.spawn("reserve-groups", async move { app.write_groups().await });
        }
    }

    async fn write_groups(&self) {
        let groups = &self.groups;
        let own = || OwnConnection::new(&self.pool, &self.clock);
        let mut connection = own();
        loop {
            connection.refresh().await;
            let drawn = groups.lock().draw(&self.known, u64::from_be_bytes(self.ids.bytes()));
            let Some((group, drawn)) = drawn else {
                groups.come.notified().await;
                continue;
            };
            groups.sizes.record(u64::try_from(drawn.len()).unwrap_or(u64::MAX), &[]);
            // A stop must not cut a statement in half: its outcome would be unknown to all.
            let app = self.clone();
            let written = self.tasks.detached(async move {
                let back = app.write_group(group, drawn, &mut connection).await;
                (back, connection)
            });
            let back;
            (back, connection) = written.await.unwrap_or_else(|_| (Vec::new(), own()));
            groups.lock().finish(group, back);
            groups.come.notify_one();
        }
    }
}
