//! `parkmesh replay`: recorded sensor data through the whole system, from MQTT to the picture, and the proof
//! that the picture equals the recording.

mod birmingham;
mod compare;
mod latency;
mod made;
mod melbourne;
mod pulse;
mod snapshot;
mod ulm;

use crate::Failure;
use crate::cli::{Replay, ReplaySource};

/// Replays a recording.
pub fn run(options: Replay) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match options.source {
            ReplaySource::Melbourne(options) => melbourne::replay(&options).await,
            ReplaySource::Birmingham(options) => birmingham::replay(&options).await,
            ReplaySource::Ulm(options) => ulm::replay(&options).await,
            ReplaySource::Pulse(options) => pulse::replay(&options).await,
        }
    })
}
