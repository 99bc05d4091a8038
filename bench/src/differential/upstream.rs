//! What stands behind both gateways: bare HTTP/2 that writes down what came, and answers as the request asks for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request};
use tokio::net::{TcpListener, TcpStream};

use super::answers;
use super::outcome::{End, Fields, fields};
use crate::Failure;

/// Names the request, and through whom it came.
pub const CASE: &str = "x-case";
/// Says how it is to be answered.
pub const ANSWER: &str = "x-answer";
/// Larger than anything that is sent.
const WINDOW_BYTES: u32 = 16 * 1024 * 1024;
const HEADER_BYTES_MAX: u32 = 1024 * 1024;
/// More streams than are ever given up at once.
const RESETS_MAX: usize = 1_000_000;

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// All headers, without the name of the case.
    pub headers: Fields,
    /// All bytes.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: End,
}

/// By the request's name, every attempt.
type Book = Arc<Mutex<HashMap<String, Vec<Seen>>>>;

/// The running upstream.
#[derive(Clone)]
pub struct Upstream {
    /// Where it is.
    pub addr: SocketAddr,
    book: Book,
}

impl Upstream {
    /// Begins to listen.
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = Self { addr: listener.local_addr()?, book: Book::default() };
        let book = Arc::clone(&upstream.book);
        let mut connections = tokio::task::JoinSet::new();
        let mut listening = tokio::task::JoinSet::new();
        listening.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(connection(socket, Arc::clone(&book)));
            }
        });
        listening.detach_all();
        Ok(upstream)
    }

    /// What came under this name; it is forgotten then.
    pub fn take(&self, case: &str) -> Vec<Seen> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.remove(case).unwrap_or_default()
    }
}

async fn connection(socket: TcpStream, book: Book) {
    let _refused = socket.set_nodelay(true);
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        // It is asked a hundred thousand odd things over few connections, and hangs up for none of them.
        .max_local_error_reset_streams(None)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
    let mut streams = tokio::task::JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams.spawn(stream(request, respond, Arc::clone(&book)));
        while streams.try_join_next().is_some() {}
    }
}

async fn stream(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, book: Book) {
    let (head, mut body) = request.into_parts();
    if head.uri.path() == "/grpc.health.v1.Health/Check" {
        return answers::healthy(&mut respond);
    }
    let told = |name: &str| told(&head.headers, name);
    let (case, answer) = (told(CASE), told(ANSWER));
    let mut seen = Seen {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: fields(&head.headers),
        body: Vec::new(),
        end: End::Open,
    };
    seen.headers.remove(CASE);
    if let Some(authority) = head.uri.authority() {
        seen.headers.insert(":authority".to_owned(), vec![authority.to_string()]);
    }
    if !answers::is_early(&answer) {
        (seen.body, seen.end) = read(&mut body).await;
    }
    let echoed = seen.body.clone();
    book.lock().unwrap_or_else(PoisonError::into_inner).entry(case).or_default().push(seen);
    // A gateway may have given it up: a case of its own.
    let _given_up = answers::give(&answer, &echoed, respond).await;
}

fn told(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// All bytes of a body, and how it ended.
async fn read(body: &mut RecvStream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        match data {
            Ok(data) => {
                let _closed = body.flow_control().release_capacity(data.len());
                bytes.extend_from_slice(&data);
            }
            Err(error) => return (bytes, End::Broken(format!("{error}"))),
        }
    }
    match body.trailers().await {
        Ok(trailers) => {
            (bytes, End::Whole(trailers.map(|found| fields(&found)).unwrap_or_default()))
        }
        Err(error) => (bytes, End::Broken(format!("{error}"))),
    }
}
