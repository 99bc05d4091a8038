//! Durable consumers: each fact reaches the handler at least once, in the order of the stream, one
//! at a time, whatever happens to processes and servers in between.
//!
//! Several processes may run the same consumer. The server gives out one fact at a time among all of
//! them and the next one only after its acknowledgement, so that no crash and no second process can
//! make a fact overtake another. It costs one round trip per fact, little beside the transaction.
//!
//! A handler that bears it may have more [lanes](Handler::LANES): facts of one aggregate stay in order
//! in a process, those of others go beside them.
//!
//! One that can do many facts in one go takes them in [runs](Runs): then one process at a time has the turn, takes what
//! has come, and the order of the stream is kept.

mod intake;
mod lanes;
mod runs;
mod work;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream;
use parkmesh_contracts::facts;
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;

use crate::bus::{Bus, BusError, jetstream_error};
use crate::deadletter;
use crate::delivered::{Delivered, Failure};
use crate::headers;

/// A fact that is not acknowledged nor reported in progress for this long is delivered again: how
/// long a killed process holds up its consumer.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(6);

/// Who listens to what.
#[derive(Clone, Copy, Debug)]
pub struct Consumer {
    /// Name of the durable, of its inbox rows and of its dead letters: `payment-booking`.
    pub name: &'static str,
    /// `BOOKING`.
    pub stream: &'static str,
    /// What it wants: `&[BookingCompleted::TYPE]`. Never empty.
    pub fact_types: &'static [&'static str],
}

/// Acts on a fact. Writes the effect and the inbox row (see [`crate::inbox::admit`]) in one
/// transaction; never acknowledges by itself.
pub trait Handler: Send + Sync + 'static {
    /// Facts that are handled at the same time. With one, the order of the stream is kept whatever
    /// happens. With more, only facts of one aggregate keep their order, and only in one process: when a
    /// process dies, or shares the work with another, a fact may overtake an earlier one of its
    /// aggregate. So more is for whoever comes to the same end in every order.
    const LANES: usize = 1;

    /// Called one fact at a time in each lane. Success acknowledges; the rest as [`Failure`] says. A
    /// panic is taken as poison.
    fn handle(&self, fact: Delivered) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A handler that can do many facts in one go.
///
/// One process at a time has the turn, by a session lock of its database. Only in the second after that session was lost
/// and before it is noticed may another take facts beside it; the inbox keeps effects single all the same.
pub trait Runs: Handler {
    /// Does the first of these facts, as many as go together: the effects and the inbox rows in one transaction. Says how
    /// many those are; the next one goes to [`Handler::handle`], and those behind it come here again.
    fn handle_run(
        &self,
        facts: &[Delivered],
    ) -> impl Future<Output = Result<usize, sqlx::Error>> + Send;
}

impl<H: Handler> Handler for Arc<H> {
    const LANES: usize = H::LANES;

    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        H::handle(self, fact).await
    }
}

/// A consumer at work. Dropping it changes nothing; its tasks end it.
#[derive(Clone)]
pub struct Listening {
    bus: Bus,
    tasks: Tasks,
    consumer: Consumer,
}

/// How often [`Listening::idle`] looks.
const IDLE_LOOK_PERIOD: Duration = Duration::from_millis(20);

impl Listening {
    /// Waits until everything published so far has been handled: for settling a test.
    ///
    /// # Errors
    /// When JetStream does not answer.
    pub async fn idle(&self) -> Result<(), BusError> {
        loop {
            match self.waiting().await {
                Ok(0) => return Ok(()),
                // Not created yet.
                Ok(_) | Err(BusError::StreamMissing(_)) => {}
                Err(error) => return Err(error),
            }
            self.tasks.sleep(IDLE_LOOK_PERIOD).await;
        }
    }

    /// How many facts it has not handled yet.
    ///
    /// # Errors
    /// When the consumer does not exist yet or JetStream does not answer.
    pub async fn waiting(&self) -> Result<u64, BusError> {
        let name = self.bus.name(self.consumer.name);
        let stream = self.bus.stream(self.consumer.stream).await?;
        let info = stream.consumer_info(&name).await.map_err(|_| BusError::StreamMissing(name))?;
        Ok(info.num_pending + u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX))
    }
}

