//! The admin port of every process: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever starts
//! and stops it. Plain HTTP, inside only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::tasks::Tasks;
use crate::telemetry;

/// Content type of Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether the process is ready for work. Clones share it; it begins as not ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the process is ready.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    /// Whether the process is ready.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst)
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
