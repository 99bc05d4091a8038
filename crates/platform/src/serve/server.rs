//! Puts a server together.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use parkmesh_contracts::methods::{self, Method};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tower::Service;

use super::hooks::{Hooked, Hooks};
use super::lanes::Lanes;
use super::observe::{CallMetrics, gauge_in_flight};
use super::pages::{Below, Pages};
use super::routes::Routes;
use super::shed::Shed;
use super::stack::Stack;
use super::{Health, Running, ServeConfig, accept};
use crate::auth::Verifier;
use crate::ids::Ids;
use crate::telemetry;

/// Where the policy of a path is looked up.
pub type MethodTable = fn(&str) -> Option<&'static Method>;

/// The server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listener is not usable.
    #[error("the listener has no address")]
    Listener(#[from] std::io::Error),
    /// There are no threads for its calls.
    #[error("no thread was given for calls")]
    Threads(#[source] std::io::Error),
    /// The descriptors do not fit together.
    #[error("reflection cannot read the descriptors")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A server before its start.
pub struct Server {
    name: &'static str,
    config: ServeConfig,
    ids: Ids,
    verifier: Verifier,
    table: MethodTable,
    descriptors: &'static [u8],
    routes: Routes,
    pages: Option<Below>,
    hooks: Option<Hooked>,
    stopping: CancellationToken,
}

impl Server {
    /// A server of this name without services. Its policy is the contracts' method table.
    pub fn new(name: &'static str, config: ServeConfig, ids: &Ids, verifier: &Verifier) -> Self {
        Self {
            name,
            config,
            ids: ids.clone(),
            verifier: verifier.clone(),
            table: methods::find,
            descriptors: parkmesh_contracts::FILE_DESCRIPTOR_SET,
            routes: Routes::default(),
            pages: None,
            hooks: None,
            stopping: CancellationToken::new(),
        }
    }

    /// Adds a generated server.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
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
        self.routes.add(service);
        self
    }

    /// Answers plain HTTP below this prefix with documents that anybody may read, without a token.
    #[must_use]
    pub fn pages(mut self, prefix: &'static str, pages: Arc<dyn Pages>) -> Self {
        self.pages = Some(Below { prefix, pages });
        self
    }

    /// Takes what outside systems post below this prefix, without a token.
    #[must_use]
    pub fn hooks(mut self, prefix: &'static str, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(Hooked { prefix, hooks });
        self
    }

    /// Another policy than the contracts': for services that no contract names, as in tests.
    #[must_use]
    pub fn methods(mut self, table: MethodTable) -> Self {
        self.table = table;
        self
    }

    /// Cancelled when the server begins to stop. Handlers need not look at it: their streams are
    /// ended for them; [`super::stopping`] tells the same inside a call.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Begins to answer on this listener. Health says NOT_SERVING until [`Health::serving`].
    ///
    /// # Errors
    /// When the listener has no address, the descriptors are broken, or there are no threads.
    pub async fn start(mut self, listener: TcpListener) -> Result<Running, StartError> {
        let addr = listener.local_addr()?;
        let names = self.routes.names();
        let health =
            add_common(&mut self.routes, names, self.descriptors, self.config.reflection).await?;
        let meter = telemetry::meter();
        let shed = Arc::new(Shed::new(self.config.calls_max, self.config.streams_max));
        gauge_in_flight(&meter, self.name, &shed);
        let stack = Arc::new(Stack {
            routes: self.routes,
            pages: self.pages,
            hooks: self.hooks,
            table: self.table,
            verifier: self.verifier,
            shed,
            metrics: CallMetrics::server(&meter),
            stream_life_max: self.config.stream_life_max,
            stopping: self.stopping.clone(),
        });
        let mut accepting = JoinSet::new();
        let lanes = Lanes::open(self.config.threads).map_err(StartError::Threads)?;
        accepting.spawn(accept::run(listener, stack, lanes, self.config, self.ids));
        tracing::info!(server = self.name, %addr, "listening");
        Ok(running(addr, health, self.stopping, accepting))
    }
}

/// Adds what every server has: health of these services and, if asked for, reflection v1 and v1alpha.
///
/// # Errors
/// When the descriptors are broken.
pub async fn add_common(
    routes: &mut Routes,
    mut names: Vec<&'static str>,
    descriptors: &'static [u8],
    reflection: bool,
) -> Result<Health, StartError> {
    let health = Health::new(names.clone()).await;
    routes.add(HealthServer::new(health.service()));
    if !reflection {
        return Ok(health);
    }
    names.push(<HealthServer<HealthService> as NamedService>::NAME);
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let named = |builder: tonic_reflection::server::Builder<'static>| {
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    // The descriptors tell of every contract; only the services of this process are advertised.
    let v1 = named(builder()).build_v1()?;
    let v1alpha = named(builder()).build_v1alpha()?;
    routes.add(v1);
    routes.add(v1alpha);
    Ok(health)
}

fn running(
    addr: SocketAddr,
    health: Health,
    stopping: CancellationToken,
    mut accepting: JoinSet<()>,
) -> Running {
    let mut running = Running::new(addr, Some(health), stopping);
    running.on_stop("grpc", async move { while accepting.join_next().await.is_some() {} });
    running
}
