//! The running gate, and how it takes new settings: all of them or none, and no call is lost on the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use parkmesh_platform::auth::Verifier;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{CallMetrics, Health, Routes, Shed};
use parkmesh_platform::tasks::Tasks;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept;
use crate::admit::Admission;
use crate::call::Gate;
use crate::cluster::Cluster;
use crate::config::{Config, ListenerConfig};
use crate::cors::Cors;
use crate::current::Current;
use crate::pages::Documents;
use crate::route::{Clusters, Table};

/// A listener of the settings cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the listener {name} cannot be opened at {address}")]
pub struct ListenError {
    name: String,
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// What stays whatever the settings say.
pub struct Kept {
    pub verifier: Verifier,
    pub shed: Arc<Shed>,
    pub health: Health,
    pub metrics: CallMetrics,
    pub documents: Arc<Documents>,
    pub local: Arc<Routes>,
    pub stopping: CancellationToken,
    pub ids: Ids,
    pub tasks: Tasks,
}

/// An open listener.
struct Open {
    config: ListenerConfig,
    addr: SocketAddr,
    stopping: CancellationToken,
}

/// The running gate.
pub struct Live {
    kept: Kept,
    current: Arc<Current>,
    clusters: Mutex<Clusters>,
    listeners: Mutex<BTreeMap<String, Open>>,
    accepting: TaskTracker,
}

impl Live {
    /// The gate with these settings. It does not listen yet.
    pub async fn start(kept: Kept, config: Config) -> Self {
        let clusters = clusters(&config, &Clusters::new(), &kept).await;
        let current = Arc::new(Current::new(gate(&kept, config, &clusters)));
        let clusters = Mutex::new(clusters);
        let (listeners, accepting) = (Mutex::default(), TaskTracker::new());
        Self { kept, current, clusters, listeners, accepting }
    }

    /// The gate as it is now.
    pub fn gate(&self) -> Arc<Gate> {
        self.current.gate()
    }

    /// Takes connections in here, to the end.
    pub fn listen(&self, listener: TcpListener) {
        self.accept(listener, self.kept.stopping.child_token());
    }

    /// Opens the listeners of the settings that the gate was started with.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open(&self) -> Result<(), ListenError> {
        let wanted = self.gate().config.listeners.clone();
        let opened = self.bind(&wanted).await?;
        self.take(&wanted, opened);
        Ok(())
    }

    /// Takes new settings. Clusters and listeners that they leave as they were keep their connections; who
    /// is in a call ends it with the settings that it began with.
    ///
    /// # Errors
    /// When a listener cannot be opened: then everything stays as it was.
    pub async fn apply(&self, config: Config) -> Result<(), ListenError> {
        let wanted = config.listeners.clone();
        let opened = self.bind(&wanted).await?;
        let before = self.clusters();
        let clusters = clusters(&config, &before, &self.kept).await;
        *self.clusters.lock().unwrap_or_else(PoisonError::into_inner) = clusters.clone();
        self.current.set(gate(&self.kept, config, &clusters));
        self.take(&wanted, opened);
        Ok(())
    }

    /// The clusters by name.
    pub fn clusters(&self) -> Clusters {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Names and addresses of the listeners of the settings.
    pub fn listeners(&self) -> Vec<(String, SocketAddr)> {
        let open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|(name, open)| (name.clone(), open.addr)).collect()
    }

    /// Waits until every listener has drained.
    pub async fn drained(&self) {
        self.accepting.close();
        self.accepting.wait().await;
    }

    /// Listeners that are not open yet.
    async fn bind(
        &self,
        wanted: &[ListenerConfig],
    ) -> Result<Vec<(ListenerConfig, TcpListener)>, ListenError> {
        let known: Vec<ListenerConfig> = {
            let open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            open.values().map(|one| one.config.clone()).collect()
        };
        let mut opened = Vec::new();
        for one in wanted.iter().filter(|one| !known.contains(one)) {
            let bound = TcpListener::bind(one.address).await.map_err(|source| ListenError {
                name: one.name.clone(),
                address: one.address,
                source,
            })?;
            opened.push((one.clone(), bound));
        }
        Ok(opened)
    }

    /// Lets new listeners in and old ones drain.
    fn take(&self, wanted: &[ListenerConfig], opened: Vec<(ListenerConfig, TcpListener)>) {
        let mut open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|name, one| {
            let stays = wanted.contains(&one.config);
            if !stays {
                tracing::info!(listener = name, addr = %one.addr, "a listener drains");
                one.stopping.cancel();
            }
            stays
        });
        for (config, listener) in opened {
            let addr = listener.local_addr().unwrap_or(config.address);
            let stopping = self.kept.stopping.child_token();
            self.accept(listener, stopping.clone());
            tracing::info!(listener = config.name, %addr, "listening");
            open.insert(config.name.clone(), Open { config, addr, stopping });
        }
    }

    fn accept(&self, listener: TcpListener, stopping: CancellationToken) {
        let (current, ids) = (Arc::clone(&self.current), self.kept.ids.clone());
        self.accepting.spawn(accept::run(listener, current, stopping, ids));
    }
}

fn gate(kept: &Kept, config: Config, clusters: &Clusters) -> Gate {
    Gate {
        cors: Cors::new(&config.cors),
        table: Table::new(&config.routes, clusters, Arc::clone(&kept.local)),
        admission: Admission::new(kept.verifier.clone(), Arc::clone(&kept.shed)),
        health: kept.health.clone(),
        metrics: kept.metrics.clone(),
        documents: Arc::clone(&kept.documents),
        stopping: kept.stopping.clone(),
        config,
    }
}

/// Ways to everybody behind the gate; those that stay as they were stay.
async fn clusters(config: &Config, before: &Clusters, kept: &Kept) -> Clusters {
    let started = config.clusters.iter().map(|one| async move {
        match before.get(&one.name).filter(|known| known.config == *one) {
            Some(known) => Arc::clone(known),
            None => Cluster::start(one.clone(), &kept.ids, &kept.tasks).await,
        }
    });
    let started = futures_util::future::join_all(started).await;
    started.into_iter().map(|cluster| (cluster.config.name.clone(), cluster)).collect()
}
