//! gRPC-Web over HTTP/1.1: as many connections as browsers have, each with one call at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Call;
use crate::Failure;
use crate::differential::LIST;
use crate::gates::ORIGIN;

/// Connections of the load.
const CONNECTIONS: usize = 32;
/// More of an answer than ever comes.
const BUFFER_BYTES: usize = 4 * 1024;
/// The trailers' frame and the last chunk, or nothing but the trailers' frame.
const STATUS: &[u8] = b"grpc-status:";

/// A connection with a call on it, again and again.
pub struct Wire {
    socket: TcpStream,
    request: Arc<Vec<u8>>,
    buffer: Vec<u8>,
}

/// The bytes of a call.
pub fn request(call: &Call) -> Arc<Vec<u8>> {
    let head = format!(
        "POST {LIST} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n\
         origin: {ORIGIN}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        call.token,
        MESSAGE.len()
    );
    Arc::new([head.as_bytes(), MESSAGE].concat())
}

/// The message of a call, in its frame.
pub const MESSAGE: &[u8] = b"\0\0\0\0\x14twenty bytes in all.";

impl Wire {
    /// Opens it.
    pub async fn open(addr: SocketAddr, request: Arc<Vec<u8>>) -> Result<Self, Failure> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, request, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// One call to its end.
    pub async fn call(&mut self) -> Result<(), Failure> {
        self.socket.write_all(&self.request).await?;
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err("the gateway closed a connection".into());
            }
        }
        match self.buffer.windows(STATUS.len() + 1).any(|bytes| bytes.starts_with(STATUS)) {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&self.buffer).into_owned().into()),
        }
    }
}

/// Whether an answer is there to its end, by length or in chunks.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let (head, body) = answer.split_at(head + 4);
    let text = std::str::from_utf8(head).unwrap_or_default();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    match length.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => body.ends_with(b"0\r\n\r\n"),
    }
}

/// Those who call, one on each connection.
pub async fn callers(
    addr: SocketAddr,
    call: &Call,
) -> Result<Vec<impl AsyncFnMut() -> Result<(), Failure>>, Failure> {
    let request = request(call);
    let opened = (0..CONNECTIONS).map(|_| Wire::open(addr, Arc::clone(&request)));
    let wires = join_all(opened).await.into_iter();
    wires.map(|wire| wire.map(|mut wire| async move || wire.call().await)).collect()
}
