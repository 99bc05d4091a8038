//! What each holds in memory with a thousand connections open, and with ten thousand streams.

use std::sync::Arc;

use h2::RecvStream;

use super::{House, SHARE_MAX, beside, http1};
use crate::Failure;
use crate::differential::WATCH;
use crate::gates::Gate;
use crate::http2;
use crate::memory::resident_megabytes;

const CONNECTIONS: usize = 1_000;
const STREAMS: usize = 10_000;
/// Before memory is looked at.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(2);

/// Each is started anew for each figure.
pub async fn prove(house: &House) -> Result<bool, Failure> {
    let theirs = connections(house, &house.envoy()?).await?;
    let own = connections(house, &house.ours()?).await?;
    let names = [
        "gate-memory-connections",
        "gate-memory-connections-envoy",
        "gate-memory-connections-ours",
    ];
    let held = beside(names, (theirs, own), SHARE_MAX, "MB resident with 1,000 connections")?;
    let theirs = streams(house, &house.envoy()?).await?;
    let own = streams(house, &house.ours()?).await?;
    let names = ["gate-memory-streams", "gate-memory-streams-envoy", "gate-memory-streams-ours"];
    let unit = "MB resident with 10,000 open streams on 1,000 connections";
    Ok(beside(names, (theirs, own), SHARE_MAX, unit)? && held)
}

/// Each has made a call.
async fn connections(house: &House, gate: &Gate) -> Result<f64, Failure> {
    let request = http1::request(&house.call);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut wire = http1::Wire::open(gate.addr, Arc::clone(&request)).await?;
        wire.call().await?;
        open.push(wire);
    }
    crate::pause(SETTLE).await;
    resident_megabytes(gate.pid())
}

/// Each has brought its first message.
async fn streams(house: &House, gate: &Gate) -> Result<f64, Failure> {
    let ask = house.call.http2(WATCH)?;
    let (mut wires, mut open): (Vec<http2::Wire>, Vec<RecvStream>) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let wire = http2::Wire::open(gate.addr).await?;
        for _ in 0..STREAMS / CONNECTIONS {
            let (answer, mut stream) =
                wire.sender().ready().await?.send_request(ask.head.clone(), false)?;
            stream.send_data(ask.message.clone(), true)?;
            let mut body = answer.await?.into_body();
            body.data().await.ok_or("a stream ended at once")??;
            open.push(body);
        }
        wires.push(wire);
    }
    crate::pause(SETTLE).await;
    resident_megabytes(gate.pid())
}
