//! WatchBooking: the booking now, then every change of it.
//!
//! Each process follows the facts of all bookings once and tells its watchers which booking they are
//! about; a watcher then reads the booking itself. So it does not matter which replica made the
//! change, and a watcher that missed a fact reads what stands all the same.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::BookingId;
use parkmesh_eventbus::follow::{self, Follow, Followed};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::serve::stopping;
use prost::Message;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::reach;
use crate::app::App;
use crate::convert::inventory::id;
use crate::error::Error;
use crate::events::FACT_TYPES;
use crate::store::booking::read::{self, Reach};

/// Changes that wait for a busy watcher; one that misses some reads its booking anew.
const CHANGES_WAITING_MAX: usize = 1_024;
/// Messages that wait for a slow reader.
const MESSAGES_WAITING_MAX: usize = 4;

type Sender = mpsc::Sender<Result<proto::WatchBookingResponse, Error>>;
type Receiver = mpsc::Receiver<Result<proto::WatchBookingResponse, Error>>;

/// Which bookings change. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<Change>);

/// A booking has changed, or any may have.
#[derive(Debug, Clone, Copy)]
enum Change {
    Of(BookingId),
    Unknown,
}

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(CHANGES_WAITING_MAX))
    }
}

/// Every fact of a booking carries it in the same two fields: enough to know whose it is.
#[derive(Clone, PartialEq, Message)]
struct AnyBookingFact {
    #[prost(message, optional, tag = "3")]
    booking: Option<proto::BookingSummary>,
}

impl App {
    /// Follows the facts of bookings for the watchers of this process, until it stops.
    pub fn follow_changes(&self) {
        let follow = Follow { stream: "BOOKING", fact_types: FACT_TYPES, from_sequence: None };
        let mut facts = follow::start(&self.bus, follow, &self.tasks);
        let changes = self.changes.clone();
        self.tasks.spawn("booking-changes", async move {
            while let Some(followed) = facts.recv().await {
                // Nobody watches: nobody is told.
                let _watchers = changes.0.send(change_of(&followed));
            }
        });
    }

    /// Begins to watch a booking. Dropping the receiver ends it.
    ///
    /// # Errors
    /// [`Error::BookingNotFound`], or the store's.
    pub async fn watch_booking(
        &self,
        caller: &Caller,
        request: proto::WatchBookingRequest,
    ) -> Result<Receiver, Error> {
        let booking_id = id("booking_id", &request.booking_id)?;
        let reach = reach(caller);
        // Listening first: what changes between the reading and the listening would be missed.
        let changes = self.changes.0.subscribe();
        let kept = read::find(&self.pool, booking_id, &reach).await?;
        let booking = kept.ok_or(Error::BookingNotFound)?.booking;
        let (sender, receiver) = mpsc::channel(MESSAGES_WAITING_MAX);
        let life_max = self.watch_limits.life_max;
        let mut watch = Watch {
            app: self.clone(),
            booking_id,
            reach,
            sender,
            seen: request.after_version.max(0),
        };
        let stopping = stopping();
        self.tasks.spawn("watch-booking", async move {
            if booking.version > watch.seen && !watch.send(Some((&booking).into())).await {
                return;
            }
            watch.seen = booking.version;
            let ended = tokio::select! {
                ended = watch.run(changes) => ended,
                () = tokio::time::sleep_until(Instant::now() + life_max) => Err(Error::StreamExpired),
                () = stopping.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                let _gone = watch.sender.send(Err(error)).await;
            }
        });
        Ok(receiver)
    }
}

fn change_of(followed: &Followed) -> Change {
    let Followed::Fact(fact) = followed else { return Change::Unknown };
    let summary = AnyBookingFact::decode(fact.body.clone()).ok().and_then(|fact| fact.booking);
    let booking_id = summary.and_then(|summary| summary.booking_id.parse().ok());
    booking_id.map_or(Change::Unknown, Change::Of)
}

struct Watch {
    app: App,
    booking_id: BookingId,
    reach: Reach,
    sender: Sender,
    seen: i64,
}

impl Watch {
    /// Ok when nobody reads any more.
    async fn run(&mut self, mut changes: broadcast::Receiver<Change>) -> Result<(), Error> {
        let period = self.app.watch_limits.heartbeat_period;
        let mut heartbeats = interval_at(Instant::now() + period, period);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let goes_on = tokio::select! {
                change = changes.recv() => match change {
                    Ok(Change::Of(other)) if other != self.booking_id => true,
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                    // Ours, or some were missed and ours may be among them.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.look().await?,
                },
                _ = heartbeats.tick() => self.send(None).await,
                () = self.sender.closed() => false,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Reads the booking and tells it if it is newer than what was told. False when nobody reads.
    async fn look(&mut self) -> Result<bool, Error> {
        let kept = read::find(&self.app.pool, self.booking_id, &self.reach).await?;
        let booking = kept.ok_or(Error::BookingNotFound)?.booking;
        if booking.version <= self.seen {
            return Ok(true);
        }
        self.seen = booking.version;
        Ok(self.send(Some((&booking).into())).await)
    }

    async fn send(&self, booking: Option<proto::Booking>) -> bool {
        self.sender.send(Ok(proto::WatchBookingResponse { booking })).await.is_ok()
    }
}
