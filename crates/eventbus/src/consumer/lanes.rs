//! Facts at hand: side by side in lanes, one after the other in each.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parkmesh_platform::tasks::Tasks;

use super::Handler;
use super::work::Worker;
use crate::bus::{BusError, jetstream_error};
use crate::headers;

/// Facts at hand for each of several lanes: the next one is there when one is done.
const AT_HAND_EACH: usize = 4;

/// Facts that the server gives out before it wants an acknowledgement.
pub(super) fn at_hand_max(lanes: usize) -> usize {
    if lanes > 1 { lanes * AT_HAND_EACH } else { 1 }
}

/// The lanes of one session. Dropped with facts at hand, it gives them back, so that another process
/// need not wait until the server misses us.
pub(super) struct Lanes<'a, H: Handler> {
    worker: &'a Worker<H>,
    /// The first of each is being worked on.
    waiting: Vec<VecDeque<Message>>,
    working: FuturesUnordered<BoxFuture<'a, (usize, Result<(), BusError>)>>,
}

impl<'a, H: Handler> Lanes<'a, H> {
    pub fn new(worker: &'a Worker<H>) -> Self {
        let waiting = (0..H::LANES.max(1)).map(|_| VecDeque::new()).collect();
        Self { worker, waiting, working: FuturesUnordered::new() }
    }

    pub fn is_idle(&self) -> bool {
        self.working.is_empty()
    }

    /// Puts a fact behind those of its aggregate.
    pub fn take(&mut self, message: Message) {
        let mut hash = DefaultHasher::new();
        headers::aggregate(message.headers.as_ref()).hash(&mut hash);
        let lane = usize::try_from(hash.finish() % self.waiting.len() as u64).unwrap_or_default();
        self.waiting[lane].push_back(message);
        if self.waiting[lane].len() == 1 {
            self.begin(lane);
        }
    }

    /// Works until one fact is done. Nothing is lost when it is not waited for.
    pub async fn work(&mut self) -> Result<(), BusError> {
        let Some((lane, done)) = self.working.next().await else { return Ok(()) };
        done?;
        self.waiting[lane].pop_front();
        self.begin(lane);
        Ok(())
    }

    /// Tells the server that all that is at hand is being worked on.
    pub async fn say_that_we_work(&mut self) -> Result<(), BusError> {
        say_that_we_work(self.waiting.iter().flatten()).await
    }

    fn begin(&mut self, lane: usize) {
        if let Some(message) = self.waiting[lane].front().cloned() {
            let worker = self.worker;
            self.working.push(Box::pin(async move { (lane, worker.process(message).await) }));
        }
    }
}

impl<H: Handler> Drop for Lanes<'_, H> {
    fn drop(&mut self) {
        give_back(&self.worker.tasks, self.waiting.drain(..).flatten().collect());
    }
}

/// Tells the server that these are being worked on.
pub(super) async fn say_that_we_work(
    at_hand: impl Iterator<Item = &Message>,
) -> Result<(), BusError> {
    for message in at_hand {
        message.ack_with(AckKind::Progress).await.map_err(jetstream_error)?;
    }
    Ok(())
}

/// Has the server give them out again at once.
pub(super) fn give_back(tasks: &Tasks, at_hand: Vec<Message>) {
    // Not when the whole runtime is going: there is nobody left to do it.
    if at_hand.is_empty() || tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    let _handle = tasks.detached(async move {
        for message in at_hand {
            if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                tracing::debug!(%error, "a fact was not given back; it comes again by itself");
            }
        }
    });
}
