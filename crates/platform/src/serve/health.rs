//! Health by grpc.health.v1: what probes and balancers ask. NOT_SERVING until told otherwise, which
//! the library's own default is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

/// The name under which a whole server is asked for.
const WHOLE_SERVER: &str = "";

/// Says whether this server wants calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<Vec<&'static str>>,
    serving: Arc<AtomicBool>,
}

impl Health {
    /// Health of a server with these services: NOT_SERVING.
    pub(super) async fn new(services: Vec<&'static str>) -> Self {
        let health = Self {
            reporter: HealthReporter::new(),
            services: Arc::new(services),
            serving: Arc::new(AtomicBool::new(false)),
        };
        health.set(ServingStatus::NotServing).await;
        health
    }

    /// From now on calls are welcome.
    pub async fn serving(&self) {
        self.serving.store(true, Ordering::Relaxed);
        self.set(ServingStatus::Serving).await;
    }

    /// From now on calls had better go elsewhere. Those that come are still answered.
    pub async fn not_serving(&self) {
        self.serving.store(false, Ordering::Relaxed);
        self.set(ServingStatus::NotServing).await;
    }

    /// What was said last.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    pub(super) fn service(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }

    async fn set(&self, status: ServingStatus) {
        self.reporter.set_service_status(WHOLE_SERVER, status).await;
        for service in self.services.iter() {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
