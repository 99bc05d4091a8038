//! Raw clients: what goes over the wire is written and read by hand.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parkmesh_platform::tasks::Tasks;
use prost::Message;
use tokio::net::TcpStream;

pub type Out = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

/// One connection of either version.
pub enum Wire {
    One(hyper::client::conn::http1::SendRequest<Out>),
    Two(hyper::client::conn::http2::SendRequest<Out>),
}

impl Wire {
    pub async fn http1(addr: SocketAddr, tasks: &Tasks) -> Self {
        let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tasks.spawn("http1", async move { drop(connection.await) });
        Self::One(sender)
    }

    pub async fn http2(addr: SocketAddr, tasks: &Tasks) -> Self {
        let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake(io).await.unwrap();
        tasks.spawn("http2", async move { drop(connection.await) });
        Self::Two(sender)
    }

    pub async fn send(&mut self, request: Request<Out>) -> Response<Incoming> {
        self.try_send(request).await.unwrap()
    }

    async fn try_send(&mut self, mut request: Request<Out>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => {
                let uri = format!("http://gateway{}", request.uri());
                *request.uri_mut() = uri.parse().unwrap();
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    pub async fn ask(&mut self, request: Request<Out>) -> Answer {
        self.try_ask(request).await.unwrap()
    }

    /// Fails when the connection does.
    pub async fn try_ask(&mut self, request: Request<Out>) -> hyper::Result<Answer> {
        Answer::read(self.try_send(request).await?).await
    }
}

/// A POST with this body.
pub fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Out> {
    let mut request = Request::post(path).header("host", "gateway");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into()).boxed()).unwrap()
}

/// A body that comes in these pieces.
pub fn in_pieces(pieces: Vec<Vec<u8>>) -> Out {
    let frames = pieces.into_iter().map(|piece| Ok(http_body::Frame::data(Bytes::from(piece))));
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)))
}

/// A message in its frame.
pub fn framed(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&bytes);
    frame
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    async fn read(response: Response<Incoming>) -> hyper::Result<Self> {
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Self { status: parts.status, headers: parts.headers, body })
    }

    /// OK is in the trailers, any refusal in the headers.
    pub fn is_good(&self) -> bool {
        self.headers.get("grpc-status").is_none()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The messages and the trailers of a binary body.
    pub fn frames<M: Message + Default>(&self) -> (Vec<M>, String) {
        read_frames(&self.body)
    }
}

/// The messages and the trailers in these bytes, which must end with the trailers.
pub fn read_frames<M: Message + Default>(mut rest: &[u8]) -> (Vec<M>, String) {
    let mut messages = Vec::new();
    loop {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        let (flags, frame) = (rest[0], &rest[5..5 + length]);
        rest = &rest[5 + length..];
        if flags == 0x80 {
            assert!(rest.is_empty(), "something follows the trailers");
            assert!(!frame.is_empty(), "an empty trailer frame");
            return (messages, String::from_utf8(frame.to_vec()).unwrap());
        }
        messages.push(M::decode(frame).unwrap());
    }
}
