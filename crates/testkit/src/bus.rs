//! Streams of the test's own, on the shared NATS.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use parkmesh_eventbus::{Bus, BusConfig, Delivered};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use crate::servers::nats_url;
use crate::wait::eventually;

/// What the names of all tests' streams begin with.
const PREFIX: &str = "t";
/// Streams of tests that are older than this are left over from runs that have ended.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(30 * 60);

static SWEPT: AtomicBool = AtomicBool::new(false);

/// A bus whose streams, durables and subjects nobody else uses. The streams exist.
///
/// # Panics
/// When NATS is out of reach.
pub async fn test_bus(clock: &Clock, ids: &Ids) -> Bus {
    let random = u64::from_be_bytes(ids.bytes());
    let config = BusConfig {
        url: nats_url(),
        prefix: format!("{PREFIX}{random:x}_"),
        ..BusConfig::default()
    };
    let bus =
        Bus::connect(&config, clock, ids).await.expect("NATS, which `cargo xtask test` starts");
    if !SWEPT.swap(true, Ordering::SeqCst) {
        sweep(&bus).await;
    }
    // With the last stream NATS removes the folder of all, maybe under the hands of whoever makes one.
    eventually("streams for the test", async || bus.ensure_streams().await.ok()).await;
    bus
}

/// All facts published so far, in the order of the stream. Wait for the relay first.
///
/// # Panics
/// When JetStream does not answer, or a message is no fact.
pub async fn recorded(bus: &Bus, stream: &str) -> Vec<Delivered> {
    let state = bus.stream_state(stream).await.expect("the stream");
    let mut facts = Vec::new();
    for sequence in state.first_sequence.max(1)..=state.last_sequence {
        if let Some(fact) = bus.fact_at(stream, sequence).await.expect("a fact") {
            facts.push(fact);
        }
    }
    facts
}

/// Deletes what earlier runs have left. Best effort.
async fn sweep(bus: &Bus) {
    let jetstream = bus.jetstream();
    let now = system_now();
    let streams = jetstream.streams();
    let Ok(streams) = streams.try_collect::<Vec<_>>().await else { return };
    for stream in streams {
        let name = &stream.config.name;
        let age_s = now.as_second() - stream.created.unix_timestamp();
        let ours = name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains('_'));
        if ours && u64::try_from(age_s).is_ok_and(|age_s| age_s > LEFT_OVER_AFTER.as_secs()) {
            let _gone = jetstream.delete_stream(name).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's age of a stream, not a rule's time")]
fn system_now() -> Timestamp {
    Timestamp::now()
}
