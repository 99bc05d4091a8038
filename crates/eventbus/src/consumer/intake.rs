//! Taking facts in: holds what the server sends, keeps it alive there, and hands it on one by one.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};

use super::work::Worker;
use super::{ACK_WAIT, GROUP, HELD_MAX, Handler};
use crate::bus::{BusError, jetstream_error};

/// How often the server is told that what we hold is being worked on.
const PROGRESS_PERIOD: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);
/// How long one request for facts waits on the server.
const PULL_MAX: Duration = Duration::from_secs(5);
/// How often the server says that it is still there.
const HEARTBEAT_PERIOD: Duration = Duration::from_millis(2_000);

/// Until the connection, the durable or the stream is lost.
pub(super) async fn run<H: Handler>(
    worker: &Worker<H>,
    durable: &Consumer<pull::Config>,
) -> Result<(), BusError> {
    let mut incoming = durable
        .stream()
        .max_messages_per_batch(HELD_MAX)
        .expires(PULL_MAX)
        .heartbeat(HEARTBEAT_PERIOD)
        .group(GROUP)
        .messages()
        .await
        .map_err(jetstream_error)?;
    let mut held: VecDeque<Message> = VecDeque::new();
    let mut current: Option<BoxFuture<'_, Result<(), BusError>>> = None;
    let mut progress = tokio::time::interval(PROGRESS_PERIOD);
    progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if current.is_none() {
            // The one being worked on stays in front of the queue until it is done.
            current = held.front().map(|message| worker.process(message.clone()).boxed());
        }
        tokio::select! {
            done = work_on(&mut current) => {
                current = None;
                held.pop_front();
                done?;
            }
            next = incoming.next() => match next {
                Some(Ok(message)) => held.push_back(message),
                Some(Err(error)) => return Err(jetstream_error(error)),
                None => return Err(jetstream_error("the messages ended")),
            },
            _ = progress.tick() => {
                for message in &held {
                    message.ack_with(AckKind::Progress).await.map_err(jetstream_error)?;
                }
            }
        }
    }
}

/// The work at hand, or no end when there is none.
async fn work_on(
    current: &mut Option<BoxFuture<'_, Result<(), BusError>>>,
) -> Result<(), BusError> {
    match current {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}
