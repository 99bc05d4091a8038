//! One call, from the headers that it is given to its answer, over as many attempts as it may have.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use parkmesh_contracts::methods::{self, Method};
use tonic::body::Body;
use tonic::{Code, Status};

use super::Inner;
use crate::auth::Credential;
use crate::serve::deadline::{self, Deadline, GRPC_TIMEOUT, now};
use crate::serve::{Call, status_with_reason};
use crate::telemetry::trace_context;

/// Attempts that one call may have in all.
const ATTEMPTS_MAX: u32 = 4;
/// First wait before a repetition, doubled each time and jittered.
const RETRY_WAIT: Duration = Duration::from_millis(25);
/// Largest request that is kept for a repetition, and largest unary answer, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How an attempt ended.
enum Outcome {
    /// With an answer, good or bad.
    Answered(Response<Body>),
    /// Nobody there, or nobody who would take it: another attempt can do no harm if the method may be
    /// repeated.
    Away(Status),
}

impl Inner {
    pub(super) async fn call(&self, mut request: Request<Body>) -> Response<Body> {
        let method = methods::find(request.uri().path());
        let deadline = deadline_of(request.headers(), method);
        self.budget.earn();
        self.introduce(request.headers_mut());
        let started = now();
        let call = self.attempts(request, method, deadline);
        let answered = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.at, call)
                .await
                .unwrap_or_else(|_elapsed| Err(too_late())),
            None => call.await,
        };
        let response = answered.unwrap_or_else(Status::into_http);
        let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |told| told.code());
        self.metrics.record(method.map_or("unknown", |method| method.path), code, started);
        response
    }

    fn introduce(&self, headers: &mut HeaderMap) {
        if let Credential::Token(token) = &self.credential
            && let (false, Some(token)) = (headers.contains_key(AUTHORIZATION), token.header())
        {
            headers.insert(AUTHORIZATION, token);
        }
        let trace = trace_context::current().and_then(|text| HeaderValue::try_from(text).ok());
        if let Some(trace) = trace {
            headers.insert(trace_context::HEADER, trace);
        }
    }

    async fn attempts(
        &self,
        request: Request<Body>,
        method: Option<&'static Method>,
        deadline: Option<Deadline>,
    ) -> Result<Response<Body>, Status> {
        let unary =
            method.is_some_and(|method| !method.server_streaming && !method.client_streaming);
        let repeatable = method
            .is_some_and(|method| !method.client_streaming && method.idempotency.is_repeatable());
        if !repeatable {
            return match self.attempt(request, deadline, unary).await {
                Outcome::Answered(response) => Ok(response),
                Outcome::Away(status) => Err(status),
            };
        }
        let (parts, body) = request.into_parts();
        let body = collect(body).await?;
        let mut attempt = 1;
        loop {
            let again = Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
            match self.attempt(again, deadline, unary).await {
                Outcome::Answered(response) => return Ok(response),
                Outcome::Away(status) => {
                    if attempt >= ATTEMPTS_MAX || !self.budget.spend() {
                        return Err(status);
                    }
                }
            }
            let wait = RETRY_WAIT * (1 << attempt);
            tokio::time::sleep_until(now() + wait.mul_f64(0.5 + self.ids.fraction())).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        mut request: Request<Body>,
        deadline: Option<Deadline>,
        unary: bool,
    ) -> Outcome {
        if let Some(deadline) = deadline {
            let left = deadline::format(deadline.remaining());
            request.headers_mut().insert(GRPC_TIMEOUT, left);
        }
        let chosen = self.endpoints.choose(&self.ids);
        let response = match chosen.send(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%error, "an endpoint is away");
                return Outcome::Away(away());
            }
        };
        let told = Status::from_header_map(response.headers());
        if let Some(status) = told.filter(|status| status.code() == Code::Unavailable) {
            return Outcome::Away(status);
        }
        if !unary {
            return Outcome::Answered(response);
        }
        // Unary answers are read here, so that the deadline covers them to the last byte.
        let (parts, body) = response.into_parts();
        match Limited::new(body, MESSAGE_BYTES_MAX).collect().await {
            Ok(whole) => Outcome::Answered(Response::from_parts(parts, Body::new(whole))),
            Err(error) => {
                tracing::debug!(%error, "an answer broke off");
                Outcome::Away(away())
            }
        }
    }
}

/// The earliest of: what the caller set, what the call that we serve has left, what the table allows.
fn deadline_of(headers: &HeaderMap, method: Option<&'static Method>) -> Option<Deadline> {
    let asked = headers.get(GRPC_TIMEOUT).and_then(deadline::parse).map(Deadline::after);
    let allowed = method.and_then(deadline::default_of).map(Deadline::after);
    let served = Call::current().and_then(|call| call.deadline);
    [asked, allowed, served].into_iter().flatten().min()
}

async fn collect(body: Body) -> Result<Bytes, Status> {
    let whole = Limited::new(body, MESSAGE_BYTES_MAX).collect().await;
    whole.map(http_body_util::Collected::to_bytes).map_err(|error| {
        Status::resource_exhausted(format!("the request could not be read: {error}"))
    })
}

fn away() -> Status {
    let retry = Some(Duration::from_millis(200));
    status_with_reason(Code::Unavailable, "SERVICE_AWAY", "a service is out of reach", retry)
}

fn too_late() -> Status {
    let message = "a service did not answer in time";
    status_with_reason(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message, None)
}
