//! Taking facts in: into lanes, each fact kept alive on the server until it is done.

use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use futures_util::StreamExt;

use super::lanes::Lanes;
use super::work::Worker;
use super::{ACK_WAIT, Handler};
use crate::bus::{BusError, jetstream_error};

/// How often the server is told that facts are being worked on.
const PROGRESS_PERIOD: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);
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
    let mut incoming = durable
        .stream()
        .max_messages_per_batch(PULL_FACTS)
        .expires(PULL_MAX)
        .heartbeat(HEARTBEAT_PERIOD)
        .messages()
        .await
        .map_err(jetstream_error)?;
    let mut lanes = Lanes::new(worker);
    let mut progress = tokio::time::interval(PROGRESS_PERIOD);
    progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = incoming.next() => {
                let message = message.ok_or_else(|| jetstream_error("the messages ended"))?;
                lanes.take(message.map_err(jetstream_error)?);
            }
            done = lanes.work(), if !lanes.is_idle() => done?,
            _ = progress.tick() => lanes.say_that_we_work().await?,
        }
    }
}
