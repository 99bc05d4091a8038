//! The client side of every call between services: `BookingServiceClient::new(channel.clone())`.
//!
//! A call is given the token of the service, the time that its own caller still waits (`grpc-timeout`) and
//! the trace; goes to the less busy of two live endpoints; and is repeated, if the method table says that it
//! may be and the budget allows, when an endpoint is away. tonic's own balanced channel keeps choosing dead
//! endpoints (grpc/grpc-rust #2839), and its timeouts send no `grpc-timeout`.

mod attempt;
mod budget;
mod endpoints;

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use crate::auth::ServiceToken;
use crate::config::Reader;
use crate::ids::Ids;
use crate::serve::observe::CallMetrics;
use crate::tasks::Tasks;
use crate::telemetry;

use budget::Budget;
use endpoints::Endpoints;

/// Where a service is.
#[derive(Clone, Debug, Default)]
pub struct ChannelConfig {
    /// `http://host:port`, one or more. A name that stands for several addresses (a headless Kubernetes
    /// service) is looked up again and again, and calls are spread over all of them.
    pub endpoints: Vec<String>,
}

impl ChannelConfig {
    /// Reads `PARKMESH_<name>`, comma-separated addresses; their absence is a mistake.
    pub fn read(name: &str, reader: &mut Reader) -> Self {
        let endpoints = reader.list(name);
        if endpoints.is_empty() {
            reader
                .mistake(format!("PARKMESH_{name} is not set; for example http://127.0.0.1:7001"));
        }
        Self { endpoints }
    }

    /// One address.
    pub fn of(endpoint: impl Into<String>) -> Self {
        Self { endpoints: vec![endpoint.into()] }
    }
}

/// An address is not usable.
#[derive(Debug, thiserror::Error)]
#[error("{endpoint} is not an address like http://127.0.0.1:7001")]
pub struct ChannelError {
    /// What was given.
    pub endpoint: String,
}

/// A way to one service. Cheap to clone; clones share connections and budget.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    endpoints: Endpoints,
    token: ServiceToken,
    budget: Budget,
    metrics: CallMetrics,
    ids: Ids,
}

impl Channel {
    /// Connects when it is first used, and again whenever a connection is lost; looks names up until `tasks`
    /// ends.
    ///
    /// # Errors
    /// When an address is not usable, or there is none.
    pub fn connect(
        config: &ChannelConfig,
        token: ServiceToken,
        tasks: &Tasks,
    ) -> Result<Self, ChannelError> {
        let endpoints = Endpoints::start(&config.endpoints, tasks)?;
        let metrics = CallMetrics::client(&telemetry::meter());
        let inner =
            Inner { endpoints, token, budget: Budget::default(), metrics, ids: Ids::random() };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Whether there is a live endpoint shows when the call is made: an answer is better than a wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { Ok(inner.call(request).await) })
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("endpoints", &self.inner.endpoints).finish_non_exhaustive()
    }
}
