//! A running process part, and its way out.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Health;

/// The longest that one step of a stop may take, whatever its own bound; a process that does not end
/// is killed by its supervisor at a worse moment.
const STEP_MAX: Duration = Duration::from_secs(30);

type Step = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

/// What a service's `start` returns: where it listens, and how to stop it. Dropping it stops the
/// server at once and without a drain.
pub struct Running {
    /// Where it listens; the port is the real one when 0 was asked for. Unspecified for a part that
    /// does not listen.
    pub addr: SocketAddr,
    health: Option<Health>,
    stopping: CancellationToken,
    steps: Vec<Step>,
}

impl Running {
    /// Something that runs. A gRPC server makes its own; parts without one start here.
    pub fn new(addr: SocketAddr, health: Option<Health>, stopping: CancellationToken) -> Self {
        Self { addr, health, stopping, steps: Vec::new() }
    }

    /// What else to stop, in the order of these calls, after the server has drained: mostly the
    /// service's tasks, then its pools.
    pub fn on_stop(&mut self, name: &'static str, step: impl Future<Output = ()> + Send + 'static) {
        self.steps.push((name, Box::pin(step)));
    }

    /// The server's health; `None` without a server.
    pub fn health(&self) -> Option<&Health> {
        self.health.as_ref()
    }

    /// Says SERVING: the service is ready for calls.
    pub async fn ready(&self) {
        if let Some(health) = &self.health {
            health.serving().await;
        }
    }

    /// Cancelled when the stop begins.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Stops in order: NOT_SERVING, streams end with a reason, calls drain, then every step of
    /// [`Running::on_stop`]. Each is bounded, so this always ends.
    pub async fn stop(self) {
        if let Some(health) = &self.health {
            health.not_serving().await;
        }
        self.stopping.cancel();
        for (name, step) in self.steps {
            if timeout(STEP_MAX, step).await.is_err() {
                tracing::warn!(step = name, "a step of the stop took too long and was left");
            }
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}
