//! The only file that knows all parts.

use std::sync::Arc;

use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{self, CallMetrics, Routes, Running, Shed, add_common};
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::live::{ApplyError, Kept, Live};
use crate::red::Reds;
use crate::route::public_services;
use crate::{admin, reload};

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
    /// What the settings ask for.
    #[error("the gateway's settings cannot be met")]
    Apply(#[from] ApplyError),
}

/// Begins to answer. Health says NOT_SERVING until [`Running::ready`].
///
/// # Errors
/// When a listener cannot be opened, or the descriptors are broken.
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
    let source = config.source.clone();
    let kept = Kept {
        verifier,
        shed,
        health: health.clone(),
        metrics: CallMetrics::gateway(&meter),
        documents: Arc::default(),
        local: Arc::new(local),
        stopping: stopping.clone(),
        ids,
        tasks: tasks.clone(),
        clock,
        reds: Reds::default(),
        downstream: Arc::default(),
    };
    let admin = config.admin;
    let live = Arc::new(Live::start(kept, config).await?);
    live.open().await?;
    if let Some(address) = admin {
        admin::serve(live.bind_admin(address).await?, &live, &tasks);
    }
    live.listen(listener);
    tracing::info!(server = "gateway", %addr, "listening");
    if let Some(source) = &source {
        reload::follow(&live, source, &tasks);
    }
    let mut running = Running::new(addr, Some(health), stopping);
    running.on_stop("gateway", async move { live.drained().await });
    running.on_stop("tasks", async move { tasks.stop().await });
    Ok(running)
}