/// Starts the consumer. It begins with the oldest fact that the stream still has, the first time
/// and again whenever the stream was lost and made anew; the inbox keeps effects single.
pub fn start<H: Handler>(bus: &Bus, consumer: Consumer, handler: H, tasks: &Tasks) -> Listening {
    supervised(bus, consumer, handler, tasks, |worker| async move {
        let at_hand_max = lanes::at_hand_max(H::LANES);
        let durable = ensure(&worker.bus, &worker.consumer, at_hand_max).await?;
        intake::run(&worker, &durable).await
    })
}

/// The same for a handler that takes facts in runs; the turn is taken in the database of this pool.
pub fn start_runs<H: Runs>(
    bus: &Bus,
    pool: &PgPool,
    consumer: Consumer,
    handler: H,
    tasks: &Tasks,
) -> Listening {
    let pool = pool.clone();
    supervised(bus, consumer, handler, tasks, move |worker| {
        let pool = pool.clone();
        async move { runs::run(&worker, &pool).await }
    })
}

fn supervised<H, Fut>(
    bus: &Bus,
    consumer: Consumer,
    handler: H,
    tasks: &Tasks,
    run: impl Fn(work::Worker<H>) -> Fut + Send + 'static,
) -> Listening
where
    H: Handler,
    Fut: Future<Output = Result<(), BusError>> + Send,
{
    let handler = Arc::new(handler);
    let listening = Listening { bus: bus.clone(), tasks: tasks.clone(), consumer };
    let meters = work::Meters::new(consumer.name);
    let (bus, own_tasks) = (bus.clone(), tasks.clone());
    tasks.supervise(consumer.name, move || {
        run(work::Worker {
            bus: bus.clone(),
            tasks: own_tasks.clone(),
            consumer,
            handler: Arc::clone(&handler),
            meters: meters.clone(),
        })
    });
    listening
}

/// The durable on the server, created or brought up to date.
async fn ensure(
    bus: &Bus,
    consumer: &Consumer,
    at_hand_max: usize,
) -> Result<async_nats::jetstream::consumer::Consumer<pull::Config>, BusError> {
    let stream = bus.stream(consumer.stream).await?;
    forget_if_ahead(bus, consumer, &stream).await?;
    stream.create_consumer(wanted(bus, consumer, at_hand_max)).await.map_err(jetstream_error)
}

fn wanted(bus: &Bus, consumer: &Consumer, at_hand_max: usize) -> pull::Config {
    let mut subjects: Vec<String> =
        consumer.fact_types.iter().map(|fact| bus.subject(&facts::filter(fact))).collect();
    if let Some(first) = consumer.fact_types.first() {
        let redriven = deadletter::redrive_subject(headers::domain(first), consumer.name);
        subjects.push(bus.subject(&redriven));
    }
    pull::Config {
        durable_name: Some(bus.name(consumer.name)),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Never give up on the server's side: a fact given up silently stays in the stream, unseen.
        max_deliver: -1,
        max_ack_pending: i64::try_from(at_hand_max).unwrap_or(i64::MAX),
        filter_subjects: subjects,
        ..pull::Config::default()
    }
}

/// A stream that lost its tail in a power cut may be older than its durable remembers. Such a
/// durable would pass over what is published again; a new one starts from the beginning.
async fn forget_if_ahead(
    bus: &Bus,
    consumer: &Consumer,
    stream: &stream::Stream,
) -> Result<(), BusError> {
    let name = bus.name(consumer.name);
    let Ok(info) = stream.consumer_info(&name).await else {
        return Ok(());
    };
    let last = stream.cached_info().state.last_sequence;
    if info.delivered.stream_sequence > last {
        tracing::warn!(
            consumer = consumer.name,
            delivered = info.delivered.stream_sequence,
            last,
            "the stream has lost facts; the consumer starts from the beginning"
        );
        stream.delete_consumer(&name).await.map_err(jetstream_error)?;
    }
    Ok(())
}
