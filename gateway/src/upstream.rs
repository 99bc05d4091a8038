//! The way to one role's replicas.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use parkmesh_contracts::methods::Method;
use parkmesh_platform::channel::{Budget, ChannelError, Chosen, Endpoints};
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Deadline, GRPC_TIMEOUT};
use parkmesh_platform::tasks::Tasks;
use tonic::ConnectError;
use tonic::body::Body;

use crate::error::Error;

/// How long the head of a document may take.
const DOCUMENT_WAIT: Duration = Duration::from_secs(5);

/// A request's body on its way inwards.
#[derive(Debug)]
pub enum Outgoing {
    /// All of it: can be sent again.
    Whole(Bytes),
    /// As it comes: only once.
    Stream(Body),
}

impl Outgoing {
    /// The body for one attempt.
    fn take(&mut self) -> Body {
        match self {
            Self::Whole(bytes) => Body::new(Full::new(bytes.clone())),
            Self::Stream(body) => std::mem::take(body),
        }
    }

    /// The body, for a service in this process.
    pub fn into_body(mut self) -> Body {
        self.take()
    }
}

/// The replicas of a role. The less busy of two gets the call.
#[derive(Debug)]
pub struct Upstream {
    role: &'static str,
    endpoints: Endpoints,
    budget: Budget,
    ids: Ids,
}

/// An answer, and the replica that it counts against until it is read.
pub type Answered = (Response<Body>, Chosen);

impl Upstream {
    /// Connects when first used; looks names up until `tasks` ends.
    ///
    /// # Errors
    /// When an address is not usable, or there is none.
    pub fn start(
        role: &'static str,
        addresses: &[String],
        ids: &Ids,
        tasks: &Tasks,
    ) -> Result<Self, ChannelError> {
        let endpoints = Endpoints::start(addresses, tasks)?;
        Ok(Self { role, endpoints, budget: Budget::default(), ids: ids.clone() })
    }

    /// Sends a call and waits for the answer's head. Nothing has gone to the client at this point, so a
    /// call that no replica has seen, or that may be seen twice, gets a second attempt if the budget
    /// allows one.
    ///
    /// # Errors
    /// [`Error::ServiceAway`] when no head came back.
    pub async fn call(
        &self,
        method: &Method,
        headers: &HeaderMap,
        mut body: Outgoing,
        deadline: Option<Deadline>,
    ) -> Result<Answered, Error> {
        self.budget.earn();
        let again = matches!(body, Outgoing::Whole(_));
        let failed = match self.attempt(method, headers, body.take(), deadline).await {
            Ok(answered) => return Ok(answered),
            Err(failed) => failed,
        };
        let harmless = method.idempotency.is_repeatable() || was_never_sent(&failed);
        let away = Error::ServiceAway { role: self.role };
        if !again || !harmless || !self.budget.spend() {
            return Err(away);
        }
        self.attempt(method, headers, body.take(), deadline).await.map_err(|_| away)
    }

    /// Fetches a document, in the time that one may take.
    ///
    /// # Errors
    /// [`Error::ServiceAway`] when no head came back in time.
    pub async fn fetch(&self, mut request: Request<Body>) -> Result<Response<Body>, Error> {
        *request.version_mut() = http::Version::HTTP_2;
        let chosen = self.endpoints.choose(&self.ids);
        let away = Error::ServiceAway { role: self.role };
        let until = Deadline::after(DOCUMENT_WAIT);
        match tokio::time::timeout_at(until.at, chosen.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::debug!(role = self.role, %error, "a replica is away");
                Err(away)
            }
            Err(_elapsed) => Err(away),
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: Body,
        deadline: Option<Deadline>,
    ) -> Result<Answered, tonic::transport::Error> {
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = Uri::from_static(method.path);
        *request.headers_mut() = headers.clone();
        if let Some(deadline) = deadline {
            request.headers_mut().insert(GRPC_TIMEOUT, deadline.header());
        }
        let chosen = self.endpoints.choose(&self.ids);
        match chosen.send(request).await {
            Ok(response) => Ok((response, chosen)),
            Err(error) => {
                tracing::debug!(role = self.role, %error, "a replica is away");
                Err(error)
            }
        }
    }
}

/// Whether the connection was never made.
fn was_never_sent(error: &tonic::transport::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether a service answered at all, rather than something in its place.
pub fn is_grpc(response: &Response<Body>) -> bool {
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    response.status() == http::StatusCode::OK && content_type.is_some_and(grpc)
}
