//! gRPC-Web over HTTP/2: a few connections with calls beside each other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::SendRequest;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Request};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Call;
use super::http1::MESSAGE;
use crate::Failure;
use crate::differential::LIST;

/// Connections, and calls in flight on each.
const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 8;

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

/// The head of a call.
pub fn request(call: &Call, path: &str) -> Result<Request<()>, Failure> {
    let request = Request::post(format!("http://gateway{path}"))
        .header(CONTENT_TYPE, "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .header(ORIGIN, HeaderValue::from_static(crate::gates::ORIGIN))
        .header(AUTHORIZATION, format!("Bearer {}", call.token));
    Ok(request.body(())?)
}

/// One call to its end.
async fn once(sender: SendRequest<Bytes>, head: &Request<()>) -> Result<(), Failure> {
    let (answer, mut stream) = sender.ready().await?.send_request(head.clone(), false)?;
    stream.send_data(Bytes::from_static(MESSAGE), true)?;
    let mut body = answer.await?.into_body();
    let mut bytes = 0;
    while let Some(data) = body.data().await {
        let length = data?.len();
        body.flow_control().release_capacity(length)?;
        bytes += length;
    }
    // A refusal has no body.
    if bytes > MESSAGE.len() { Ok(()) } else { Err("a call was refused".into()) }
}

async fn wires(addr: SocketAddr) -> Result<Vec<Wire>, Failure> {
    join_all((0..CONNECTIONS).map(|_| Wire::open(addr))).await.into_iter().collect()
}

fn places(wires: &[Wire]) -> impl Iterator<Item = SendRequest<Bytes>> {
    wires.iter().flat_map(|wire| (0..IN_FLIGHT).map(|_| wire.sender()))
}

/// Calls made in this time, as fast as they go.
pub async fn load(addr: SocketAddr, call: &Call, time: Duration) -> Result<u64, Failure> {
    let (wires, head) = (wires(addr).await?, request(call, LIST)?);
    let (until, head) = (Instant::now() + time, &head);
    let loops = places(&wires).map(|sender| async move {
        let mut calls = 0;
        while Instant::now() < until {
            once(sender.clone(), head).await?;
            calls += 1;
        }
        Ok::<u64, Failure>(calls)
    });
    join_all(loops).await.into_iter().sum()
}

/// How long each call took from when it was due, at this rate.
pub async fn paced(
    addr: SocketAddr,
    call: &Call,
    rate: f64,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let (wires, head) = (wires(addr).await?, request(call, LIST)?);
    let (due, head) = (&Mutex::new(crate::reads::pace(rate, time)), &head);
    let loops = places(&wires).map(|sender| async move {
        let mut took = Vec::new();
        loop {
            let Some(next) = due.lock().await.recv().await else { return Ok::<_, Failure>(took) };
            once(sender.clone(), head).await?;
            took.push(next.elapsed());
        }
    });
    let all = join_all(loops).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(all.concat())
}
