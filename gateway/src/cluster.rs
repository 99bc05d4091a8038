//! The way to a group of replicas: found by name, asked for their health, chosen by load, left alone while
//! they fail, asked within limits, and asked again where that does no harm.
//!
//! Start reading at `call.rs`, one call's way; `outlier.rs` holds who is left alone, pure.

mod attempt;
mod breakers;
mod call;
mod connection;
mod discover;
mod health;
mod hedge;
mod host;
mod members;
mod outgoing;
mod outlier;
mod settings;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Deadline;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{Mtls, TlsError, Towards};
use tokio::time::{interval, timeout_at};

pub use attempt::broke_at_client;
pub use breakers::{Place, Room};
pub use call::{Ask, Failed, NoAnswer, is_grpc};
pub use health::SERVICE_NAME_MAX;
pub use outgoing::Outgoing;
pub use settings::{
    Address, BreakerConfig, ClusterConfig, HealthCheckConfig, OutlierConfig, RetryBudget, RetryOn,
    RetryPolicy, TransportSocket,
};
pub use stats::Count;

use breakers::Breakers;
use host::Host;
use members::Members;
use outlier::{Outcome, Verdict};
use stats::Stats;

/// How long a new cluster waits for its names before calls may come.
const WARM_MAX: Duration = Duration::from_secs(1);

/// A group of replicas.
pub struct Cluster {
    /// How it behaves.
    pub config: ClusterConfig,
    /// What is counted.
    pub stats: Stats,
    members: Members,
    breakers: Breakers,
    ids: Ids,
    tasks: Tasks,
}

/// A call under way at a replica; counts as its load, and as the cluster's, until it is dropped.
pub struct Chosen {
    cluster: Arc<Cluster>,
    host: Arc<Host>,
    /// Attempts that it took to get here.
    pub attempts: u32,
    _places: [Place; 3],
}

impl Chosen {
    /// The answer began there and did not end.
    pub fn broke_off(&self) {
        self.cluster.report(&self.host, Outcome::Away);
    }

    /// Where the call is.
    pub fn replica(&self) -> Replica {
        Replica { cluster: Arc::clone(&self.cluster), host: Arc::clone(&self.host) }
    }
}

/// A replica as it is told of.
pub struct Replica {
    cluster: Arc<Cluster>,
    host: Arc<Host>,
}

impl Replica {
    /// Host and port.
    pub fn address(&self) -> &str {
        &self.host.told
    }

    /// Whose replica it is.
    pub fn cluster(&self) -> &str {
        &self.cluster.config.name
    }
}

impl Cluster {
    /// Looks names up and begins to watch its replicas. What it runs ends with it or with `tasks`.
    ///
    /// # Errors
    /// What is wrong with the certificate that we show, or with the authorities.
    pub async fn start(
        config: ClusterConfig,
        ids: &Ids,
        tasks: &Tasks,
    ) -> Result<Arc<Self>, TlsError> {
        let towards = towards(&config, tasks)?;
        let cluster = Arc::new(Self {
            breakers: Breakers::new(config.circuit_breakers.clone()),
            stats: Stats::default(),
            members: Members::new(towards),
            ids: ids.clone(),
            tasks: tasks.clone(),
            config,
        });
        if timeout_at(Deadline::after(WARM_MAX).at, cluster.look_up()).await.is_err() {
            tracing::warn!(cluster = cluster.config.name, "its names take long to be found");
        }
        cluster.watch_names();
        cluster.watch_health();
        cluster.watch_outliers();
        Ok(cluster)
    }

    /// What stands behind it, for people.
    pub fn hosts(&self) -> Vec<Arc<Host>> {
        self.members.all()
    }

    /// Calls and streams under way.
    pub fn requests_active(&self) -> usize {
        self.breakers.requests.taken()
    }

    /// Connections open.
    pub fn connections_active(&self) -> usize {
        self.breakers.connections.taken()
    }

    /// Calls that wait for a connection.
    pub fn requests_pending(&self) -> usize {
        self.breakers.pending.taken()
    }

    /// Whether calls go to everybody, because too few are usable.
    pub fn is_panic(&self) -> bool {
        self.members.is_panic()
    }

