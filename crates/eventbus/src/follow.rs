//! Following a stream without a place of one's own on the server: for pictures that are kept in
//! memory or in a cache, and that a snapshot can rebuild.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use futures_util::StreamExt;
use parkmesh_contracts::facts;
use parkmesh_contracts::ids::FactId;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;

use crate::bus::{Bus, BusError, StreamState, jetstream_error};
use crate::delivered::Delivered;

/// Facts that wait for a slow follower; then the server keeps the rest.
const WAITING_MAX: usize = 1_024;
/// Facts asked for at once.
const PULL_FACTS: usize = 256;
/// How long one request for facts waits on the server.
const PULL_MAX: Duration = Duration::from_secs(5);
/// How often the server says that it is still there.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(2);
/// How long the server remembers a follower that does not ask.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// What to follow.
#[derive(Clone, Debug)]
pub struct Follow {
    /// `BOOKING`.
    pub stream: &'static str,
    /// What is wanted: `&[BookingHeld::TYPE]`. Never empty.
    pub fact_types: &'static [&'static str],
    /// First sequence wanted: that of the snapshot, or of the last fact seen. Facts may come again;
    /// none is left out. `None`: only what is published from now on.
    pub from_sequence: Option<u64>,
}

/// What a follower gets.
#[derive(Debug)]
pub enum Followed {
    /// The next fact, in the order of the stream.
    Fact(Delivered),
    /// Facts may be missing here, and why: take a new snapshot now. What follows was published
    /// after everything that such a snapshot misses, so the same receiver goes on.
    Gap(String),
}

/// Starts to follow. The receiver gets facts until the tasks stop; dropping it ends the following.
pub fn start(bus: &Bus, follow: Follow, tasks: &Tasks) -> mpsc::Receiver<Followed> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let mut follower = Follower {
        bus: bus.clone(),
        next: follow.from_sequence.map(|sequence| sequence.max(1)),
        explicit: follow.from_sequence.is_some(),
        created_ns: None,
        last: None,
        follow,
        sender,
    };
    let own_tasks = tasks.clone();
    tasks.spawn("follow", async move {
        let mut failures = 0_u32;
        while !follower.sender.is_closed() {
            let before = follower.next;
            if let Err(error) = follower.run().await {
                failures = if follower.next == before { failures + 1 } else { 0 };
                let stream = follower.follow.stream;
                tracing::debug!(stream, %error, "following begins again");
                own_tasks.sleep(Duration::from_millis(50) * 2_u32.pow(failures.min(6))).await;
            }
        }
    });
    receiver
}

struct Follower {
    bus: Bus,
    follow: Follow,
    sender: mpsc::Sender<Followed>,
    /// The next sequence wanted; none until the first look at the stream.
    next: Option<u64>,
    /// Whether `next` is still what the caller gave, not what was seen.
    explicit: bool,
    /// The incarnation of the stream that `next` belongs to.
    created_ns: Option<i64>,
    /// The last fact seen and its place.
    last: Option<(u64, FactId)>,
}

impl Follower {
    /// One consumer on the server, until it is lost. Ok when nobody listens any more.
    async fn run(&mut self) -> Result<(), BusError> {
        let state = self.bus.stream_state(self.follow.stream).await?;
        let gap = match self.gap(state) {
            None => self.rewritten(state).await?,
            gap => gap,
        };
        if let Some(reason) = gap
            && !self.tell_gap(state, reason).await
        {
            return Ok(());
        }
        self.created_ns = Some(state.created_ns);
        let start = *self.next.get_or_insert(state.last_sequence + 1);
        let consumer = self.consumer(start).await?;
        let mut incoming = consumer
            .stream()
            .max_messages_per_batch(PULL_FACTS)
            .expires(PULL_MAX)
            .heartbeat(HEARTBEAT_PERIOD)
            .messages()
            .await
            .map_err(jetstream_error)?;
        let mut expected = 1;
        loop {
            let message = tokio::select! {
                message = incoming.next() => message,
                () = self.sender.closed() => return Ok(()),
            };
            let message = message
                .ok_or_else(|| jetstream_error("the messages ended"))?
                .map_err(jetstream_error)?;
            let info = message.info().map_err(jetstream_error)?;
            if info.consumer_sequence != expected {
                // Lost on the way to us; the stream still has it.
                return Err(jetstream_error("a message was lost on the way"));
            }
            expected += 1;
            let sequence = info.stream_sequence;
            if !self.pass_on(message.headers.as_ref(), message.payload.clone(), sequence).await {
                return Ok(());
            }
            self.next = Some(sequence + 1);
            self.explicit = false;
        }
    }

