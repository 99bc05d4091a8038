//! The relay's loop.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::mem;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use parkmesh_platform::failpoint;
use parkmesh_platform::telemetry::{self, trace_context};
use sqlx::PgConnection;
use tokio::time::Instant;

use super::position::{self, Position};
use super::{POLL_PERIOD, Relay, store};
use crate::bus::{Bus, BusError, StreamState, jetstream_error};
use crate::headers::Published;
use crate::publish::{self, BATCH_MAX, Kept, Message};
use crate::streams;
use crate::turn::Turn;

/// From one look for facts to the next, at least: what is committed within it shares a look, a mark, one
/// publishing and one wait of the stream for its disk. A fact that comes after a pause is published at once.
const PACE_MIN: Duration = Duration::from_millis(3);
/// The same when many come: what each look and each atomic batch costs processors and disk is what everybody
/// waits for then.
const PACE_MAX: Duration = Duration::from_millis(50);
/// What the pace is for each fact that comes in a millisecond: a batch costs the server several milliseconds, of a
/// hundred facts as of twenty.
const PACE_BY_RATE: Duration = Duration::from_millis(50);
/// How often the streams are asked whether they still have what they acknowledged.
const CHECK_PERIOD: Duration = Duration::from_secs(10);
/// How often the backlog is measured.
const MEASURE_PERIOD: Duration = Duration::from_secs(5);
/// How often old rows are deleted.
const CLEAN_PERIOD: Duration = Duration::from_secs(60);

/// What the relay tells of itself.
#[derive(Clone)]
pub(super) struct Meters {
    published: Counter<u64>,
    again: Counter<u64>,
    depth: Gauge<i64>,
    age_s: Gauge<f64>,
    labels: [KeyValue; 1],
}

impl Meters {
    pub fn new(source: &'static str) -> Self {
        let meter = telemetry::meter();
        Self {
            published: meter
                .u64_counter("parkmesh_outbox_published")
                .with_description("Facts acknowledged by their stream")
                .build(),
            again: meter
                .u64_counter("parkmesh_outbox_published_again")
                .with_description("Facts that a stream had lost")
                .build(),
            depth: meter
                .i64_gauge("parkmesh_outbox_depth")
                .with_description("Facts committed and not yet published")
                .build(),
            age_s: meter
                .f64_gauge("parkmesh_outbox_age_seconds")
                .with_description("Age of the oldest fact not yet published")
                .build(),
            labels: [KeyValue::new("service", source)],
        }
    }
}

/// Until the database session or the bus fails.
pub(super) async fn run(
    relay: &Relay,
    source: &'static str,
    meters: &Meters,
) -> Result<(), BusError> {
    let mut turn = tokio::select! {
        turn = Turn::wait(&relay.pool, "relay", &relay.tasks) => turn?,
        never = pass_wakes_on(relay, source) => match never? {},
    };
    let outcome = publish(relay, source, meters, &mut turn.session).await;
    turn.end().await;
    outcome
}

/// Tells the process that publishes of what this one commits, in the rhythm in which that one looks. A wake that is
/// lost on its way costs a [`POLL_PERIOD`].
async fn pass_wakes_on(relay: &Relay, source: &'static str) -> Result<Infallible, BusError> {
    loop {
        relay.wakes.notified().await;
        relay.bus.wake(source).await?;
        relay.tasks.sleep(PACE_MIN).await;
    }
}

/// The same with the turn.
async fn publish(
    relay: &Relay,
    source: &'static str,
    meters: &Meters,
    connection: &mut PgConnection,
) -> Result<(), BusError> {
    store::wait_for_disk(connection, false).await?;
    tracing::info!(source, "this process publishes the facts");
    let positions = store::positions(connection).await?.into_iter().collect();
    let bus = &relay.bus;
    let wakes = bus.wakes(source).await?;
    let mut session = Session { bus, source, meters, connection, positions, unmarked: Vec::new() };
    session.work(relay, wakes).await
}

struct Session<'a> {
    bus: &'a Bus,
    source: &'static str,
    meters: &'a Meters,
    connection: &'a mut PgConnection,
    positions: BTreeMap<String, Position>,
    /// What was published last and is not marked yet.
    unmarked: Vec<Marks>,
}

/// Where a stream keeps facts, by their place in the outbox, and how far it has come.
struct Marks {
    stream: String,
    facts: Vec<(i64, Kept)>,
    position: Position,
}

