//! The only file that knows all parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use parkmesh_platform::auth::Verifier;
use parkmesh_platform::channel::ChannelError;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{self, CallMetrics, Routes, Running, Shed, add_common};
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accept;
use crate::admit::Admission;
use crate::call::Gate;
use crate::config::{self, Config};
use crate::cors::Cors;
use crate::pages::Documents;
use crate::route::{Table, public_services};
use crate::upstream::Upstream;

/// What the gateway is given.
pub struct Deps {
    /// Where to listen.
    pub listener: TcpListener,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub ids: Ids,
    /// Who may call.
    pub verifier: Verifier,
}

/// The gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listener or reflection.
    #[error("the gateway cannot serve")]
    Serve(#[from] serve::StartError),
    /// An address of a service.
    #[error("a service's address is not usable")]
    Upstream(#[from] ChannelError),
}

/// Begins to answer. Health says NOT_SERVING until [`Running::ready`].
///
/// # Errors
/// When the listener has no address, an upstream's address is not usable, or the descriptors are broken.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, verifier } = deps;
    let addr = listener.local_addr().map_err(serve::StartError::from)?;
    let tasks = Tasks::new(&clock);
    let mut local = Routes::default();
    let descriptors = parkmesh_contracts::FILE_DESCRIPTOR_SET;
    let reflection = config.serve.reflection;
    let health = add_common(&mut local, public_services(), descriptors, reflection).await?;
    let meter = telemetry::meter();
    let shed = Arc::new(Shed::new(config.serve.calls_max, config.serve.streams_max));
    serve::gauge_in_flight(&meter, "gateway", &shed);
    let stopping = CancellationToken::new();
    let gate = Arc::new(Gate {
        cors: Cors::new(&config.cors),
        table: Table::new(upstreams(&config, &ids, &tasks)?, local),
        admission: Admission::new(verifier, shed),
        health: health.clone(),
        metrics: CallMetrics::gateway(&meter),
        documents: Documents::default(),
        stopping: stopping.clone(),
        config,
    });
    let mut accepting = JoinSet::new();
    accepting.spawn(accept::run(listener, gate, ids));
    tracing::info!(server = "gateway", %addr, "listening");
    let mut running = Running::new(addr, Some(health), stopping);
    running.on_stop("gateway", async move { while accepting.join_next().await.is_some() {} });
    running.on_stop("tasks", async move { tasks.stop().await });
    Ok(running)
}

/// Ways to every role that has an address.
fn upstreams(
    config: &Config,
    ids: &Ids,
    tasks: &Tasks,
) -> Result<BTreeMap<&'static str, Upstream>, ChannelError> {
    let known = config::roles().filter_map(|role| Some((role, config.upstreams.get(role)?)));
    known.map(|(role, to)| Ok((role, Upstream::start(role, to, ids, tasks)?))).collect()
}
