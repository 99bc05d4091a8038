//! The client side of every call between services: `BookingServiceClient::new(channel.clone())`.
//!
//! A call is given what proves our name (a token; with mTLS the certificate of the connection does), the time
//! that its own caller still waits (`grpc-timeout`) and the trace; goes to the less busy of two live endpoints; and is repeated, if the method table says that it
//! may be and the budget allows, when an endpoint is away. tonic's own balanced channel keeps choosing dead
//! endpoints (grpc/grpc-rust #2839), and its timeouts send no `grpc-timeout`.

mod attempt;
mod budget;
mod dial;
mod endpoints;

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tower::Service;

use crate::auth::Credential;
use crate::config::Reader;
use crate::ids::Ids;
use crate::serve::observe::CallMetrics;
use crate::tasks::Tasks;
use crate::telemetry;
use crate::tls::NameError;

use budget::Budget;
use dial::Dialer;
use endpoints::Endpoints;

/// Where a service is.
#[derive(Clone, Debug, Default)]
pub struct ChannelConfig {
    /// Its name, `payment`: with mTLS nobody else is spoken to.
    pub service: String,
    /// `http://host:port`, one or more. A name that stands for several addresses (a headless Kubernetes
    /// service) is looked up again and again, and calls are spread over all of them.
    pub endpoints: Vec<String>,
}

impl ChannelConfig {
    /// Reads `PARKMESH_<SERVICE>_URL`, comma-separated addresses; their absence is a mistake.
    pub fn read(service: &str, reader: &mut Reader) -> Self {
        let name = format!("{}_URL", service.to_ascii_uppercase().replace('-', "_"));
        let endpoints = reader.list(&name);
        if endpoints.is_empty() {
            reader
                .mistake(format!("PARKMESH_{name} is not set; for example http://127.0.0.1:7001"));
        }
        Self { service: service.to_owned(), endpoints }
    }

    /// One address.
    pub fn of(service: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { service: service.into(), endpoints: vec![endpoint.into()] }
    }
}

/// Nobody can be called like this.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// An address is not usable.
    #[error("{0} is not an address like http://127.0.0.1:7001")]
    NotAnAddress(String),
    /// No certificate can name the service.
    #[error("nobody can prove to be this service")]
    NoName(#[from] NameError),
}

/// A way to one service. Cheap to clone; clones share connections and budget.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    endpoints: Endpoints,
    credential: Credential,
    budget: Budget,
    metrics: CallMetrics,
    ids: Ids,
}

impl Channel {
    /// Connects when it is first used, and again whenever a connection is lost; looks names up until `tasks`
    /// ends.
    ///
    /// # Errors
    /// When an address is not usable, or there is none, or no certificate can name the service.
    pub fn connect(
        config: &ChannelConfig,
        credential: impl Into<Credential>,
        tasks: &Tasks,
    ) -> Result<Self, ChannelError> {
        let credential = credential.into();
        let dialer = Dialer::to(&config.service, &credential)?;
        let endpoints = Endpoints::start(&config.endpoints, dialer, tasks)?;
        let metrics = CallMetrics::client(&telemetry::meter());
        let (budget, ids) = (Budget::default(), Ids::random());
        let inner = Inner { endpoints, credential, budget, metrics, ids };
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
