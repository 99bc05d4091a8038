//! One request's way in, step by step, from the outside in.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use parkmesh_contracts::methods::Method;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument;

use super::body::ServedBody;
use super::deadline::{self, Deadline};
use super::drain::drain;
use super::hooks::Hooked;
use super::observe::{CallMetrics, Watch};
use super::pages::Below;
use super::routes::{Routes, service_of};
use super::shed::Shed;
use super::{Call, MethodTable, Refusal, exempt};
use crate::auth::{Caller, Denial, Peer, Verifier, decide};

/// Everything that a request meets; shared by all connections of a server.
pub(super) struct Stack {
    pub routes: Routes,
    pub pages: Option<Below>,
    pub hooks: Option<Hooked>,
    pub table: MethodTable,
    pub verifier: Verifier,
    pub shed: Arc<Shed>,
    pub metrics: CallMetrics,
    pub stream_life_max: Duration,
    pub stopping: CancellationToken,
}

/// How a request came: its place in the order of arrival, and what its connection knows.
pub(super) struct Came {
    pub arrival: u64,
    /// Cancelled when the connection's streams must end.
    pub ending: CancellationToken,
    /// Who made the connection, where certificates say that.
    pub peer: Option<Peer>,
}

/// A method that is served here, and whether it asks for a token.
#[derive(Clone, Copy)]
struct Target {
    method: &'static Method,
    open: bool,
}

impl Stack {
    /// Answers one request.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        came: Came,
    ) -> Response<ServedBody> {
        let path = request.uri().path();
        if let Some(pages) = self.pages.as_ref().filter(|pages| path.starts_with(pages.prefix)) {
            return self.page(pages, request);
        }
        if let Some(hooks) = self.hooks.as_ref().filter(|hooks| path.starts_with(hooks.prefix)) {
            return self.hook(hooks, request).await;
        }
        let target = self.target(request.uri().path());
        let known = target.as_ref().ok().map(|target| target.method);
        let mut watch = Watch::start(&self.metrics, known, request.headers());
        let target = match target {
            Ok(target) => target,
            Err(refused) => return turned_away(watch, &refused, request).await,
        };
        match self.shed.admit(target.method) {
            Ok(permit) => watch.permit = Some(permit),
            Err(overloaded) => {
                return turned_away(watch, &overloaded.to_status(), request).await;
            }
        }
        let deadline = deadline::of_request(request.headers(), target.method);
        let span = watch.span.clone();
        let inside = self.inside(request, target, deadline, came);
        let answered = match deadline {
            // Dropping the future at the deadline drops the handler with all that it waits for.
            Some(deadline) => match timeout_at(deadline.at, inside.instrument(span)).await {
                Ok(answered) => answered,
                Err(_elapsed) => Err(Refusal::DeadlineExceeded.to_status()),
            },
            None => inside.instrument(span).await,
        };
        match answered {
            Ok((response, call)) => self.finish(response, call, watch),
            Err(refused) => refused_with(watch, &refused),
        }
    }

    /// A document that anybody may read.
    fn page(&self, pages: &Below, request: Request<Incoming>) -> Response<ServedBody> {
        let (head, _body) = request.into_parts();
        let watch = Watch::start(&self.metrics, None, &head.headers);
        let answer = pages.answer(&head);
        watched(answer, watch)
    }

    /// What an outside system posts.
    async fn hook(&self, hooks: &Hooked, request: Request<Incoming>) -> Response<ServedBody> {
        let (head, body) = request.into_parts();
        let watch = Watch::start(&self.metrics, None, &head.headers);
        watched(hooks.answer(head, body).await, watch)
    }

    /// The part that the deadline covers: identity, then the handler.
    async fn inside(
        &self,
        mut request: Request<Incoming>,
        target: Target,
        deadline: Option<Deadline>,
        came: Came,
    ) -> Result<(Response<Body>, Arc<Call>), Status> {
        let Came { arrival, ending, peer } = came;
        let caller = match self.admit(&request, target, peer.as_ref()).await {
            Ok(caller) => caller,
            Err(denied) => {
                drain(request.into_body()).await;
                return Err(denied);
            }
        };
        if let Some(caller) = &caller {
            request.extensions_mut().insert(Arc::clone(caller));
        }
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(deadline);
        }
        let call = Arc::new(Call { method: target.method, caller, deadline, arrival, ending });
        let request = request.map(Body::new);
        let Some(answer) = self.routes.answer(target.method.service, request) else {
            return Err(Refusal::PathUnknown.to_status());
        };
        let handler = AssertUnwindSafe(Arc::clone(&call).scope(answer)).catch_unwind();
        match handler.await {
            Ok(Ok(response)) => Ok((response, call)),
            Ok(Err(never)) => match never {},
            Err(_panic) => {
                tracing::error!(method = target.method.path, "a handler panicked");
                Err(Refusal::HandlerFailed.to_status())
            }
        }
    }

    /// Who calls, where the method asks for that.
    async fn admit(
        &self,
        request: &Request<Incoming>,
        target: Target,
        peer: Option<&Peer>,
    ) -> Result<Option<Arc<Caller>>, Status> {
        if target.open {
            return Ok(None);
        }
        let caller = self.verifier.caller_over(peer, request.headers()).await;
        caller
            .and_then(|caller| decide(target.method, Some(&caller)).map(|()| Some(caller)))
            .map_err(Denial::to_status)
    }

    fn target(&self, path: &str) -> Result<Target, Status> {
        if let Some(method) = exempt::find(path) {
            return Ok(Target { method, open: true });
        }
        let served = service_of(path).is_some_and(|service| self.routes.has(service));
        match (self.table)(path) {
            Some(method) if served => Ok(Target { method, open: false }),
            // Deny by default: a method that the table does not list is nobody's to call.
            None if served => Err(Denial::MethodUnknown.to_status()),
            _ => Err(Refusal::PathUnknown.to_status()),
        }
    }

    fn finish(
        &self,
        response: Response<Body>,
        call: Arc<Call>,
        mut watch: Watch,
    ) -> Response<ServedBody> {
        watch.see(response.headers());
        if !call.method.server_streaming {
            return response.map(|body| ServedBody::unary(body, watch));
        }
        let life_end = deadline::now() + self.stream_life_max;
        let stopping = self.stopping.clone();
        response.map(|body| ServedBody::stream(body, watch, call, life_end, stopping))
    }
}

/// A plain answer, counted.
fn watched(answer: Response<bytes::Bytes>, mut watch: Watch) -> Response<ServedBody> {
    let fine = !answer.status().is_server_error();
    watch.end(if fine { Code::Ok } else { Code::Unavailable });
    answer.map(|bytes| ServedBody::unary(Body::new(Full::new(bytes)), watch))
}

/// Before anybody has read the body.
async fn turned_away(
    watch: Watch,
    status: &Status,
    request: Request<Incoming>,
) -> Response<ServedBody> {
    drain(request.into_body()).await;
    refused_with(watch, status)
}

fn refused_with(mut watch: Watch, status: &Status) -> Response<ServedBody> {
    watch.end(status.code());
    let response = status.clone().into_http::<Body>();
    debug_assert_ne!(status.code(), Code::Ok);
    response.map(|body| ServedBody::unary(body, watch))
}
