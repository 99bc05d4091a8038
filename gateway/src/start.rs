//! The only file that knows all parts.

use std::sync::Arc;

use parkmesh_platform::auth::Verifier;
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
use crate::cluster::Cluster;
use crate::config::Config;
use crate::cors::Cors;
use crate::pages::Documents;
use crate::route::{Clusters, Table, public_services};

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
}

/// Begins to answer. Health says NOT_SERVING until [`Running::ready`].
///
/// # Errors
/// When the listener has no address, or the descriptors are broken.
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
    let clusters = clusters(&config, &ids, &tasks).await;
    let gate = Arc::new(Gate {
        cors: Cors::new(&config.cors),
        table: Table::new(&config.routes, &clusters, local),
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

/// Ways to everybody behind the gate.
async fn clusters(config: &Config, ids: &Ids, tasks: &Tasks) -> Clusters {
    let started = config.clusters.iter().map(|one| Cluster::start(one.clone(), ids, tasks));
    let started = futures_util::future::join_all(started).await;
    started.into_iter().map(|cluster| (cluster.config.name.clone(), cluster)).collect()
}
