//! The endpoints of a service: found by name, chosen by load, left alone while they fail.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::{Request, Response, Uri};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel as Connection, Endpoint as Connector};
use tower::ServiceExt;

use super::ChannelError;
use super::dial::Dialer;
use crate::ids::Ids;
use crate::serve::deadline::now;
use crate::tasks::Tasks;

/// Between two look-ups of the names.
const LOOKUP_PERIOD: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Pings on a connection, also when it is idle: a peer that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an endpoint that failed is left alone; doubles up to the maximum.
const EJECTION_MIN: Duration = Duration::from_millis(50);
const EJECTION_MAX: Duration = Duration::from_secs(2);

/// One address of a service.
struct Endpoint {
    address: String,
    connection: Connection,
    in_flight: AtomicUsize,
    failures: AtomicU32,
    ejected_until: Mutex<Option<Instant>>,
}

impl Endpoint {
    fn new(address: String, connector: Connector, dialer: &Dialer) -> Self {
        let connector = connector
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        Self {
            address,
            connection: dialer.connect_lazy(&connector),
            in_flight: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejected_until: Mutex::new(None),
        }
    }

    fn is_ejected(&self, at: Instant) -> bool {
        let until = *self.ejected_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| at < until)
    }

    /// It did not answer at all: leave it alone for a while, longer each time.
    fn failed(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let wait = EJECTION_MIN.saturating_mul(1 << failures).min(EJECTION_MAX);
        *self.ejected_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now() + wait);
        tracing::debug!(endpoint = self.address, wait_ms = wait.as_millis(), "endpoint left alone");
    }

    /// It answered.
    fn answered(&self) {
        if self.failures.swap(0, Ordering::Relaxed) > 0 {
            *self.ejected_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// A call on its way to an endpoint; counts as load until it is dropped.
pub struct Chosen(Arc<Endpoint>);

impl Chosen {
    fn of(endpoint: &Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(endpoint))
    }

    /// Sends a request here. An endpoint that gives no headers at all is left alone for a while.
    ///
    /// # Errors
    /// When no headers came back.
    pub async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Body>, tonic::transport::Error> {
        let answered = self.0.connection.clone().oneshot(request).await;
        match &answered {
            Ok(_) => self.0.answered(),
            Err(_) => self.0.failed(),
        }
        answered
    }
}

impl Drop for Chosen {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

type ByAddress = BTreeMap<String, Arc<Endpoint>>;

/// All endpoints of a service.
#[derive(Clone)]
pub struct Endpoints {
    live: Arc<RwLock<ByAddress>>,
    dialer: Dialer,
}

impl Endpoints {
    /// Connects when an endpoint is first used; looks names up until `tasks` ends.
    ///
    /// # Errors
    /// When an address is not usable, or there is none.
    pub fn start(
        configured: &[String],
        dialer: Dialer,
        tasks: &Tasks,
    ) -> Result<Self, ChannelError> {
        let mut live = ByAddress::new();
        let mut names = Vec::new();
        for text in configured {
            let uri = parse(text)?;
            if is_name(&uri) {
                names.push(uri.clone());
            }
            let endpoint = Endpoint::new(text.clone(), Connector::from(uri), &dialer);
            live.insert(text.clone(), Arc::new(endpoint));
        }
        if live.is_empty() {
            return Err(not_an_address("nothing"));
        }
        let endpoints = Self { live: Arc::new(RwLock::new(live)), dialer };
        if !names.is_empty() {
            let (endpoints, names) = (endpoints.clone(), Arc::new(names));
            tasks.every("endpoints", LOOKUP_PERIOD, move |_now| {
                let (endpoints, names) = (endpoints.clone(), Arc::clone(&names));
                async move { endpoints.look_up(&names).await }
            });
        }
        Ok(endpoints)
    }

    /// The less busy of two, chosen at random among those that are not left alone. When all are, any of
    /// them: an attempt tells more than a refusal.
    pub fn choose(&self, ids: &Ids) -> Chosen {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let at = now();
        let good: Vec<&Arc<Endpoint>> = live.values().filter(|one| !one.is_ejected(at)).collect();
        let candidates = if good.is_empty() { live.values().collect() } else { good };
        let pick = || {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index below a small length"
            )]
            let index = (ids.fraction() * candidates.len() as f64) as usize;
            candidates[index.min(candidates.len() - 1)]
        };
        let (one, other) = (pick(), pick());
        let load = |endpoint: &Endpoint| endpoint.in_flight.load(Ordering::Relaxed);
        Chosen::of(if load(one) <= load(other) { one } else { other })
    }

    /// Looks names up and takes the addresses that they stand for now. A name that cannot be looked up
    /// keeps the addresses that it had.
    async fn look_up(&self, names: &[Uri]) {
        for name in names {
            let authority = name.authority().map(ToString::to_string).unwrap_or_default();
            let found = match tokio::net::lookup_host(&authority).await {
                Ok(found) => found.collect::<Vec<_>>(),
                Err(error) => {
                    tracing::debug!(%name, %error, "name not found; the old addresses stay");
                    continue;
                }
            };
            self.replace(name, &authority, &found);
        }
    }

    fn replace(&self, name: &Uri, authority: &str, found: &[std::net::SocketAddr]) {
        if found.is_empty() {
            return;
        }
        let prefix = format!("{authority} ");
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let wanted: Vec<String> =
            found.iter().map(|address| format!("{prefix}{address}")).collect();
        live.retain(|key, _| {
            // The entry under the configured text only serves until the first look-up.
            let unresolved = parse(key).is_ok_and(|uri| uri == *name);
            let gone = key.starts_with(&prefix) && !wanted.contains(key);
            !unresolved && !gone
        });
        for (key, address) in wanted.into_iter().zip(found) {
            if let Ok(uri) = parse(&format!("http://{address}")) {
                let origin = name.clone();
                live.entry(key.clone()).or_insert_with(|| {
                    Arc::new(Endpoint::new(key, Connector::from(uri).origin(origin), &self.dialer))
                });
            }
        }
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(live.keys()).finish()
    }
}