    async fn look_up(&self) {
        let before: Vec<_> =
            self.members.all().iter().map(|host| (host.address, host.named.clone())).collect();
        let found = discover::look_up(&self.config.endpoints, &before).await;
        if self.members.replace(&found, &self.config) {
            let cluster = &self.config.name;
            tracing::info!(cluster, replicas = found.len(), "the replicas of a cluster changed");
        }
    }

    fn watch_names(self: &Arc<Self>) {
        if self.config.endpoints.iter().all(|named| named.ip().is_some()) {
            return;
        }
        let period = self.config.dns_refresh_rate;
        self.watch("cluster-names", period, |cluster, ()| async move { cluster.look_up().await });
    }

    fn watch_health(self: &Arc<Self>) {
        let Some(config) = self.config.health_check.clone() else { return };
        let period = config.interval.min(config.unhealthy_interval);
        self.watch("cluster-health", period, move |cluster, mut rounds: health::Rounds| {
            let config = config.clone();
            async move {
                rounds.go(&cluster, &config).await;
                rounds
            }
        });
    }

    fn watch_outliers(self: &Arc<Self>) {
        let Some(config) = &self.config.outlier_detection else { return };
        let period = config.interval;
        self.watch("cluster-outliers", period, |cluster, ()| async move { cluster.sweep() });
    }

    /// Does something now and then, until the cluster is gone. `tick` is given what it returned last.
    fn watch<S, F, Fut>(self: &Arc<Self>, name: &'static str, period: Duration, tick: F)
    where
        S: Default + Send + 'static,
        F: Fn(Arc<Self>, S) -> Fut + Send + 'static,
        Fut: Future<Output = S> + Send,
    {
        let cluster = Arc::downgrade(self);
        self.tasks.spawn(name, async move {
            let mut interval = interval(period.max(Duration::from_millis(1)));
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let mut state = S::default();
            loop {
                interval.tick().await;
                let Some(cluster) = cluster.upgrade() else { return };
                state = tick(cluster, state).await;
            }
        });
    }

    /// What an attempt says of its replica.
    fn report(&self, host: &Arc<Host>, outcome: Outcome) {
        let Some(config) = &self.config.outlier_detection else { return };
        if let Some(verdict) = host.monitor.see(outcome, config) {
            self.eject(host, verdict);
        }
    }

    fn eject(&self, host: &Arc<Host>, verdict: Verdict) {
        let Some(config) = &self.config.outlier_detection else { return };
        let hosts = self.members.all();
        let ejected = hosts.iter().filter(|host| host.monitor.is_ejected()).count();
        if host.monitor.is_ejected() {
            return;
        }
        if ejected >= outlier::ejections_max(hosts.len(), config) {
            self.stats.ejections_overflow.add();
            return;
        }
        host.monitor.eject(verdict, Deadline::after(Duration::ZERO).at, config);
        self.stats.ejections.add();
        if verdict == Verdict::Slow {
            self.stats.ejections_slow.add();
        }
        let (cluster, address) = (&self.config.name, host.address);
        tracing::warn!(cluster, %address, ?verdict, "a replica is left alone for a while");
        self.members.refresh(&self.config);
    }

    /// Takes back whose time is over, and leaves the slow alone.
    fn sweep(&self) {
        let Some(config) = &self.config.outlier_detection else { return };
        let (hosts, now) = (self.members.all(), Deadline::after(Duration::ZERO).at);
        let mut averages = Vec::new();
        let mut back = false;
        for (index, host) in hosts.iter().enumerate() {
            let average = host.monitor.average(config.slow_host_request_volume);
            if host.monitor.take_back(now) {
                back = true;
            } else if !host.monitor.is_ejected() {
                host.monitor.went_well();
                averages.extend(average.map(|average| (index, average)));
            }
        }
        if back {
            self.members.refresh(&self.config);
        }
        for index in outlier::slow(&averages, config) {
            self.eject(&hosts[index], Verdict::Slow);
        }
    }
}

fn towards(config: &ClusterConfig, tasks: &Tasks) -> Result<Option<Towards>, TlsError> {
    let Some(TransportSocket { own, server }) = &config.transport_socket else { return Ok(None) };
    Ok(Some(Mtls::open(own, tasks)?.towards(server.clone())))
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("name", &self.config.name).finish_non_exhaustive()
    }
}
