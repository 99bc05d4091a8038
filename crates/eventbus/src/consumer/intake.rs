//! Taking facts in: into lanes, each fact kept alive on the server until it is done.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{Consumer, pull};
use futures_util::StreamExt;

use super::lanes::Lanes;
use super::work::Worker;
use super::{ACK_WAIT, Handler};
use crate::bus::{BusError, jetstream_error};

/// How often the server is told that facts are being worked on.
pub(super) const PROGRESS_PERIOD: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);
/// Facts that one request asks for; the server gives them out as others are acknowledged.
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
    let mut incoming = messages(durable).await?;
    let mut lanes = Lanes::new(worker);
    let mut progress = tokio::time::interval(PROGRESS_PERIOD);
    progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            next = incoming.next() => lanes.take(message(next)?),
            done = lanes.work(), if !lanes.is_idle() => done?,
            _ = progress.tick() => lanes.say_that_we_work().await?,
        }
    }
}

/// What the server gives out to us from now on.
pub(super) async fn messages(durable: &Consumer<pull::Config>) -> Result<pull::Stream, BusError> {
    let incoming = durable
        .stream()
        .max_messages_per_batch(PULL_FACTS)
        .expires(PULL_MAX)
        .heartbeat(HEARTBEAT_PERIOD)
        .messages();
    incoming.await.map_err(jetstream_error)
}

/// The next of them.
pub(super) fn message<E: std::fmt::Display>(
    next: Option<Result<Message, E>>,
) -> Result<Message, BusError> {
    next.ok_or_else(|| jetstream_error("the messages ended"))?.map_err(jetstream_error)
}
