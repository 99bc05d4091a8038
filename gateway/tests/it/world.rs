//! A gateway, a service behind it, and tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parkmesh_contracts::notification::v1::notification_service_server::NotificationServiceServer;
use parkmesh_gateway::{Address, ClusterConfig, Config, CorsConfig, Deps};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Running, ServeConfig, Server};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{Tokens, listener};

use crate::client::Wire;
use crate::doubles::{Notifications, Raw, Seen, raw};

pub const LIST: &str = "/parkmesh.notification.v1.NotificationService/ListNotifications";
pub const WATCH: &str = "/parkmesh.notification.v1.NotificationService/WatchNotifications";
pub const READINGS: &str = "/parkmesh.sensor.v1.SensorService/StreamReadings";
pub const ORIGIN: &str = "https://app.example";

pub struct World {
    pub gateway: Running,
    pub service: Running,
    pub seen: Seen,
    /// How often a raw service was asked.
    pub asked: Arc<AtomicUsize>,
    pub tasks: Tasks,
    pub tokens: Tokens,
    pub token: String,
    pub ids: Ids,
    pub clock: Clock,
    pub verifier: Verifier,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_config| {}).await
    }

    /// A gateway to one notification service, with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (clock, ids) = (Clock::movable(), Ids::random());
        let tasks = Tasks::new(&clock);
        let tokens = Tokens::new(&clock, &ids);
        let verifier = tokens.verifier(&tasks).await;
        let (service, seen) = notifications(&ids, &verifier).await;
        let mut config = to("notification", service.addr);
        config.cors = CorsConfig { origins: vec![ORIGIN.to_owned()], ..CorsConfig::default() };
        change(&mut config);
        let token = format!("Bearer {}", tokens.driver("anna"));
        let gateway = gateway(config, &clock, &ids, &verifier).await;
        let asked = Arc::default();
        Self { gateway, service, seen, asked, tasks, tokens, token, ids, clock, verifier }
    }

    /// A gateway whose notification service is a raw one.
    pub async fn raw(kind: Raw) -> Self {
        Self::raw_for("notification", kind).await
    }

    pub async fn raw_for(role: &'static str, kind: Raw) -> Self {
        let clock = Clock::system();
        let (addr, asked) = raw(kind, &Tasks::new(&clock)).await;
        let world = Self::with(|config| {
            config.clusters.retain(|cluster| cluster.name != role);
            config.clusters.push(cluster(role, &[addr]));
        })
        .await;
        Self { asked, ..world }
    }

    pub async fn http1(&self) -> Wire {
        Wire::http1(self.gateway.addr, &self.tasks).await
    }

    pub async fn http2(&self) -> Wire {
        Wire::http2(self.gateway.addr, &self.tasks).await
    }

    /// Headers of a call in this content type, with a token.
    pub fn headers<'w>(&'w self, content_type: &'w str) -> Vec<(&'w str, &'w str)> {
        vec![("content-type", content_type), ("authorization", &self.token)]
    }
}

pub fn to(role: &str, addr: SocketAddr) -> Config {
    Config { clusters: vec![cluster(role, &[addr])], ..Config::default() }
}

/// A cluster of these replicas, with the defaults.
pub fn cluster(role: &str, replicas: &[SocketAddr]) -> ClusterConfig {
    let address = |addr: &SocketAddr| Address { host: addr.ip().to_string(), port: addr.port() };
    ClusterConfig::new(role, replicas.iter().map(address).collect())
}

pub async fn gateway(config: Config, clock: &Clock, ids: &Ids, verifier: &Verifier) -> Running {
    let deps = Deps {
        listener: listener().await,
        clock: clock.clone(),
        ids: ids.clone(),
        verifier: verifier.clone(),
    };
    let running = parkmesh_gateway::start(config, deps).await.unwrap();
    running.ready().await;
    running
}

pub async fn notifications(ids: &Ids, verifier: &Verifier) -> (Running, Seen) {
    let config = ServeConfig { drain: std::time::Duration::ZERO, ..ServeConfig::default() };
    notifications_with(config, ids, verifier).await
}

pub async fn notifications_with(
    config: ServeConfig,
    ids: &Ids,
    verifier: &Verifier,
) -> (Running, Seen) {
    let double = Notifications::default();
    let seen = double.seen.clone();
    let server = Server::new("notification", config, ids, verifier);
    let server = server.service(NotificationServiceServer::new(double));
    let running = server.start(listener().await).await.unwrap();
    running.ready().await;
    (running, seen)
}
