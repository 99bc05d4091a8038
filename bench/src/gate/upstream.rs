//! What stands behind a gateway: bare HTTP/2 that answers each call with one message. A watch stays open.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Failure;

/// A frame of twenty bytes, of which any message takes no notice: a field that nobody knows. Of health, SERVING.
const MESSAGE: &[u8] = b"\0\0\0\0\x14\x7a\x12eighteen bytes all";
const SERVING: &[u8] = b"\0\0\0\0\x02\x08\x01";
const WINDOW_BYTES: u32 = 1024 * 1024;
const STREAMS_MAX: u32 = 20_000;

/// Bytes of a message in a watch without an end, which nobody decodes.
const LONG: usize = 16 * 1024;

/// What a watch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watches {
    /// One message, and nothing more.
    Silent,
    /// Messages as fast as they are taken.
    Endless,
}

/// The running upstream.
pub struct Upstream {
    /// Where it is.
    pub addr: SocketAddr,
    _listening: JoinSet<()>,
}

impl Upstream {
    /// Begins to listen.
    pub async fn start(watches: Watches) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(connection(socket, watches));
            }
        });
        Ok(Self { addr, _listening: listening })
    }
}

async fn connection(socket: TcpStream, watches: Watches) {
    let _refused = socket.set_nodelay(true);
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
    let mut open = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        open.spawn(stream(request, respond, watches));
        while open.try_join_next().is_some() {}
    }
}

async fn stream(request: Request<RecvStream>, respond: SendResponse<Bytes>, watches: Watches) {
    // Whoever hung up is of no interest here.
    let _hung_up = answer(request, respond, watches).await;
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    watches: Watches,
) -> Result<(), h2::Error> {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    let mut response = Response::new(());
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
    let mut stream = respond.send_response(response, false)?;
    let is_watch = path.contains("/Watch");
    if is_watch && watches == Watches::Endless {
        return endless(&mut stream).await;
    }
    let health = path.starts_with("/grpc.health");
    stream.send_data(Bytes::from_static(if health { SERVING } else { MESSAGE }), false)?;
    if is_watch {
        std::future::poll_fn(|cx| stream.poll_reset(cx)).await?;
        return Ok(());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)
}

/// Messages as fast as they are taken.
async fn endless(stream: &mut h2::SendStream<Bytes>) -> Result<(), h2::Error> {
    let length = u32::try_from(LONG).unwrap_or(0).to_be_bytes();
    let message = Bytes::from([&[0], length.as_slice(), &[0; LONG]].concat());
    loop {
        stream.reserve_capacity(message.len());
        while stream.capacity() < message.len() {
            // Nothing more is to be had once the stream is gone.
            let more = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            if more.transpose()?.is_none() {
                return Ok(());
            }
        }
        stream.send_data(message.clone(), false)?;
    }
}