fn parse(text: &str) -> Result<Uri, ChannelError> {
    let uri: Uri = text.parse().map_err(|_| not_an_address(text))?;
    let usable = uri.scheme_str() == Some("http") && uri.port_u16().is_some();
    if usable { Ok(uri) } else { Err(not_an_address(text)) }
}

fn not_an_address(text: &str) -> ChannelError {
    ChannelError::NotAnAddress(text.to_owned())
}

fn is_name(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn two() -> Endpoints {
        let tasks = Tasks::new(&Clock::system());
        let addresses = ["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()];
        Endpoints::start(&addresses, Dialer::Plain, &tasks).expect("addresses")
    }

    #[tokio::test]
    async fn an_endpoint_that_failed_is_left_alone_until_it_is_the_only_one() {
        let endpoints = two();
        let first = endpoints.choose(&Ids::random());
        first.0.failed();
        for _ in 0..20 {
            let next = endpoints.choose(&Ids::random());
            assert_ne!(next.0.address, first.0.address);
        }
        endpoints.choose(&Ids::random()).0.failed();
        let _still_somebody = endpoints.choose(&Ids::random());
    }

    #[tokio::test]
    async fn the_less_busy_endpoint_takes_most_calls() {
        let endpoints = two();
        let busy: Vec<Chosen> = (0..8).map(|_| endpoints.choose(&Ids::random())).collect();
        let loads: Vec<usize> = endpoints
            .live
            .read()
            .expect("no panic")
            .values()
            .map(|one| one.in_flight.load(Ordering::Relaxed))
            .collect();
        assert_eq!(loads.iter().sum::<usize>(), busy.len());
        assert!(loads.iter().all(|load| *load >= 1), "{loads:?}");
    }

    #[test]
    fn an_address_without_scheme_or_port_is_refused() {
        assert!(parse("127.0.0.1:7001").is_err());
        assert!(parse("http://booking").is_err());
        assert!(parse("http://booking:7001").is_ok());
    }
}