    /// Why facts may be missing between what was seen and what the stream has.
    fn gap(&self, state: StreamState) -> Option<String> {
        let next = self.next?;
        let stream = self.follow.stream;
        if self.created_ns.is_some_and(|created_ns| created_ns != state.created_ns) {
            return Some(format!("the stream {stream} was created anew"));
        }
        if next > state.last_sequence + 1 {
            let last = state.last_sequence;
            return Some(format!("the stream {stream} ends at {last}, {next} was expected"));
        }
        // A caller may give the last sequence that it has seen, as well as the one after it.
        let needed = if self.explicit { next + 1 } else { next };
        if state.first_sequence > needed {
            let first = state.first_sequence;
            return Some(format!("the stream {stream} begins at {first}, {next} was expected"));
        }
        None
    }

    /// A stream may have lost its tail and grown past it again since we looked. Then another fact
    /// stands where we saw our last one.
    async fn rewritten(&self, state: StreamState) -> Result<Option<String>, BusError> {
        let Some((sequence, fact_id)) = self.last else { return Ok(None) };
        if sequence < state.first_sequence {
            return Ok(None);
        }
        let stream = self.follow.stream;
        let is = self.bus.fact_at(stream, sequence).await?.map(|fact| fact.fact_id);
        let changed = is != Some(fact_id);
        Ok(changed
            .then(|| format!("the stream {stream} has another fact at {sequence} than it had")))
    }

    async fn tell_gap(&mut self, state: StreamState, reason: String) -> bool {
        tracing::warn!(stream = self.follow.stream, reason, "facts may be missing");
        // Everything up to the stream's end was committed before; a snapshot taken from now on
        // has it.
        self.next = Some(state.last_sequence + 1);
        self.explicit = false;
        self.last = None;
        self.sender.send(Followed::Gap(reason)).await.is_ok()
    }

    /// False when nobody listens any more.
    async fn pass_on(
        &mut self,
        headers: Option<&async_nats::HeaderMap>,
        body: bytes::Bytes,
        sequence: u64,
    ) -> bool {
        match Delivered::read(headers, body, sequence, 1, "follow") {
            Ok(fact) if self.follow.fact_types.contains(&fact.fact_type.as_str()) => {
                self.last = Some((sequence, fact.fact_id));
                self.sender.send(Followed::Fact(fact)).await.is_ok()
            }
            Ok(_) => true,
            Err(reason) => {
                tracing::error!(sequence, reason, "a message in the stream is no fact");
                let reason = format!("message {sequence} is no fact: {reason}");
                self.sender.send(Followed::Gap(reason)).await.is_ok()
            }
        }
    }

    async fn consumer(&self, start: u64) -> Result<Consumer<pull::Config>, BusError> {
        let types: BTreeSet<&str> = self.follow.fact_types.iter().copied().collect();
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: start },
            ack_policy: AckPolicy::None,
            filter_subjects: types.iter().map(|t| self.bus.subject(&facts::filter(t))).collect(),
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: FORGOTTEN_AFTER,
            ..pull::Config::default()
        };
        let stream = self.bus.stream(self.follow.stream).await?;
        stream.create_consumer(config).await.map_err(jetstream_error)
    }
}
