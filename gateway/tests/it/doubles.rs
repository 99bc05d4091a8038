//! Services in the place of the real ones.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parkmesh_contracts::notification::v1::notification_service_server::NotificationService;
use parkmesh_contracts::notification::v1::{
    GetPreferencesRequest, GetPreferencesResponse, ListDeliveriesRequest, ListDeliveriesResponse,
    ListNotificationsRequest, ListNotificationsResponse, MarkReadRequest, MarkReadResponse,
    Notification, ResendDeliveryRequest, ResendDeliveryResponse, UpdatePreferencesRequest,
    UpdatePreferencesResponse, WatchNotificationsRequest, WatchNotificationsResponse,
};
use parkmesh_platform::auth::Caller;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;
use tonic::Status;
use tonic::metadata::KeyAndValueRef;

/// Counts what its calls leave behind.
#[derive(Clone, Default)]
pub struct Seen {
    pub calls: Arc<AtomicUsize>,
    pub dropped: Arc<AtomicUsize>,
}

struct OnDrop(Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Messages, one of them about the call itself.
#[derive(Clone, Default)]
pub struct Notifications {
    pub seen: Seen,
}

fn titled(sequence: i64, title: impl Into<String>) -> Notification {
    Notification { sequence, title: title.into(), ..Default::default() }
}

#[tonic::async_trait]
impl NotificationService for Notifications {
    /// The page token says what to do: `slow` never answers, `missing` fails, `big` is a long answer;
    /// anything else tells the caller and the metadata, one to a row.
    async fn list_notifications(
        &self,
        request: tonic::Request<ListNotificationsRequest>,
    ) -> Result<tonic::Response<ListNotificationsResponse>, Status> {
        self.seen.calls.fetch_add(1, Ordering::SeqCst);
        let _dropped = OnDrop(Arc::clone(&self.seen.dropped));
        let mut notifications = vec![titled(0, Caller::of(&request)?.subject.to_string())];
        match request.get_ref().page_token.as_str() {
            "slow" => std::future::pending().await,
            "missing" => return Err(Status::not_found("nothing: 100% \u{fc}ber")),
            "big" => notifications.push(titled(1, "x".repeat(200_000))),
            _ => notifications.extend(request.metadata().iter().map(|pair| match pair {
                KeyAndValueRef::Ascii(name, value) => {
                    titled(0, format!("{name}={}", value.to_str().unwrap()))
                }
                KeyAndValueRef::Binary(name, _) => titled(0, name.as_str()),
            })),
        }
        let mut response =
            tonic::Response::new(ListNotificationsResponse { notifications, ..Default::default() });
        response.metadata_mut().insert("x-lot", "A1".parse().unwrap());
        Ok(response)
    }

    type WatchNotificationsStream =
        Pin<Box<dyn Stream<Item = Result<WatchNotificationsResponse, Status>> + Send>>;

    /// Three messages after the sequence; then the end or, from sequence 1000 on, silence.
    async fn watch_notifications(
        &self,
        request: tonic::Request<WatchNotificationsRequest>,
    ) -> Result<tonic::Response<Self::WatchNotificationsStream>, Status> {
        self.seen.calls.fetch_add(1, Ordering::SeqCst);
        let after = request.get_ref().after_sequence;
        let dropped = OnDrop(Arc::clone(&self.seen.dropped));
        let messages = stream::iter((after + 1..=after + 3).map(|sequence| {
            let notification = Some(titled(sequence, "news"));
            Ok(WatchNotificationsResponse { notification })
        }));
        let rest = if after >= 1_000 { stream::pending().boxed() } else { stream::empty().boxed() };
        let all = messages.chain(rest).map(move |message| {
            let _held = &dropped;
            message
        });
        Ok(tonic::Response::new(Box::pin(all)))
    }

    async fn mark_read(
        &self,
        _request: tonic::Request<MarkReadRequest>,
    ) -> Result<tonic::Response<MarkReadResponse>, Status> {
        Ok(tonic::Response::new(MarkReadResponse { marked: 1 }))
    }

    async fn get_preferences(
        &self,
        _request: tonic::Request<GetPreferencesRequest>,
    ) -> Result<tonic::Response<GetPreferencesResponse>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn update_preferences(
        &self,
        _request: tonic::Request<UpdatePreferencesRequest>,
    ) -> Result<tonic::Response<UpdatePreferencesResponse>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn list_deliveries(
        &self,
        _request: tonic::Request<ListDeliveriesRequest>,
    ) -> Result<tonic::Response<ListDeliveriesResponse>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn resend_delivery(
        &self,
        _request: tonic::Request<ResendDeliveryRequest>,
    ) -> Result<tonic::Response<ResendDeliveryResponse>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }
}

/// When a raw server cuts an answer.
const CUT_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

/// A raw HTTP/2 server that answers every call like this, however wrong that is.
#[derive(Clone, Copy)]
pub enum Raw {
    /// Sends back what comes, message by message, then OK.
    Echo,
    /// One message and half of the next, then the connection is cut.
    CutInAMessage,
    /// One message, then an end without trailers.
    NoTrailers,
    /// Something that is not gRPC.
    NotGrpc,
    /// A reset instead of an answer.
    Reset,
}

/// Where it listens, and a count of what it was asked.
pub async fn raw(kind: Raw, tasks: &Tasks) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = listener().await;
    let addr = listener.local_addr().unwrap();
    let inner = tasks.clone();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tasks.spawn("raw", async move {
        while let Ok((socket, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                // The gate also asks for health, when it likes.
                if !request.uri().path().contains("Health") {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                let answer = match kind {
                    Raw::Reset => Err(std::io::Error::other("reset")),
                    kind => Ok(answer(kind, request)),
                };
                std::future::ready(answer)
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            inner.spawn("raw-connection", async move {
                drop(builder.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
    (addr, count)
}

type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send>>;

fn answer(kind: Raw, request: Request<Incoming>) -> Response<http_body_util::StreamBody<Frames>> {
    let data = |bytes: &'static [u8]| Ok(Frame::data(Bytes::from_static(bytes)));
    let mut ok = HeaderMap::new();
    ok.insert("grpc-status", "0".parse().unwrap());
    let frames: Frames = match kind {
        Raw::Echo => {
            let body = http_body_util::BodyStream::new(request.into_body());
            let back = body.map(|frame| frame.map_err(std::io::Error::other));
            back.chain(stream::iter([Ok(Frame::trailers(ok))])).boxed()
        }
        Raw::CutInAMessage => {
            // A reset overtakes bytes that are still queued: let them leave first.
            let cut = stream::once(async {
                tokio::time::sleep_until(tokio::time::Instant::now() + CUT_AFTER).await;
                Err(std::io::Error::other("cut"))
            });
            stream::iter([data(b"\0\0\0\0\0\0\0\0\0\x09half")]).chain(cut).boxed()
        }
        Raw::NoTrailers => stream::iter([data(b"\0\0\0\0\0")]).boxed(),
        Raw::Reset | Raw::NotGrpc => stream::iter([data(b"<html>")]).boxed(),
    };
    let content_type = if matches!(kind, Raw::NotGrpc) { "text/html" } else { "application/grpc" };
    Response::builder()
        .header("content-type", content_type)
        .body(http_body_util::StreamBody::new(frames))
        .unwrap()
}
