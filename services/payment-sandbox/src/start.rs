//! Puts the sandbox together.

use std::sync::{Arc, RwLock};

use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::app::desk::{self, Desk};
use crate::app::{App, settle, webhook};
use crate::http;

/// What the sandbox is given.
#[derive(Debug)]
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub ids: Ids,
    /// Its own schema, `payment_sandbox`.
    pub pool: PgPool,
}

/// The sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listener is not usable.
    #[error("the listener has no address")]
    Listener(#[from] std::io::Error),
    /// No webhook can be sent.
    #[error("no HTTP client for webhooks")]
    Client(#[from] reqwest::Error),
}

/// Starts to answer.
///
/// # Errors
/// When the listener has no address or no HTTP client can be made.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, pool } = deps;
    let addr = listener.local_addr()?;
    let (tasks, stopping) = (Tasks::new(&clock), CancellationToken::new());
    let (desk, waiting) = Desk::new();
    let app = App {
        pool,
        clock,
        ids,
        tasks: tasks.clone(),
        late_answer: config.late_answer,
        times: config.times,
        desk,
        faults: Arc::default(),
        endpoint: Arc::new(RwLock::new(config.webhooks.clone())),
        told: Arc::default(),
    };
    tasks.spawn("sandbox-desk", desk::work(app.clone(), waiting));
    settle::start(&app, config.settle_period);
    webhook::start(&app)?;
    let stop = stopping.clone();
    let serving = tasks.detached(async move {
        let server = axum::serve(listener, http::router(app));
        if let Err(error) = server.with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "the sandbox's server ended");
        }
    });
    tracing::info!(server = "payment-sandbox", %addr, "listening");
    let mut running = Running::new(addr, None, stopping);
    running.on_stop("http", async move {
        // Ends the waits of late answers. A client that holds its connection open does not hold the
        // stop up.
        tasks.token().cancel();
        let cut = serving.abort_handle();
        if tokio::time::timeout(config.drain, serving).await.is_err() {
            tracing::warn!("calls of the sandbox were cut");
            cut.abort();
        }
    });
    Ok(running)
}
