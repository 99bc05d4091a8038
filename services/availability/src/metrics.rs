//! What is counted.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};
use parkmesh_platform::telemetry;

use crate::app::feed::Drift;
use crate::app::freshness::Feed;

/// The counters of this service.
#[derive(Clone, Debug)]
pub struct Metrics {
    facts: Counter<u64>,
    taken: Counter<u64>,
    flashes_taken: Counter<u64>,
    comparisons: Counter<u64>,
    drift: Counter<u64>,
    shared_failures: Counter<u64>,
    stale: Gauge<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let meter = telemetry::meter();
        let counter = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_description(what).build()
        };
        let stale = meter.u64_gauge("parkmesh.availability.stale");
        Self {
            stale: stale.with_description("1 while the picture may be behind").build(),
            facts: counter("parkmesh.availability.facts", "Facts heard"),
            taken: counter("parkmesh.availability.facts_taken", "Facts newer than the picture"),
            flashes_taken: counter(
                "parkmesh.availability.flashes_taken",
                "Flashes newer than the picture, ahead of their facts",
            ),
            comparisons: counter("parkmesh.availability.comparisons", "Comparisons with upstreams"),
            drift: counter("parkmesh.availability.drift", "Rows that a comparison put right"),
            shared_failures: counter(
                "parkmesh.availability.shared_picture_failures",
                "Writes of the shared picture that failed",
            ),
        }
    }
}

impl Metrics {
    /// Facts came, and so many of them were news.
    pub fn heard(&self, feed: Feed, came: usize, taken: usize) {
        self.facts.add(as_u64(came), &of(feed));
        self.taken.add(as_u64(taken), &of(feed));
    }

    /// Flashes came, and so many of them were news.
    pub fn flashed(&self, taken: usize) {
        self.flashes_taken.add(as_u64(taken), &[]);
    }

    /// The picture was compared with an upstream.
    pub fn compared(&self, feed: Feed, drift: Drift) {
        self.comparisons.add(1, &of(feed));
        self.drift.add(as_u64(drift.total()), &of(feed));
    }

    /// Whether the picture may be behind.
    pub fn is_stale(&self, stale: bool) {
        self.stale.record(u64::from(stale), &[]);
    }

    /// Redis could not be written.
    pub fn shared_failed(&self) {
        self.shared_failures.add(1, &[]);
    }
}

fn of(feed: Feed) -> [KeyValue; 1] {
    [KeyValue::new("stream", feed.stream())]
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