impl Session<'_> {
    async fn work(&mut self, relay: &Relay, mut wakes: Subscriber) -> Result<(), BusError> {
        let mut connections = self.bus.connections();
        let (mut measured, mut cleaned, mut checked) = (None, None, None);
        let mut looked = Instant::now();
        loop {
            // A server that was away may have come back with less.
            if connections.has_changed().unwrap_or(false) || due(checked, CHECK_PERIOD) {
                connections.mark_unchanged();
                self.check().await?;
                checked = Some(Instant::now());
            }
            let between = looked.elapsed();
            looked = Instant::now();
            // What they tell of is seen now.
            while let Some(Some(_)) = wakes.next().now_or_never() {}
            let found = self.publish_some().await?;
            if due(measured, MEASURE_PERIOD) {
                self.measure().await?;
                measured = Some(Instant::now());
            }
            if found == BATCH_MAX {
                continue;
            }
            if self.unmarked.is_empty() {
                if due(cleaned, CLEAN_PERIOD) {
                    // With more to delete it goes on at the next turn, after new facts.
                    let rest = store::clean(self.connection, self.bus.clock().now()).await?;
                    cleaned = (!rest).then(Instant::now);
                }
                tokio::select! {
                    () = relay.wakes.notified() => {}
                    Some(_) = wakes.next() => {}
                    () = relay.tasks.sleep(POLL_PERIOD) => {}
                }
            }
            relay.tasks.sleep(pace(found, between).saturating_sub(looked.elapsed())).await;
        }
    }

    /// Publishes the oldest facts; what was published before them is marked meanwhile. How many
    /// were found: there may be more than [`BATCH_MAX`].
    async fn publish_some(&mut self) -> Result<usize, BusError> {
        let marks = mem::take(&mut self.unmarked);
        let published: Vec<i64> =
            marks.iter().flat_map(|marks| &marks.facts).map(|(seq, _)| *seq).collect();
        let facts = store::unpublished(self.connection, &published, BATCH_MAX).await?;
        let found = facts.len();
        let mut groups: BTreeMap<String, Vec<Published>> = BTreeMap::new();
        for fact in facts {
            // An aggregate's facts are all in one stream, so its order is that of the group.
            groups.entry(fact.stream()).or_default().push(fact);
        }
        let mut known = Vec::new();
        for stream in groups.keys() {
            known.push(self.known(stream).await);
        }
        let (outcomes, marked) = tokio::join!(
            publish_each(self.bus, self.source, &groups),
            mark_each(self.connection, &marks, self.bus.clock().now())
        );
        marked?;
        let mut failure = None;
        for (((stream, facts), known), kept) in groups.into_iter().zip(known).zip(outcomes) {
            let done = match known.and_then(|known| Ok((known, kept?))) {
                Ok((known, kept)) => self.note(stream, &facts, known, kept).await,
                Err(error) => Err(error),
            };
            // A stream that is out of reach does not keep the facts of the others.
            match done {
                Err(error @ BusError::Database(_)) => return Err(error),
                done => failure = failure.or(done.err()),
            }
        }
        let Some(failure) = failure else { return Ok(found) };
        self.mark().await?;
        Err(failure)
    }

    /// Marks what is not marked yet.
    async fn mark(&mut self) -> Result<(), BusError> {
        let marks = mem::take(&mut self.unmarked);
        Ok(mark_each(self.connection, &marks, self.bus.clock().now()).await?)
    }

    /// Takes note of what a stream has acknowledged, to be marked next.
    async fn note(
        &mut self,
        stream: String,
        facts: &[Published],
        known: Position,
        kept: Vec<Kept>,
    ) -> Result<(), BusError> {
        failpoint::hit(super::PUBLISHED);
        let highest = kept.iter().map(|kept| kept.sequence).max().unwrap_or(0);
        let first_new = kept.iter().filter(|kept| !kept.duplicate).map(|kept| kept.sequence).min();
        if let Some(above) = first_new.and_then(|first| position::lost_from(known, first)) {
            // Before marking: these facts have just been kept at the sequences of the lost ones.
            let now_at = Position { last_sequence: highest, ..known };
            self.take_back(&stream, above, now_at).await?;
        }
        let last_sequence = match first_new {
            Some(_) => highest,
            None => highest.max(known.last_sequence),
        };
        let position = Position { last_sequence, ..known };
        let facts: Vec<_> = facts.iter().map(|fact| fact.seq).zip(kept).collect();
        self.positions.insert(stream.clone(), position);
        self.meters.published.add(u64::try_from(facts.len()).unwrap_or(0), &self.meters.labels);
        self.unmarked.push(Marks { stream, facts, position });
        Ok(())
    }

    /// What we know of a stream; of one that we never published to, what it says now.
    async fn known(&mut self, stream: &str) -> Result<Position, BusError> {
        if let Some(known) = self.positions.get(stream) {
            return Ok(*known);
        }
        let state = self.state(stream).await?;
        Ok(Position { created_ns: state.created_ns, last_sequence: 0 })
    }

    /// What the stream says of itself; one that is gone is made anew.
    async fn state(&self, stream: &str) -> Result<StreamState, BusError> {
        match self.bus.stream_state(stream).await {
            Err(BusError::StreamMissing(_)) => {
                streams::ensure(self.bus, stream).await?;
                self.bus.stream_state(stream).await
            }
            state => state,
        }
    }

    /// Asks every stream that we published to whether it still has what it acknowledged.
    async fn check(&mut self) -> Result<(), BusError> {
        // What a stream has lost is taken back from what is marked.
        self.mark().await?;
        for (stream, known) in self.positions.clone() {
            let is = self.state(&stream).await?;
            if let Some(above) = position::lost_above(known, is) {
                let now_at =
                    Position { created_ns: is.created_ns, last_sequence: is.last_sequence };
                self.take_back(&stream, above, now_at).await?;
            }
        }
        Ok(())
    }

    async fn take_back(
        &mut self,
        stream: &str,
        above: u64,
        position: Position,
    ) -> Result<(), BusError> {
        let now = self.bus.clock().now();
        // What is taken back is known by positions that the stream is about to pass again.
        store::wait_for_disk(self.connection, true).await?;
        let facts = store::take_back(self.connection, stream, above, position, now).await?;
        store::wait_for_disk(self.connection, false).await?;
        self.positions.insert(stream.to_owned(), position);
        self.meters.again.add(facts, &self.meters.labels);
        match above {
            0 => tracing::error!(stream, facts, "the stream is another; all is published again"),
            _ => tracing::error!(
                stream,
                above,
                facts,
                "the stream has lost facts that it had acknowledged; they are published again"
            ),
        }
        Ok(())
    }

    async fn measure(&mut self) -> Result<(), BusError> {
        let (depth, oldest) = store::backlog(self.connection).await?;
        let now = self.bus.clock().now();
        let age_s = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
        self.meters.depth.record(depth, &self.meters.labels);
        self.meters.age_s.record(age_s.max(0.0), &self.meters.labels);
        Ok(())
    }
}

