//! Passages that booking has granted: barriers are told, and say what they did.

use parkmesh_contracts::booking::v1::PassageGranted;
use parkmesh_contracts::facts::Fact as _;
use parkmesh_contracts::ids::{LotId, PlateReadId};
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::watch_passages_response::Passage;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::follow::{self, Follow, Followed};
use parkmesh_eventbus::outbox;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::transaction;
use parkmesh_platform::serve::stopping;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::App;
use crate::error::Error;
use crate::events;
use crate::store::plate::{self, Acknowledged};

/// Passages that wait for a busy watcher: older ones are for nobody who still stands there.
const PASSAGES_WAITING_MAX: usize = 256;
/// Messages that wait for a slow reader.
const MESSAGES_WAITING_MAX: usize = 4;

/// A passage and its lot.
#[derive(Debug, Clone)]
struct Granted {
    lot_id: String,
    passage: Passage,
}

/// What is granted, as this process hears it. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Passages(broadcast::Sender<Granted>);

impl Default for Passages {
    fn default() -> Self {
        Self(broadcast::Sender::new(PASSAGES_WAITING_MAX))
    }
}

type Sender = mpsc::Sender<Result<proto::WatchPassagesResponse, Error>>;
/// What a watcher reads.
pub type Watched = mpsc::Receiver<Result<proto::WatchPassagesResponse, Error>>;

impl App {
    /// Follows what booking grants for the barriers that watch at this process, until it stops.
    pub fn follow_passages(&self) {
        let follow =
            Follow { stream: "BOOKING", fact_types: &[PassageGranted::TYPE], from_sequence: None };
        let mut facts = follow::start(&self.bus, follow, &self.tasks);
        let passages = self.passages.clone();
        self.tasks.spawn("passages", async move {
            while let Some(followed) = facts.recv().await {
                let Followed::Fact(fact) = followed else { continue };
                let Ok(told) = fact.decode::<PassageGranted>() else { continue };
                let direction = told.direction;
                let passage = Passage {
                    plate_read_id: told.plate_read_id,
                    gate_id: told.gate_id,
                    direction,
                    grant_time: Some(to_proto(fact.time)),
                };
                // Nobody watches: nobody is told.
                let _watchers = passages.0.send(Granted { lot_id: told.lot_id, passage });
            }
        });
    }

    /// Begins to watch the gates of a lot. Dropping the receiver ends it.
    ///
    /// # Errors
    /// [`Error::LotNotFound`].
    pub async fn watch_passages(
        &self,
        caller: &Caller,
        lot_id: LotId,
        gate_id: String,
    ) -> Result<Watched, Error> {
        self.check_lot(caller, lot_id).await?;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING_MAX);
        let granted = self.passages.0.subscribe();
        let (app, lot_id, stopping) = (self.clone(), lot_id.to_string(), stopping());
        self.tasks.spawn("watch-passages", async move {
            let life_max = app.watch_limits.life_max;
            let ended = tokio::select! {
                () = app.tell_passages(granted, (&lot_id, &gate_id), &sender) => return,
                () = tokio::time::sleep_until(Instant::now() + life_max) => Error::StreamExpired,
                () = stopping.cancelled() => Error::StreamEnding,
            };
            let _gone = sender.send(Err(ended)).await;
        });
        Ok(receiver)
    }

    /// Ends when nobody reads any more.
    async fn tell_passages(
        &self,
        mut granted: broadcast::Receiver<Granted>,
        (lot_id, gate_id): (&str, &str),
        sender: &Sender,
    ) {
        let period = self.watch_limits.heartbeat_period;
        let mut heartbeats = interval_at(Instant::now() + period, period);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let passage = tokio::select! {
                told = granted.recv() => match told {
                    Ok(told) if told.lot_id != lot_id => continue,
                    Ok(told) if !gate_id.is_empty() && told.passage.gate_id != gate_id => continue,
                    Ok(told) => Some(told.passage),
                    // Whoever was passed over stands there still, and is read again.
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = heartbeats.tick() => None,
                () = sender.closed() => return,
            };
            if sender.send(Ok(proto::WatchPassagesResponse { passage })).await.is_err() {
                return;
            }
        }
    }

    /// Keeps what a barrier says about a passage; the first word counts.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PlateReadNotFound`], or the store's.
    pub async fn acknowledge_passage(
        &self,
        caller: &Caller,
        lot_id: LotId,
        plate_read_id: PlateReadId,
        opened: bool,
    ) -> Result<Acknowledged, Error> {
        self.check_lot(caller, lot_id).await?;
        let (ids, now) = (self.ids.clone(), self.clock.now());
        let said = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let said =
                    plate::acknowledge(connection, plate_read_id, lot_id, opened, now).await?;
                if said.is_first {
                    let fact = events::passage_acknowledged(&ids, now, &said);
                    outbox::append(connection, &[fact]).await?;
                }
                Ok::<_, Error>(said)
            })
        })
        .await?;
        self.relay.wake();
        Ok(said)
    }
}
