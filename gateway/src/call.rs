//! One request's way through the gate, step by step, from the outside in: origin, protocol, room,
//! deadline, token, body, replica; and its answer's way out.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use parkmesh_contracts::methods::Method;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::serve::{CallMetrics, Deadline, Health, Refusal, Watch, drain};
use parkmesh_platform::telemetry::trace_context;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::StdError;
use tracing::Instrument;

use crate::access::AccessLog;
use crate::admit::Admission;
use crate::cluster::{Ask, Chosen, Failed, NoAnswer, Outgoing, is_grpc};
use crate::config::Config;
use crate::cors::Cors;
use crate::error::Error;
use crate::files::Files;
use crate::guard::{Account, Bounds, Guarded};
use crate::live::Downstream;
use crate::pages::Documents;
use crate::rest;
use crate::route::{Route, Table, Target};
use crate::story::{Flag, Story};
use crate::web::request::{Protocol, native_headers};
use crate::web::response::{ToWeb, dress, has_status};
use crate::{incoming, pages, plain};

/// What every request meets; shared by all connections.
pub struct Gate {
    pub config: Config,
    pub cors: Cors,
    pub table: Table,
    pub admission: Admission,
    pub health: Health,
    pub metrics: CallMetrics,
    pub documents: Arc<Documents>,
    pub stopping: CancellationToken,
    pub clock: Clock,
    pub downstream: Arc<Downstream>,
    pub files: Option<Arc<Files>>,
    pub log: Option<Arc<AccessLog>>,
}

/// An answer's head and body, and the replica that gave it.
type Answered = (Response<Body>, Option<Chosen>);

/// A refusal, and why it is one.
type Refused = (Status, Option<Flag>);

/// A call that was let in.
#[derive(Clone, Copy)]
struct Call {
    method: &'static Method,
    protocol: Protocol,
    deadline: Option<Deadline>,
    peer: IpAddr,
}

