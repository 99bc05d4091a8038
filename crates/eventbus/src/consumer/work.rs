//! Working on one fact: until it is done, dead, or the process ends.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use futures_util::FutureExt;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;
use tracing::Instrument;

use super::{Consumer, Handler};
use crate::bus::{Bus, BusError, jetstream_error};
use crate::deadletter::{self, Undeliverable};
use crate::delivered::{Delivered, Failure};

/// Waits between attempts; the last one for all further attempts.
const BACKOFF: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Counts what became of facts.
#[derive(Clone)]
pub(super) struct Meters {
    handled: Counter<u64>,
    consumer: &'static str,
}

impl Meters {
    pub fn new(consumer: &'static str) -> Self {
        let handled = telemetry::meter()
            .u64_counter("parkmesh_facts_handled")
            .with_description("Attempts to handle a fact, by consumer and outcome")
            .build();
        Self { handled, consumer }
    }

    pub fn count(&self, outcome: &'static str) {
        let labels = [KeyValue::new("consumer", self.consumer), KeyValue::new("outcome", outcome)];
        self.handled.add(1, &labels);
    }
}

/// Everything that is needed to work on a fact.
pub(super) struct Worker<H> {
    pub bus: Bus,
    pub tasks: Tasks,
    pub consumer: Consumer,
    pub handler: Arc<H>,
    pub meters: Meters,
}

impl<H: Handler> Worker<H> {
    /// Brings one message to its end: acknowledged or a dead letter. Fails only with the
    /// connection; the server then delivers again.
    pub async fn process(&self, message: Message) -> Result<(), BusError> {
        let (sequence, fact) = self.read(&message)?;
        let fact = match fact {
            Ok(fact) => fact,
            Err(reason) => return self.bury(&message, sequence, &reason).await,
        };
        if !self.wants(&fact) {
            // Newer than we are, or no longer wanted.
            self.meters.count("passed");
            return message.ack().await.map_err(jetstream_error);
        }
        match self.attempts(fact).await {
            Ok(()) => message.ack().await.map_err(jetstream_error),
            Err(reason) => self.bury(&message, sequence, &reason).await,
        }
    }

    /// What a message says, if it is a fact that this consumer wants.
    pub fn wanted(&self, message: &Message) -> Option<Delivered> {
        self.read(message).ok()?.1.ok().filter(|fact| self.wants(fact))
    }

    fn wants(&self, fact: &Delivered) -> bool {
        self.consumer.fact_types.contains(&fact.fact_type.as_str())
    }

    /// The place of a message in the stream, and what it says, or why it is no fact.
    fn read(&self, message: &Message) -> Result<(u64, Result<Delivered, String>), BusError> {
        let info = message.info().map_err(jetstream_error)?;
        let (sequence, delivery) =
            (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1));
        let (headers, body) = (message.headers.as_ref(), message.payload.clone());
        let fact = Delivered::read(headers, body, sequence, delivery, self.consumer.name);
        Ok((sequence, fact))
    }

    /// Tries until it is done, or the handler says that it never will be, and why. The facts
    /// behind it wait: order matters more than they do, and what is out of reach for one of them
    /// is so for the next.
    async fn attempts(&self, mut fact: Delivered) -> Result<(), String> {
        for attempt in 0.. {
            match self.attempt(fact.clone()).await {
                Ok(()) => return Ok(()),
                Err(Failure::Poison(reason)) => return Err(reason),
                Err(Failure::Retry(error)) => {
                    self.meters.count("retried");
                    let wait = BACKOFF.get(attempt).copied().unwrap_or(BACKOFF[BACKOFF.len() - 1]);
                    // Not all at once, when many consumers wait for one database.
                    let wait = wait.mul_f64(0.8 + 0.4 * self.bus.ids().fraction());
                    tracing::warn!(
                        parent: &fact.span,
                        consumer = self.consumer.name,
                        fact_id = %fact.fact_id,
                        delivery = fact.delivery,
                        %error,
                        wait_ms = wait.as_millis(),
                        "a fact could not be handled and is tried again"
                    );
                    self.tasks.sleep(wait).await;
                    fact.delivery += 1;
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, fact: Delivered) -> Result<(), Failure> {
        let span = fact.span.clone();
        let handling = AssertUnwindSafe(self.handler.handle(fact).instrument(span)).catch_unwind();
        match handling.await {
            Ok(outcome) => {
                if outcome.is_ok() {
                    self.meters.count("done");
                }
                outcome
            }
            Err(_panic) => Err(Failure::Poison("the handler panicked".to_owned())),
        }
    }

    /// Writes the dead letter first and only then tells the server to stop delivering.
    async fn bury(&self, message: &Message, sequence: u64, reason: &str) -> Result<(), BusError> {
        self.meters.count("dead");
        tracing::error!(
            consumer = self.consumer.name,
            stream = self.consumer.stream,
            stream_sequence = sequence,
            reason,
            "a fact cannot be understood and becomes a dead letter"
        );
        let prefix = self.bus.subject("");
        let subject = message.subject.as_str();
        let letter = Undeliverable {
            consumer: self.consumer.name,
            reason,
            subject: subject.strip_prefix(&prefix).unwrap_or(subject),
            stream_sequence: sequence,
            headers: message.headers.as_ref(),
            body: message.payload.clone(),
        };
        deadletter::keep(&self.bus, letter).await?;
        message.ack_with(AckKind::Term).await.map_err(jetstream_error)
    }
}
