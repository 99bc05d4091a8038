//! Calls over HTTP/2, several beside each other on a connection, by a client that costs little beside what it measures.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::SendRequest;
use http::Request;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Failure;

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

/// Those who call, so many on each of so many connections, which last as long as they are kept.
pub async fn callers(
    addr: SocketAddr,
    ask: &Ask,
    (connections, in_flight): (usize, usize),
) -> Result<(Vec<Wire>, Vec<impl AsyncFnMut() -> Result<(), Failure> + use<>>), Failure> {
    let opened = join_all((0..connections).map(|_| Wire::open(addr))).await.into_iter();
    let wires = opened.collect::<Result<Vec<_>, _>>()?;
    let senders = wires.iter().flat_map(|wire| (0..in_flight).map(|_| wire.sender()));
    let callers = senders.map(|sender| {
        let ask = ask.clone();
        async move || once(sender.clone(), &ask).await.map(drop)
    });
    let callers = callers.collect();
    Ok((wires, callers))
}
