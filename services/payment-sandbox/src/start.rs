//! Puts the sandbox together.

use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Running, StartError};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::app::App;
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

/// Starts to answer.
///
/// # Errors
/// When the listener has no address.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, pool } = deps;
    let addr = listener.local_addr()?;
    let (tasks, stopping) = (Tasks::new(&clock), CancellationToken::new());
    let app = App { pool, clock, ids, tasks: tasks.clone(), late_answer: config.late_answer };
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