/// Publishes what is for each stream, but does not wait for the acknowledgement of a connection that is gone.
async fn publish_each(
    bus: &Bus,
    source: &str,
    streams: &BTreeMap<String, Vec<Published>>,
) -> Vec<Result<Vec<Kept>, BusError>> {
    let mut outcomes = Vec::with_capacity(streams.len());
    for facts in streams.values() {
        let mut connections = bus.connections();
        outcomes.push(tokio::select! {
            kept = publish::all(bus, facts, |fact| message(bus, source, fact)) => kept,
            _ = connections.changed() => Err(jetstream_error("the connection was made anew")),
        });
    }
    outcomes
}

fn message(bus: &Bus, source: &str, fact: &Published) -> Message {
    // The span of the publishing stands between producer and consumer in the trace.
    let span = tracing::info_span!(
        "publish",
        otel.name = %format_args!("publish {}", fact.fact_type),
        otel.kind = "producer",
        fact_type = %fact.fact_type,
        fact_id = %fact.fact_id,
    );
    if let Some(parent) = &fact.trace_parent {
        trace_context::set_parent(&span, parent);
    }
    Message {
        subject: bus.subject(&fact.subject()),
        headers: fact.headers(source, trace_context::of(&span).as_deref()),
        body: fact.body.clone(),
    }
}

async fn mark_each(
    connection: &mut PgConnection,
    streams: &[Marks],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for Marks { stream, facts, position } in streams {
        store::mark(connection, stream, facts, *position, now).await?;
    }
    Ok(())
}

/// By how many came between the last two looks.
fn pace(found: usize, between: Duration) -> Duration {
    let facts = u32::try_from(found).unwrap_or(u32::MAX);
    let a_ms = f64::from(facts) / (between.as_secs_f64() * 1e3).max(1.0);
    PACE_BY_RATE.mul_f64(a_ms).clamp(PACE_MIN, PACE_MAX)
}

fn due(last: Option<Instant>, period: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_facts_come_the_longer_they_are_gathered_within_bounds() {
        let between = Duration::from_millis(50);
        assert_eq!(pace(0, between), PACE_MIN);
        assert_eq!(pace(3, between), PACE_MIN, "60/s");
        assert_eq!(pace(10, between), Duration::from_millis(10), "200/s");
        assert_eq!(pace(50, between), PACE_MAX, "1,000/s");
        assert_eq!(pace(500, between), PACE_MAX, "10,000/s");
        assert_eq!(pace(20, Duration::from_secs(1)), PACE_MIN, "after a pause");
        assert_eq!(pace(BATCH_MAX, Duration::ZERO), PACE_MAX);
    }
}
