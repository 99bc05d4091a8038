//! The running gate, and how it takes new settings: all of them or none, and no call is lost on the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::redis::{self, RedisError};
use parkmesh_platform::serve::{CallMetrics, Health, Routes, Shed};
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{Shown, TlsError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept;
use crate::access::AccessLog;
use crate::admit::Admission;
use crate::call::Gate;
use crate::cluster::{Cluster, Count, Room};
use crate::config::{Config, ListenerConfig};
use crate::cors::Cors;
use crate::current::Current;
use crate::files::{Files, FilesError};
use crate::pages::Documents;
use crate::rate::{RateLimits, Shared};
use crate::red::Reds;
use crate::reload::Reloads;
use crate::route::{Clusters, Table};

/// HTTP/2 where the client can, else HTTP/1.1.
const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

/// The settings ask for something that the system does not give.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A listener.
    #[error("the listener {name} cannot be opened at {address}")]
    Listen {
        /// Which.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A certificate.
    #[error("the listener {name} has no certificate to show")]
    Tls {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// What the gate and the replicas of a cluster prove themselves with.
    #[error("nobody can be proven to be the cluster {name}")]
    Cluster {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// Where gateways count together.
    #[error("the rate limits cannot be counted together")]
    Redis(#[from] RedisError),
    /// The web app.
    #[error("the web app cannot be served")]
    Files(#[from] FilesError),
    /// The access log.
    #[error("the access log {path} cannot be opened")]
    AccessLog {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
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
    pub clock: Clock,
    pub reds: Reds,
    pub downstream: Arc<Downstream>,
}

/// What is counted of those who come.
#[derive(Debug, Default)]
pub struct Downstream {
    /// Connections open.
    pub cx_active: Room,
    /// Connections taken in.
    pub cx_total: Count,
    /// Requests.
    pub rq_total: Count,
}

/// A listener that is bound, with its TLS.
type Opened = (ListenerConfig, TcpListener, Option<Shown>);

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
    /// The listener that the process was given.
    main: CancellationToken,
    accepting: TaskTracker,
    draining: AtomicBool,
    /// How often new settings were taken.
    pub reloads: Reloads,
}

impl Live {
    /// The gate with these settings. It does not listen yet.
    ///
    /// # Errors
    /// When the access log or the web app cannot be opened.
    pub async fn start(kept: Kept, config: Config) -> Result<Self, ApplyError> {
        let log = log(&config, None, &kept.tasks).await?;
        let files = files(&config, None, &kept.tasks).await?;
        let clusters = clusters(&config, &Clusters::new(), &kept).await?;
        Ok(Self {
            current: {
                let rates = rates(&config)?;
                Arc::new(Current::new(gate(&kept, config, &clusters, (log, files, rates))))
            },
            clusters: Mutex::new(clusters),
            listeners: Mutex::default(),
            main: kept.stopping.child_token(),
            accepting: TaskTracker::new(),
            draining: AtomicBool::new(false),
            reloads: Reloads::default(),
            kept,
        })
    }

    /// The gate as it is now.
    pub fn gate(&self) -> Arc<Gate> {
        self.current.gate()
    }

    /// Takes connections in here, to the end.
    pub fn listen(&self, listener: TcpListener) {
        self.accept(listener, None, self.main.clone());
    }

    /// Opens the listeners of the settings that the gate was started with.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open(&self) -> Result<(), ApplyError> {
        let wanted = self.gate().config.listeners.clone();
        let opened = self.bind(&wanted).await?;
        self.take(&wanted, opened);
        Ok(())
    }

    /// Takes new settings. Clusters and listeners that they leave as they were keep their connections; who
    /// is in a call ends it with the settings that it began with.
    ///
    /// # Errors
    /// When a listener or a log cannot be opened: then everything stays as it was.
    pub async fn apply(&self, config: Config) -> Result<(), ApplyError> {
        let wanted = config.listeners.clone();
        let opened = self.bind(&wanted).await?;
        let before = self.gate();
        let log = log(&config, before.log.as_ref(), &self.kept.tasks).await?;
        let files = files(&config, before.files.as_ref(), &self.kept.tasks).await?;
        let known = Arc::clone(before.admission.rates());
        // Full buckets for everybody only where the rules are new.
        let rates = if known.rules() == config.rate_limits { known } else { rates(&config)? };
        let clusters = clusters(&config, &self.clusters(), &self.kept).await?;
        *self.clusters.lock().unwrap_or_else(PoisonError::into_inner) = clusters.clone();
        self.current.set(gate(&self.kept, config, &clusters, (log, files, rates)));
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

    /// The counts of the routes.
    pub fn reds(&self) -> &Reds {
        &self.kept.reds
    }

    /// The counts of those who come.
    pub fn downstream(&self) -> &Downstream {
        &self.kept.downstream
    }

    /// `LIVE`, or what it is instead.
    pub fn state(&self) -> &'static str {
        if self.draining.load(Ordering::SeqCst) || self.kept.stopping.is_cancelled() {
            "DRAINING"
        } else if self.kept.health.is_serving() {
            "LIVE"
        } else {
            "PRE_INITIALIZING"
        }
    }

    /// Takes no more connections, ends streams with a reason and lets calls end; the process stays.
    pub async fn drain(&self) {
        tracing::info!("the listeners drain, as was asked");
        self.draining.store(true, Ordering::SeqCst);
        self.kept.health.not_serving().await;
        self.main.cancel();
        let open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().for_each(|one| one.stopping.cancel());
    }

    /// Waits until every listener has drained.
    pub async fn drained(&self) {
        self.accepting.close();
        self.accepting.wait().await;
    }

    /// Opens the admin listener.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn bind_admin(&self, address: SocketAddr) -> Result<TcpListener, ApplyError> {
        let bound = bind("admin", address).await?;
        tracing::info!(addr = ?bound.local_addr(), "the admin listener is open");
        Ok(bound)
    }

    /// Listeners that are not open yet.
    async fn bind(&self, wanted: &[ListenerConfig]) -> Result<Vec<Opened>, ApplyError> {
        let known: Vec<ListenerConfig> = {
            let open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            open.values().map(|one| one.config.clone()).collect()
        };
        let mut opened = Vec::new();
        for one in wanted.iter().filter(|one| !known.contains(one)) {
            let tls = match &one.tls {
                Some(tls) => {
                    let made = Shown::open(tls, &PROTOCOLS, &self.kept.tasks);
                    let name = one.name.clone();
                    Some(made.map_err(|source| ApplyError::Tls { name, source })?)
                }
                None => None,
            };
            opened.push((one.clone(), bind(&one.name, one.address).await?, tls));
        }
        Ok(opened)
    }

    /// Lets new listeners in and old ones drain.
    fn take(&self, wanted: &[ListenerConfig], opened: Vec<Opened>) {
        let mut open = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|name, one| {
            let stays = wanted.contains(&one.config);
            if !stays {
                tracing::info!(listener = name, addr = %one.addr, "a listener drains");
                one.stopping.cancel();
            }
            stays
        });
        for (config, listener, tls) in opened {
            let addr = listener.local_addr().unwrap_or(config.address);
            let stopping = self.kept.stopping.child_token();
            self.accept(listener, tls, stopping.clone());
            tracing::info!(listener = config.name, %addr, "listening");
            open.insert(config.name.clone(), Open { config, addr, stopping });
        }
    }

    fn accept(&self, listener: TcpListener, tls: Option<Shown>, stopping: CancellationToken) {
        let (current, ids) = (Arc::clone(&self.current), self.kept.ids.clone());
        self.accepting.spawn(accept::run(listener, tls, current, stopping, ids));
    }
}

fn gate(
    kept: &Kept,
    config: Config,
    clusters: &Clusters,
    (log, files, rates): (Option<Arc<AccessLog>>, Option<Arc<Files>>, Arc<RateLimits>),
) -> Gate {
    Gate {
        cors: Cors::new(&config.cors),
        table: Table::new(
            config.methods,
            &config.routes,
            clusters,
            Arc::clone(&kept.local),
            &kept.reds,
        ),
        admission: Admission::new(kept.verifier.clone(), Arc::clone(&kept.shed), rates),
        health: kept.health.clone(),
        metrics: kept.metrics.clone(),
        documents: Arc::clone(&kept.documents),
        stopping: kept.stopping.clone(),
        clock: kept.clock.clone(),
        downstream: Arc::clone(&kept.downstream),
        files,
        log,
        config,
    }
}

async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, ApplyError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ApplyError::Listen { name: name.to_owned(), address, source })
}

