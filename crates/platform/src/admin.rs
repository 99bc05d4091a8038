//! The admin port of every process: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever starts
//! and stops it. Plain HTTP, inside only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::serve::Health;
use crate::tasks::Tasks;
use crate::telemetry;

/// Content type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether the process is ready for work. Clones share it; it begins as not ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    started: AtomicBool,
    servers: Mutex<Vec<Health>>,
}

impl Readiness {
    /// Says whether everything has been started, and nothing been stopped.
    pub fn set(&self, started: bool) {
        self.0.started.store(started, Ordering::SeqCst);
    }

    /// From now on the process is only ready while this server says that it serves.
    pub fn needs(&self, server: &Health) {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner).push(server.clone());
    }

    /// Whether the process is ready.
    pub fn is_ready(&self) -> bool {
        let servers = self.0.servers.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.started.load(Ordering::SeqCst) && servers.iter().all(Health::is_serving)
    }
}

/// Serves the admin port until `tasks` ends.
pub fn serve(listener: TcpListener, readiness: Readiness, tasks: &Tasks) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .with_state(readiness);
    tasks.spawn("admin", async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the admin port is closed");
        }
    });
}

async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_TYPE)], telemetry::render_metrics())
}

async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    if readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
