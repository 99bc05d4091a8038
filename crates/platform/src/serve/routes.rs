//! From a path to the service that answers it.

use std::collections::HashMap;
use std::convert::Infallible;

use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::NamedService;
use tower::Service;

/// A generated server, with its type forgotten.
trait Answer: Send + Sync {
    fn answer(&self, request: Request<Body>) -> BoxFuture<Response<Body>, Infallible>;
}

impl<S> Answer for S
where
    S: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        > + Clone
        + Send
        + Sync,
{
    fn answer(&self, request: Request<Body>) -> BoxFuture<Response<Body>, Infallible> {
        // Generated servers are a reference count and always ready.
        self.clone().call(request)
    }
}

/// The services of a server by their full names.
#[derive(Default)]
pub struct Routes {
    services: HashMap<&'static str, Box<dyn Answer>>,
}

impl Routes {
    /// Adds a generated server.
    pub fn add<S>(&mut self, service: S)
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.services.insert(S::NAME, Box::new(service));
    }

    /// Whether this service is one of ours.
    pub fn has(&self, service: &str) -> bool {
        self.services.contains_key(service)
    }

    /// The full names of all of them.
    pub fn names(&self) -> Vec<&'static str> {
        self.services.keys().copied().collect()
    }

    /// The answer of this service, if it is one of ours.
    pub fn answer(
        &self,
        service: &str,
        request: Request<Body>,
    ) -> Option<BoxFuture<Response<Body>, Infallible>> {
        self.services.get(service).map(|answer| answer.answer(request))
    }
}

/// The service's name in `/package.Service/Method`.
pub(super) fn service_of(path: &str) -> Option<&str> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    (!service.is_empty() && !method.is_empty() && !method.contains('/')).then_some(service)
}