/// The access log of the settings; the one that is open, if they say the same.
async fn log(
    config: &Config,
    open: Option<&Arc<AccessLog>>,
    tasks: &Tasks,
) -> Result<Option<Arc<AccessLog>>, ApplyError> {
    let Some(path) = &config.access_log else { return Ok(None) };
    if let Some(open) = open.filter(|open| open.path == *path) {
        return Ok(Some(Arc::clone(open)));
    }
    let opened = AccessLog::open(path, tasks).await;
    opened.map(Some).map_err(|source| ApplyError::AccessLog { path: path.clone(), source })
}

/// The web app of the settings; as it is open, if they say the same.
async fn files(
    config: &Config,
    open: Option<&Arc<Files>>,
    tasks: &Tasks,
) -> Result<Option<Arc<Files>>, FilesError> {
    let Some(directory) = &config.static_files else { return Ok(None) };
    match open.filter(|open| open.directory == *directory) {
        Some(open) => Ok(Some(Arc::clone(open))),
        None => Files::open(directory.clone(), tasks).await.map(Some),
    }
}

/// The buckets of the settings' rules.
fn rates(config: &Config) -> Result<Arc<RateLimits>, ApplyError> {
    let together = config.rate_limits.iter().any(|rule| rule.shared);
    let shared = match &config.redis {
        Some(redis) if together => Some(Shared::new(redis::connect(redis)?)),
        _ => None,
    };
    Ok(RateLimits::new(config.rate_limits.clone(), shared))
}

/// Ways to everybody behind the gate; those that stay as they were stay.
async fn clusters(config: &Config, before: &Clusters, kept: &Kept) -> Result<Clusters, ApplyError> {
    let started = config.clusters.iter().map(|one| async move {
        match before.get(&one.name).filter(|known| known.config == *one) {
            Some(known) => Ok(Arc::clone(known)),
            None => Cluster::start(one.clone(), &kept.ids, &kept.tasks).await.map_err(|source| {
                let name = one.name.clone();
                ApplyError::Cluster { name, source }
            }),
        }
    });
    let started = futures_util::future::try_join_all(started).await?;
    Ok(started.into_iter().map(|cluster| (cluster.config.name.clone(), cluster)).collect())
}