impl Gate {
    /// Answers one request from this address. `ending` is cancelled when the connection's streams must end.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        ending: CancellationToken,
    ) -> Response<Body> {
        self.downstream.rq_total.add();
        let origin = self.cors.admitted(request.headers());
        let mut response = match self.cors.preflight(&request) {
            Some(preflight) => preflight,
            None if request.uri().path().starts_with(rest::PREFIX) => {
                // In a box: calls are many more, and stay small.
                Box::pin(rest::serve(&self, request, peer, ending)).await
            }
            None => self.answer(request, peer, ending).await,
        };
        self.cors.mark(origin, response.headers_mut());
        response
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        ending: CancellationToken,
    ) -> Response<Body> {
        match Protocol::of(request.headers()) {
            Some(protocol) => self.call(request, protocol, peer, ending).await,
            // In a box, as REST is.
            None => Box::pin(self.plain(request)).await,
        }
    }

    /// One call in one of gRPC's protocols.
    pub async fn call<B>(
        &self,
        request: Request<B>,
        protocol: Protocol,
        peer: IpAddr,
        ending: CancellationToken,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        if *request.method() != http::Method::POST {
            return plain::wrong_method();
        }
        if protocol == Protocol::Native && request.version() != Version::HTTP_2 {
            return plain::wrong_version();
        }
        let found = self.table.find(request.uri().path());
        let known = found.as_ref().ok().copied();
        let mut account = Account {
            watch: Watch::pass(&self.metrics, known, request.headers()),
            story: Story::begin(&request, known, self.log.clone(), &self.clock),
        };
        let method = match found {
            Ok(method) => method,
            Err(refused) => {
                drain(request.into_body()).await;
                return refuse(account, (refused, Some(Flag::NoRoute)), protocol);
            }
        };
        match self.admission.room(method) {
            Ok(permit) => account.watch.permit = Some(permit),
            Err(overloaded) => {
                drain(request.into_body()).await;
                return refuse(account, (overloaded, Some(Flag::OverloadManager)), protocol);
            }
        }
        let asked = Deadline::of_request(request.headers(), method);
        let target = self.table.target(method);
        let allowed = target.timeout().map(Deadline::after);
        let deadline = [asked, allowed].into_iter().flatten().min();
        let call = Call { method, protocol, deadline, peer };
        let span = account.watch.span.clone();
        let answered = {
            let mut inside =
                pin!(self.inside(request, call, target, &mut account.story).instrument(span));
            match deadline {
                // Dropping the future at the deadline cancels the call inside.
                Some(deadline) => timeout_at(deadline.at, inside.as_mut())
                    .await
                    .unwrap_or_else(|_elapsed| Err(too_late())),
                None => inside.await,
            }
        };
        match answered {
            Ok((response, chosen)) => self.finish(response, chosen, call, account, ending),
            Err(refused) => refuse(account, refused, protocol),
        }
    }

    /// What is no call: a document of somebody's, or a word of ours.
    async fn plain(&self, request: Request<Incoming>) -> Response<Body> {
        let mut story = Story::begin(&request, None, self.log.clone(), &self.clock);
        let answer = self.page(request).await;
        story.status(answer.status());
        let length = http_body::Body::size_hint(answer.body()).exact();
        story.sent(length.and_then(|length| usize::try_from(length).ok()).unwrap_or_default());
        answer
    }

    async fn page(&self, request: Request<Incoming>) -> Response<Body> {
        match self.table.document(request.uri().path()) {
            Some(route) => {
                let bytes_max = self.config.answer_bytes_max;
                let cluster = route.cluster.as_deref();
                pages::fetch(request, cluster, &self.documents, bytes_max).await
            }
            None => {
                let told = plain::probe(&request, self.health.is_serving());
                let file = || self.files.as_ref().and_then(|files| files.answer(&request));
                let described = || rest::document(&request);
                told.or_else(described).or_else(file).unwrap_or_else(|| plain::nothing(&request))
            }
        }
    }

    /// The part that the deadline covers.
    async fn inside<B>(
        &self,
        request: Request<B>,
        call: Call,
        target: Target<'_>,
        story: &mut Story,
    ) -> Result<Answered, Refused>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<StdError>,
    {
        let Call { method, protocol, .. } = call;
        if let Err(refused) = self.admit(request.headers(), call).await {
            drain(request.into_body()).await;
            return Err(refused);
        }
        let (parts, body) = request.into_parts();
        let mut headers = native_headers(parts.headers, protocol);
        trace(&mut headers);
        let body = incoming::take(body, protocol, method, &self.config).await;
        let body = body.map_err(|broken| (broken.into(), Some(Flag::DownstreamProtocolError)))?;
        match target {
            Target::Local(routes) => {
                let mut request = Request::new(body.into_body());
                *request.method_mut() = http::Method::POST;
                *request.uri_mut() = http::Uri::from_static(method.path);
                *request.headers_mut() = headers;
                let Some(answer) = routes.answer(method.service, request) else {
                    return Err((Refusal::PathUnknown.to_status(), Some(Flag::NoRoute)));
                };
                match answer.await {
                    Ok(response) => Ok((response, None)),
                    Err(never) => match never {},
                }
            }
            Target::Cluster(route) => pass_on(route, call, &headers, body, story).await,
        }
    }

    /// Whether this client may make this call, now.
    async fn admit(&self, headers: &HeaderMap, call: Call) -> Result<(), Refused> {
        let identity = self.admission.identity(call.method, headers).await;
        // Whoever tries tokens out is counted as well.
        let caller = identity.as_ref().map_or(None, Option::as_deref);
        let rate = self.admission.rate(call.method, caller, call.peer).await;
        rate.map_err(|often| (often, Some(Flag::RateLimited)))?;
        identity.map(|_caller| ()).map_err(|denied| (denied, Some(Flag::Unauthorized)))
    }

    fn finish(
        &self,
        response: Response<Body>,
        chosen: Option<Chosen>,
        call: Call,
        mut account: Account,
        ending: CancellationToken,
    ) -> Response<Body> {
        if !is_grpc(&response) {
            let away = Error::ServiceAway { role: call.method.role };
            let why = Some(Flag::UpstreamConnectionTermination);
            return refuse(account, (away.into(), why), call.protocol);
        }
        let (mut parts, body) = response.into_parts();
        dress(&mut parts, call.protocol);
        account.story.status(parts.status);
        if has_status(&parts.headers) {
            account.see(&parts.headers);
            return Response::from_parts(parts, Body::empty());
        }
        let bounds = self.bounds(call, ending);
        let guarded = Guarded::new(body, account, bounds, self.config.answer_bytes_max, chosen);
        let body = match call.protocol {
            Protocol::Native => Body::new(guarded),
            Protocol::Web { answer, .. } => Body::new(ToWeb::new(guarded, answer)),
        };
        Response::from_parts(parts, body)
    }

    /// Lines of the access log that were lost.
    pub fn log_dropped(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.dropped())
    }

    fn bounds(&self, call: Call, ending: CancellationToken) -> Bounds {
        let streaming = call.method.server_streaming;
        let life = streaming.then(|| Deadline::after(self.config.serve.stream_life_max).at);
        let deadline = call.deadline.map(|deadline| deadline.at);
        let over_first = match (deadline, life) {
            (Some(deadline), Some(life)) => deadline < life,
            (deadline, _) => deadline.is_some(),
        };
        Bounds {
            end: if over_first { deadline } else { life },
            when_over: if over_first { Refusal::DeadlineExceeded } else { Refusal::StreamLifeOver },
            ending: streaming.then_some(ending),
            stopping: self.stopping.clone(),
            idle: streaming.then_some(self.config.stream_idle),
        }
    }
}

