//! One request's way through the gate, step by step, from the outside in: origin, protocol, room,
//! deadline, token, body, replica; and its answer's way out.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use parkmesh_contracts::methods::Method;
use parkmesh_platform::serve::{CallMetrics, Deadline, Health, Refusal, Watch};
use parkmesh_platform::telemetry::trace_context;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tracing::Instrument;

use crate::admit::Admission;
use crate::cluster::{Ask, Chosen, Failed, Outgoing, is_grpc};
use crate::config::Config;
use crate::cors::Cors;
use crate::error::Error;
use crate::guard::{Bounds, Guarded};
use crate::pages::Documents;
use crate::route::{self, Route, Table, Target};
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
}

/// An answer's head and body, and the replica that gave it.
type Answered = (Response<Body>, Option<Chosen>);

/// A call that was let in.
#[derive(Clone, Copy)]
struct Call {
    method: &'static Method,
    protocol: Protocol,
    deadline: Option<Deadline>,
}

impl Gate {
    /// Answers one request. `ending` is cancelled when the connection's streams must end.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        ending: CancellationToken,
    ) -> Response<Body> {
        let origin = self.cors.admitted(request.headers());
        let mut response = match self.cors.preflight(&request) {
            Some(preflight) => preflight,
            None => self.answer(request, ending).await,
        };
        self.cors.mark(origin, response.headers_mut());
        response
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        ending: CancellationToken,
    ) -> Response<Body> {
        let Some(protocol) = Protocol::of(request.headers()) else {
            return self.plain(request).await;
        };
        if *request.method() != http::Method::POST {
            return plain::wrong_method();
        }
        if protocol == Protocol::Native && request.version() != Version::HTTP_2 {
            return plain::wrong_version();
        }
        let found = route::find_method(request.uri().path());
        let known = found.as_ref().ok().copied();
        let mut watch = Watch::start(&self.metrics, known, request.headers());
        let method = match found {
            Ok(method) => method,
            Err(refused) => return refuse(watch, &refused, protocol),
        };
        match self.admission.room(method) {
            Ok(permit) => watch.permit = Some(permit),
            Err(overloaded) => return refuse(watch, &overloaded, protocol),
        }
        let asked = Deadline::of_request(request.headers(), method);
        let allowed = self.table.timeout(method).map(Deadline::after);
        let deadline = [asked, allowed].into_iter().flatten().min();
        let call = Call { method, protocol, deadline };
        let inside = self.inside(request, call).instrument(watch.span.clone());
        let answered = match deadline {
            // Dropping the future at the deadline cancels the call inside.
            Some(deadline) => timeout_at(deadline.at, inside)
                .await
                .unwrap_or_else(|_elapsed| Err(Refusal::DeadlineExceeded.to_status())),
            None => inside.await,
        };
        match answered {
            Ok((response, chosen)) => self.finish(response, chosen, call, watch, ending),
            Err(refused) => refuse(watch, &refused, protocol),
        }
    }

    /// What is no call: a document of somebody's, or a word of ours.
    async fn plain(&self, request: Request<Incoming>) -> Response<Body> {
        match self.table.document(request.uri().path()) {
            Some(route) => {
                let bytes_max = self.config.answer_bytes_max;
                let cluster = route.cluster.as_deref();
                pages::fetch(request, cluster, &self.documents, bytes_max).await
            }
            None => plain::answer(&request, self.health.is_serving()),
        }
    }

    /// The part that the deadline covers.
    async fn inside(&self, request: Request<Incoming>, call: Call) -> Result<Answered, Status> {
        let Call { method, protocol, .. } = call;
        self.admission.identity(method, request.headers()).await?;
        let (parts, body) = request.into_parts();
        let mut headers = native_headers(parts.headers, protocol);
        trace(&mut headers);
        let body = incoming::take(body, protocol, method, &self.config).await?;
        match self.table.target(method) {
            Target::Local(routes) => {
                let mut request = Request::new(body.into_body());
                *request.method_mut() = http::Method::POST;
                *request.uri_mut() = http::Uri::from_static(method.path);
                *request.headers_mut() = headers;
                let Some(answer) = routes.answer(method.service, request) else {
                    return Err(Refusal::PathUnknown.to_status());
                };
                match answer.await {
                    Ok(response) => Ok((response, None)),
                    Err(never) => match never {},
                }
            }
            Target::Cluster(route) => pass_on(route, call, &headers, body).await,
        }
    }

    fn finish(
        &self,
        response: Response<Body>,
        chosen: Option<Chosen>,
        call: Call,
        mut watch: Watch,
        ending: CancellationToken,
    ) -> Response<Body> {
        if !is_grpc(&response) {
            let away = Error::ServiceAway { role: call.method.role };
            return refuse(watch, &away.into(), call.protocol);
        }
        let (mut parts, body) = response.into_parts();
        dress(&mut parts, call.protocol);
        if has_status(&parts.headers) {
            watch.see(&parts.headers);
            return Response::from_parts(parts, Body::empty());
        }
        let bounds = self.bounds(call, ending);
        let guarded = Guarded::new(body, watch, bounds, self.config.answer_bytes_max, chosen);
        let body = match call.protocol {
            Protocol::Native => Body::new(guarded),
            Protocol::Web { answer, .. } => Body::new(ToWeb::new(guarded, answer)),
        };
        Response::from_parts(parts, body)
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
        }
    }
}

/// To a replica of the cluster that the method's route leads to.
async fn pass_on(
    route: Option<&Route>,
    call: Call,
    headers: &HeaderMap,
    body: Outgoing,
) -> Result<Answered, Status> {
    let Call { method, deadline, .. } = call;
    let away = Error::ServiceAway { role: method.role };
    let Some((route, cluster)) = route.and_then(|route| Some((route, route.cluster.as_ref()?)))
    else {
        return Err(away.into());
    };
    let ask = Ask { method, headers, deadline, policy: &route.retry };
    match cluster.call(ask, body).await {
        Ok((response, chosen)) => Ok((response, Some(chosen))),
        Err(Failed::Full) => Err(Error::ServiceFull { role: method.role }.into()),
        Err(Failed::TooLate) => Err(Refusal::DeadlineExceeded.to_status()),
        Err(Failed::NoHost | Failed::Connect | Failed::Reset) => Err(away.into()),
    }
}

/// The gateway's own span the parent of what happens inside. Untraced, the client's word goes on as it is.
fn trace(headers: &mut HeaderMap) {
    let trace = trace_context::current().and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(trace) = trace {
        headers.insert(trace_context::HEADER, trace);
    }
}

/// A status of ours: HTTP 200, the status in the headers, no body. Clients ignore it anywhere else.
fn refuse(mut watch: Watch, status: &Status, protocol: Protocol) -> Response<Body> {
    watch.end(status.code());
    let (mut parts, body) = status.clone().into_http::<Body>().into_parts();
    dress(&mut parts, protocol);
    Response::from_parts(parts, body)
}
