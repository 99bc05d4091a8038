//! A service that does what it is told (`x-do`), over raw HTTP/2: also what no service would do on purpose.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parkmesh_contracts::notification::v1::{Notification, WatchNotificationsResponse};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::client::framed;

/// Bytes that leave before a reset overtake it.
const BEFORE_A_CUT: std::time::Duration = std::time::Duration::from_millis(100);

/// Of a flood that ends only with its call.
const FLOOD_MESSAGE_BYTES: usize = 16 * 1024;

type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send>>;
type Answer = Response<StreamBody<Frames>>;

/// Counts calls that were given up from outside.
#[derive(Clone, Default)]
pub struct GivenUp(Arc<AtomicUsize>);

impl GivenUp {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// A call that counts as given up when this is dropped before it was let go.
    pub fn hold(&self) -> Held {
        Held(Some(self.clone()))
    }
}

/// Part of a call's answer.
pub struct Held(Option<GivenUp>);

impl Held {
    /// The call came to its end.
    pub fn let_go(&mut self) {
        self.0 = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(given_up) = &self.0 {
            given_up.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Where it listens, and what was given up.
pub async fn obedient(tasks: &Tasks) -> (SocketAddr, GivenUp) {
    let listener = listener().await;
    let addr = listener.local_addr().unwrap();
    let (inner, given_up) = (tasks.clone(), GivenUp::default());
    let told = given_up.clone();
    tasks.spawn("obedient", async move {
        while let Ok((socket, _)) = listener.accept().await {
            let told = told.clone();
            let service = hyper::service::service_fn(move |request| answer(request, told.clone()));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            inner.spawn("obedient-connection", async move {
                drop(builder.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    (addr, given_up)
}

async fn answer(request: Request<Incoming>, given_up: GivenUp) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let asked = head.headers.get("x-do").map_or("echo", |value| value.to_str().unwrap_or("echo"));
    let asked = asked.to_owned();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let binary = head.headers.get("x-data-bin").cloned();
    let message = |number: i64| {
        let notification = Some(Notification { sequence: number, ..Default::default() });
        Ok(Frame::data(Bytes::from(framed(&WatchNotificationsResponse { notification }))))
    };
    let two = [message(1), message(2)];
    let frames: Frames = match asked.as_str() {
        "stream" => stream::iter([message(1), message(2), message(3), end(ok())]).boxed(),
        "error" => stream::iter([end(refused())]).boxed(),
        "error-late" => stream::iter(two).chain(stream::iter([end(refused())])).boxed(),
        // Two messages in two pieces, cut here.
        _ if asked.starts_with("split:") => {
            let (at, whole) = (number(&asked), two_messages());
            let (first, rest) = whole.split_at(at.min(whole.len()));
            let piece = |bytes: &[u8]| Ok(Frame::data(Bytes::copy_from_slice(bytes)));
            stream::iter([piece(first), piece(rest), end(ok())]).boxed()
        }
        _ if asked.starts_with("code:") => {
            let mut trailers = HeaderMap::new();
            let code = i32::try_from(number(&asked)).unwrap();
            let status = Status::new(Code::from_i32(code), format!("code {code}, 100 %"));
            status.add_header(&mut trailers).unwrap();
            stream::iter([end(trailers)]).boxed()
        }
        "trailers-only" => stream::empty().boxed(),
        "cut" => {
            let half = stream::iter([Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x09half")))]);
            let cut = stream::once(async {
                tokio::time::sleep_until(tokio::time::Instant::now() + BEFORE_A_CUT).await;
                Err(std::io::Error::other("cut"))
            });
            stream::iter(two).chain(half).chain(cut).boxed()
        }
        "hang" => std::future::pending().await,
        "flood" => stream::repeat_with(|| {
            let title = "x".repeat(FLOOD_MESSAGE_BYTES);
            let notification = Some(Notification { title, ..Default::default() });
            Ok(Frame::data(Bytes::from(framed(&WatchNotificationsResponse { notification }))))
        })
        .boxed(),
        "endless" => {
            let held = given_up.hold();
            let never = stream::once(async move {
                let _held = held;
                std::future::pending().await
            });
            stream::iter([message(1)]).chain(never).boxed()
        }
        // The gate asks for health, when it likes: SERVING.
        _ if head.uri.path().ends_with("Health/Check") => {
            stream::iter([Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x02\x08\x01"))), end(ok())])
                .boxed()
        }
        _ => {
            let mut trailers = ok();
            for one in head.headers.get_all("x-many") {
                trailers.append("x-many", one.clone());
            }
            if let Some(binary) = &binary {
                trailers.insert("x-last-bin", binary.clone());
            }
            stream::iter([Ok(Frame::data(body)), end(trailers)]).boxed()
        }
    };
    let mut response = Response::new(StreamBody::new(frames));
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
    headers.insert("x-first", http::HeaderValue::from_static("a"));
    if let Some(binary) = binary {
        headers.insert("x-data-bin", binary);
    }
    for one in head.headers.get_all("x-many") {
        headers.append("x-many", one.clone());
    }
    if asked == "trailers-only" {
        Status::not_found("nothing").add_header(headers).unwrap();
    }
    Ok(response)
}

/// The number after the colon.
fn number(asked: &str) -> usize {
    asked.split_once(':').unwrap().1.parse().unwrap()
}

/// What `split:` sends.
pub fn two_messages() -> Vec<u8> {
    let message = |sequence| {
        let notification = Some(Notification { sequence, ..Default::default() });
        framed(&WatchNotificationsResponse { notification })
    };
    [message(1), message(2)].concat()
}

fn end(trailers: HeaderMap) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::trailers(trailers))
}

fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    trailers.insert("x-last", http::HeaderValue::from_static("z"));
    trailers
}

/// An error with everything that one can carry.
fn refused() -> HeaderMap {
    let details = ErrorDetails::with_error_info(
        "TOLD_SO",
        "obedient",
        [("what".to_owned(), "x-do".to_owned())],
    );
    let status = Status::with_error_details(Code::FailedPrecondition, "nein: ä € % ✓", details);
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    trailers.insert("x-why", http::HeaderValue::from_static("because"));
    let bytes = STANDARD_NO_PAD.encode([0, 1, 254, 255]);
    trailers.insert("x-why-bin", http::HeaderValue::try_from(bytes).unwrap());
    trailers
}