/// To a replica of the cluster that the method's route leads to.
async fn pass_on(
    route: Option<&Route>,
    call: Call,
    headers: &HeaderMap,
    body: Outgoing,
    story: &mut Story,
) -> Result<Answered, Refused> {
    let Call { method, deadline, .. } = call;
    let away = || Error::ServiceAway { role: method.role }.into();
    let Some(route) = route else { return Err((away(), Some(Flag::NoRoute))) };
    story.took(&route.red);
    let Some(cluster) = &route.cluster else { return Err((away(), Some(Flag::NoRoute))) };
    let ask = Ask { method, headers, deadline, policy: &route.retry };
    match cluster.call(ask, body).await {
        Ok((response, chosen)) => {
            story.answered_by(&chosen);
            Ok((response, Some(chosen)))
        }
        Err(NoAnswer { failed, attempts, retries_spent }) => {
            story.failed(failed, attempts, retries_spent);
            let status = match failed {
                Failed::Full => Error::ServiceFull { role: method.role }.into(),
                Failed::TooLate => return Err(too_late()),
                Failed::Request => Error::RequestBroken.into(),
                Failed::NoHost | Failed::Connect | Failed::Reset => away(),
            };
            Err((status, None))
        }
    }
}

fn too_late() -> Refused {
    (Refusal::DeadlineExceeded.to_status(), Some(Flag::UpstreamRequestTimeout))
}

/// The gate's own span is the parent of what happens inside. Untraced, the client's word goes on as it is.
fn trace(headers: &mut HeaderMap) {
    let trace = trace_context::current().and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(trace) = trace {
        headers.insert(trace_context::HEADER, trace);
    }
}

/// A status of ours: HTTP 200, the status in the headers, no body. Clients ignore it anywhere else.
fn refuse(mut account: Account, (status, why): Refused, protocol: Protocol) -> Response<Body> {
    if let Some(flag) = why {
        account.story.flag(flag);
    }
    account.end(status.code());
    let (mut parts, body) = status.into_http::<Body>().into_parts();
    dress(&mut parts, protocol);
    account.story.status(parts.status);
    Response::from_parts(parts, body)
}
