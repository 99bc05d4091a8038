//! gRPC-Web over HTTP/2: a few connections with calls beside each other.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::SendRequest;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Request};
use tokio::net::TcpStream;
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

/// Those who call, several on each connection; the connections last as long as they are kept.
pub async fn callers(
    addr: SocketAddr,
    call: &Call,
) -> Result<(Vec<Wire>, Vec<impl AsyncFnMut() -> Result<(), Failure>>), Failure> {
    let opened = join_all((0..CONNECTIONS).map(|_| Wire::open(addr))).await.into_iter();
    let (wires, head) = (opened.collect::<Result<Vec<_>, _>>()?, request(call, LIST)?);
    let senders = wires.iter().flat_map(|wire| (0..IN_FLIGHT).map(|_| wire.sender()));
    let callers = senders.map(|sender| {
        let head = head.clone();
        async move || once(sender.clone(), &head).await
    });
    let callers = callers.collect();
    Ok((wires, callers))
}
