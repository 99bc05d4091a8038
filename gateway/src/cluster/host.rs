//! One replica: where it is, how it does, what it carries.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use parkmesh_platform::tls::Towards;

use super::breakers::Room;
use super::connection::{CALL_WINDOW_BYTES, Dial, Pool, STREAM_WINDOW_BYTES};
use super::outlier::Monitor;
use super::settings::{Address, ClusterConfig};
use super::stats::HostStats;

/// One replica.
pub struct Host {
    /// Where it is.
    pub address: SocketAddr,
    /// As it was named: what `:authority` says.
    pub named: Address,
    authority: Authority,
    /// Its address as a text, for the many lines that tell it.
    pub told: String,
    /// Connections for calls.
    pub calls: Pool,
    /// Connections for streams: of one that nobody reads much lies on the way, and no call waits behind it.
    pub streams: Pool,
    /// Calls and streams that it carries: its load.
    pub in_flight: Room,
    /// How it answers.
    pub monitor: Monitor,
    /// What is counted of it.
    pub stats: HostStats,
    unhealthy: AtomicBool,
}

impl Host {
    /// A replica of which nothing is known yet: it counts as well.
    pub fn new(
        address: SocketAddr,
        named: &Address,
        config: &ClusterConfig,
        towards: Option<Towards>,
    ) -> Self {
        let said = named.to_string().parse();
        let authority = said.unwrap_or_else(|_| Authority::from_static("upstream"));
        let dial = Dial {
            address,
            timeout: config.connect_timeout,
            streams_max: config.streams_per_connection,
            window: CALL_WINDOW_BYTES,
            towards,
        };
        Self {
            address,
            named: named.clone(),
            authority,
            told: address.to_string(),
            calls: Pool::new(dial.clone()),
            streams: Pool::new(Dial { window: STREAM_WINDOW_BYTES, ..dial }),
            in_flight: Room::default(),
            monitor: Monitor::default(),
            stats: HostStats::default(),
            unhealthy: AtomicBool::new(false),
        }
    }

    /// Connections open.
    pub fn connections(&self) -> usize {
        self.calls.len() + self.streams.len()
    }

    /// The address of a path here.
    pub fn uri(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Whether it says that it is well.
    pub fn is_healthy(&self) -> bool {
        !self.unhealthy.load(Ordering::Relaxed)
    }

    /// Notes what was found; says whether that is news.
    pub fn set_healthy(&self, healthy: bool) -> bool {
        self.unhealthy.swap(!healthy, Ordering::Relaxed) == healthy
    }

    /// Whether it is left alone.
    pub fn is_ejected(&self) -> bool {
        self.monitor.is_ejected()
    }

    /// Whether calls go there.
    pub fn is_usable(&self) -> bool {
        self.is_healthy() && !self.is_ejected()
    }

    /// Its state in Envoy's words.
    pub fn health_flags(&self) -> String {
        let flags = [
            (!self.is_healthy(), "/failed_active_hc"),
            (self.is_ejected(), "/failed_outlier_check"),
        ];
        let told: String = flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
        if told.is_empty() { "healthy".to_owned() } else { told }
    }
}
