//! Taking facts in: one by one, each kept alive on the server while it is worked on.

use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use parkmesh_platform::tasks::Tasks;

use super::work::Worker;
use super::{ACK_WAIT, Handler};
use crate::bus::{BusError, jetstream_error};

/// How often the server is told that the fact is being worked on.
const PROGRESS_PERIOD: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);
/// Facts that one request asks for; the server gives them out one by one.
const PULL_FACTS: usize = 256;
/// How long one request for facts waits on the server.
const PULL_MAX: Duration = Duration::from_secs(10);
/// How often the server says that it is still there.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(2);

/// Until the connection, the durable or the stream is lost.
pub(super) async fn run<H: Handler>(
    worker: &Worker<H>,
    durable: &Consumer<pull::Config>,
) -> Result<(), BusError> {
    let mut incoming = durable
        .stream()
        .max_messages_per_batch(PULL_FACTS)
        .expires(PULL_MAX)
        .heartbeat(HEARTBEAT_PERIOD)
        .messages()
        .await
        .map_err(jetstream_error)?;
    loop {
        let message = incoming
            .next()
            .await
            .ok_or_else(|| jetstream_error("the messages ended"))?
            .map_err(jetstream_error)?;
        let mut at_hand = AtHand { message: Some(message.clone()), tasks: worker.tasks.clone() };
        keep_alive(worker, &message).await?;
        at_hand.message = None;
    }
}

/// Works on a message and tells the server so all the while.
async fn keep_alive<H: Handler>(worker: &Worker<H>, message: &Message) -> Result<(), BusError> {
    let work = worker.process(message.clone());
    tokio::pin!(work);
    let mut progress = tokio::time::interval(PROGRESS_PERIOD);
    progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    progress.reset();
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = progress.tick() => {
                message.ack_with(AckKind::Progress).await.map_err(jetstream_error)?;
            }
        }
    }
}

/// The message that is being worked on. When the work is cut short by a stop, it is given back, so
/// that another process need not wait until the server misses us.
struct AtHand {
    message: Option<Message>,
    tasks: Tasks,
}

impl Drop for AtHand {
    fn drop(&mut self) {
        let Some(message) = self.message.take() else { return };
        // Not when the whole runtime is going: there is nobody left to do it.
        if tokio::runtime::Handle::try_current().is_ok() {
            let _handle = self.tasks.detached(async move {
                if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                    tracing::debug!(%error, "a fact was not given back; it comes again by itself");
                }
            });
        }
    }
}
