//! Facts in runs: one process has the turn and takes what has come, in order; what goes together is done together.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{Consumer, pull};
use futures_util::{FutureExt, StreamExt};
use sqlx::PgPool;
use tokio::time::{Instant, timeout, timeout_at};

use super::lanes::{give_back, say_that_we_work};
use super::work::Worker;
use super::{ACK_WAIT, Runs, ensure, intake};
use crate::bus::{BusError, jetstream_error};
use crate::delivered::Delivered;
use crate::turn::Turn;

/// Facts in a run at most, and at hand.
const RUN_MAX: usize = 256;
/// How long the server takes, at most, to give out again what a process that ended had at hand.
const AGAIN_MAX: Duration = Duration::from_secs(ACK_WAIT.as_secs() + 1);

/// Waits for the turn, and works until the turn, the connection, the durable or the stream is lost.
pub(super) async fn run<H: Runs>(worker: &Worker<H>, pool: &PgPool) -> Result<(), BusError> {
    let name = format!("consumer.{}", worker.consumer.name);
    let mut turn = Turn::wait(pool, &name, &worker.tasks).await?;
    let outcome = work(worker, &mut turn).await;
    turn.end().await;
    outcome
}

async fn work<H: Runs>(worker: &Worker<H>, turn: &mut Turn) -> Result<(), BusError> {
    let durable = ensure(&worker.bus, &worker.consumer, RUN_MAX).await?;
    let incoming = intake::messages(&durable).await?;
    let mut hand = Hand { worker, incoming, facts: VecDeque::new(), reach: RUN_MAX };
    hand.take_over(&durable).await?;
    loop {
        turn.look().await?;
        if hand.is_empty() {
            tokio::select! {
                message = hand.incoming.next() => hand.take(intake::message(message)?),
                () = turn.next_look(&worker.tasks) => continue,
            }
        }
        hand.take_what_has_come()?;
        hand.work().await?;
    }
}

/// The facts at hand. Dropped, it gives them back, so that another process need not wait until the server misses us.
struct Hand<'a, H: Runs> {
    worker: &'a Worker<H>,
    incoming: pull::Stream,
    /// In order; each message with what it says, if that can be read.
    facts: VecDeque<(Message, Option<Delivered>)>,
    /// Facts that the next run tries: less after a run that did not come far, as the same facts would only be looked at again.
    reach: usize,
}

impl<H: Runs> Hand<'_, H> {
    fn take(&mut self, message: Message) {
        let fact = self.worker.wanted(&message);
        self.facts.push_back((message, fact));
    }

    fn take_what_has_come(&mut self) -> Result<(), BusError> {
        while self.facts.len() < RUN_MAX
            && let Some(message) = self.incoming.next().now_or_never()
        {
            self.take(intake::message(message)?);
        }
        Ok(())
    }

    /// What another process had at hand when it ended comes again, and comes first: what is newer waits for it.
    async fn take_over(&mut self, durable: &Consumer<pull::Config>) -> Result<(), BusError> {
        let info = durable.cached_info();
        let (newest, until) = (info.delivered.stream_sequence, Instant::now() + AGAIN_MAX);
        let (mut missing, mut found) = (info.num_ack_pending, BTreeMap::new());
        while missing > 0 {
            // Some may have been acknowledged while we looked; those never come.
            let Ok(message) = timeout_at(until, self.incoming.next()).await else { break };
            let message = intake::message(message)?;
            let sequence = message.info().map_err(jetstream_error)?.stream_sequence;
            if found.insert(sequence, message).is_none() && sequence <= newest {
                missing -= 1;
            }
        }
        found.into_values().for_each(|message| self.take(message));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Does the first facts together, and if those are not all, the next one on its own.
    async fn work(&mut self) -> Result<(), BusError> {
        let run: Vec<Delivered> =
            self.facts.iter().take(self.reach).map_while(|(_, fact)| fact.clone()).collect();
        let mut done = 0;
        if !run.is_empty() {
            let handling = self.worker.handler.handle_run(&run);
            done = self.telling(handling).await??.min(run.len());
        }
        for _ in 0..done {
            self.finish().await?;
        }
        if done > 0 && done == run.len() {
            self.reach = (self.reach * 2).min(RUN_MAX);
            return Ok(());
        }
        self.reach = (done * 2).max(1);
        if let Some((message, _)) = self.facts.front() {
            self.telling(self.worker.process(message.clone())).await??;
            self.facts.pop_front();
        }
        Ok(())
    }

    /// Acknowledges the first, which is done.
    async fn finish(&mut self) -> Result<(), BusError> {
        let Some((message, _)) = self.facts.front() else { return Ok(()) };
        message.ack().await.map_err(jetstream_error)?;
        self.worker.meters.count("done");
        self.facts.pop_front();
        Ok(())
    }

    /// Waits for work, and tells the server meanwhile that all that is at hand is being worked on.
    async fn telling<T>(&self, work: impl Future<Output = T>) -> Result<T, BusError> {
        let mut work = pin!(work);
        loop {
            match timeout(intake::PROGRESS_PERIOD, &mut work).await {
                Ok(outcome) => return Ok(outcome),
                Err(_still) => {
                    say_that_we_work(self.facts.iter().map(|(message, _)| message)).await?;
                }
            }
        }
    }
}

impl<H: Runs> Drop for Hand<'_, H> {
    fn drop(&mut self) {
        if let Err(error) = self.take_what_has_come() {
            tracing::debug!(%error, "what was on its way comes again by itself");
        }
        give_back(&self.worker.tasks, self.facts.drain(..).map(|(message, _)| message).collect());
    }
}
