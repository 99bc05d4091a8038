//! Calls over HTTP/2: by the library, one by one, or by a [`crowd`] that costs little beside what it measures.

mod crowd;
mod hpack;
mod line;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};

use crate::Failure;
use crowd::Crowd;

/// What is sent again and again.
#[derive(Clone)]
pub struct Ask {
    /// The head.
    pub head: Request<()>,
    /// The body: a message with its five bytes.
    pub message: Bytes,
}

/// A connection.
pub struct Wire {
    sender: SendRequest<Bytes>,
    _driver: JoinSet<()>,
}

impl Wire {
    /// Opens it.
    pub async fn open(addr: SocketAddr) -> Result<Self, Failure> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = h2::client::handshake(socket).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        Ok(Self { sender, _driver: driver })
    }

    /// A place on it.
    pub fn sender(&self) -> SendRequest<Bytes> {
        self.sender.clone()
    }
}

/// One call to its end; the answer.
pub async fn once(sender: SendRequest<Bytes>, ask: &Ask) -> Result<Bytes, Failure> {
    let (answer, mut stream) = sender.ready().await?.send_request(ask.head.clone(), false)?;
    stream.send_data(ask.message.clone(), true)?;
    let mut body = answer.await?.into_body();
    let mut all = Bytes::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all = if all.is_empty() { data } else { [all, data].concat().into() };
    }
    // A refusal has no body, or a short one.
    if all.len() > ask.message.len() { Ok(all) } else { Err("a call was refused".into()) }
}

/// Calls made in this time, as fast as they go, so many in flight on each of so many connections.
pub async fn load(
    addr: SocketAddr,
    ask: &Ask,
    callers: (usize, usize),
    time: Duration,
) -> Result<u64, Failure> {
    let crowd = Crowd::open(addr, ask, callers)?;
    spawn_blocking(move || crowd.load(time)).await?
}

/// How long each call took from when it was due, at this rate; before that time there is another half second of them that does not count.
pub async fn paced(
    addr: SocketAddr,
    ask: &Ask,
    callers: (usize, usize),
    rate: f64,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let crowd = Crowd::open(addr, ask, callers)?;
    spawn_blocking(move || crowd.paced(rate, time)).await?
}
