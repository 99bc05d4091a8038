//! How a cluster behaves. Words are Envoy's; so are the defaults, except where a comment says why not.

use std::time::Duration;

use parkmesh_platform::tls::{MtlsConfig, SpiffeId};

/// A group of replicas that answer the same calls.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// Its name; routes point at it.
    pub name: String,
    /// Where the replicas are.
    pub endpoints: Vec<Address>,
    /// How we and the replicas prove our names; `None`: connections are plain.
    pub transport_socket: Option<TransportSocket>,
    /// How often names are looked up.
    pub dns_refresh_rate: Duration,
    /// How long a connection may take to be made. Ours are near: Envoy's 5 s would outlive most deadlines.
    pub connect_timeout: Duration,
    /// Calls that one connection carries at once before another is opened.
    pub streams_per_connection: usize,
    /// Whether and how replicas are asked for their health.
    pub health_check: Option<HealthCheckConfig>,
    /// When a replica that answers badly is left alone.
    pub outlier_detection: Option<OutlierConfig>,
    /// What the cluster may be asked at once.
    pub circuit_breakers: BreakerConfig,
    /// Share of usable replicas below which all are used, in percent: an attempt tells more than a
    /// refusal. Envoy's 50 would send calls to dead replicas while living ones are left.
    pub healthy_panic_percent: u32,
}

/// Who we are, and who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportSocket {
    /// Our name, what proves it, and who vouches for the replicas.
    pub own: MtlsConfig,
    /// The name that the replicas prove.
    pub server: SpiffeId,
}

/// `host:port`; the host is a name or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// `grpc.health.v1`, asked of each replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheckConfig {
    /// Between two questions to a healthy replica.
    pub interval: Duration,
    /// Between two questions to one that is not.
    pub unhealthy_interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Failures in a row that make a replica unhealthy.
    pub unhealthy_threshold: u32,
    /// Successes in a row that make it healthy again.
    pub healthy_threshold: u32,
    /// Which service is asked about; empty for the whole server.
    pub service_name: String,
}

/// When a replica is ejected, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierConfig {
    /// Between two looks at everybody, and at whose time is over.
    pub interval: Duration,
    /// Calls in a row without an answer, or with one that speaks of a broken replica.
    pub consecutive_5xx: u32,
    /// Calls in a row without an answer: no connection, a reset, silence.
    pub consecutive_gateway_failure: u32,
    /// Time of the first ejection; times their number. A replica whose health is asked comes back
    /// as soon as it is well.
    pub base_ejection_time: Duration,
    /// Longest ejection.
    pub max_ejection_time: Duration,
    /// How many may be ejected, in percent; one always may.
    pub max_ejection_percent: u32,
    /// A replica is slow when its average answer of an interval takes this many times the
    /// others'. Envoy knows no such rule; 0 turns it off.
    pub slow_host_factor: f64,
    /// Nothing is slow below this.
    pub slow_host_minimum: Duration,
    /// Answers in an interval that tell something.
    pub slow_host_request_volume: u32,
}

/// What a cluster may be asked at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Connections to all replicas.
    pub max_connections: usize,
    /// Calls that wait for a connection.
    pub max_pending_requests: usize,
    /// Calls and open streams.
    pub max_requests: usize,
    /// Repetitions under way.
    pub max_retries: usize,
    /// Instead of `max_retries`: repetitions as a share of the calls under way.
    pub retry_budget: Option<RetryBudget>,
}

/// How many repetitions there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// Of the calls under way, in percent.
    pub budget_percent: u32,
    /// So many always: a killed replica takes all its calls with it at once.
    pub min_retry_concurrency: usize,
}

/// What is repeated, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After what.
    pub retry_on: RetryOn,
    /// Attempts after the first.
    pub num_retries: u32,
    /// How long one attempt may take; by default half of what is left while another can follow.
    pub per_try_timeout: Option<Duration>,
    /// What happens then: another attempt joins the first, and the first answer counts. Without it the first is
    /// given up. Envoy has this beside the policy, in `hedge_policy`.
    pub hedge_on_per_try_timeout: bool,
    /// First wait, doubled each time and jittered.
    pub base_interval: Duration,
    /// Longest wait.
    pub max_interval: Duration,
}

/// After what a call is repeated. Calls that the method table does not call idempotent are only ever
/// repeated when no replica has seen them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of words")]
pub struct RetryOn {
    /// No connection.
    pub connect_failure: bool,
    /// The replica refused it unseen.
    pub refused_stream: bool,
    /// The connection or the stream broke.
    pub reset: bool,
    /// An attempt took too long.
    pub deadline_exceeded: bool,
    /// The replica said UNAVAILABLE: it stops, or is overloaded.
    pub unavailable: bool,
}

impl ClusterConfig {
    /// A cluster with the defaults.
    pub fn new(name: impl Into<String>, endpoints: Vec<Address>) -> Self {
        Self {
            name: name.into(),
            endpoints,
            transport_socket: None,
            dns_refresh_rate: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(1),
            streams_per_connection: 1_024,
            health_check: Some(HealthCheckConfig::default()),
            outlier_detection: Some(OutlierConfig::default()),
            circuit_breakers: BreakerConfig::default(),
            healthy_panic_percent: 10,
        }
    }
}

impl TransportSocket {
    /// To the service of this name in our own trust domain.
    pub fn to(service: &str, own: Option<&MtlsConfig>) -> Option<Self> {
        let own = own?.clone();
        let server = SpiffeId::of_service(own.name.trust_domain(), service).ok()?;
        Some(Self { own, server })
    }
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            unhealthy_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            unhealthy_threshold: 2,
            healthy_threshold: 1,
            service_name: String::new(),
        }
    }
}

impl Default for OutlierConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            consecutive_5xx: 5,
            consecutive_gateway_failure: 5,
            base_ejection_time: Duration::from_secs(30),
            max_ejection_time: Duration::from_secs(300),
            max_ejection_percent: 50,
            slow_host_factor: 5.0,
            slow_host_minimum: Duration::from_millis(100),
            slow_host_request_volume: 5,
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            max_connections: 1_024,
            max_pending_requests: 1_024,
            // What the gate itself lets in: its own limits refuse before these do.
            max_requests: 20_480,
            max_retries: 3,
            retry_budget: Some(RetryBudget { budget_percent: 20, min_retry_concurrency: 64 }),
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retry_on: RetryOn::ALL,
            num_retries: 2,
            per_try_timeout: None,
            hedge_on_per_try_timeout: false,
            base_interval: Duration::from_millis(25),
            max_interval: Duration::from_millis(250),
        }
    }
}

impl RetryOn {
    /// Everything that we can tell apart.
    pub const ALL: Self = Self {
        connect_failure: true,
        refused_stream: true,
        reset: true,
        deadline_exceeded: true,
        unavailable: true,
    };
    /// The words of those that are meant.
    pub fn words(self) -> String {
        let all = [
            (self.connect_failure, "connect-failure"),
            (self.refused_stream, "refused-stream"),
            (self.reset, "reset"),
            (self.deadline_exceeded, "deadline-exceeded"),
            (self.unavailable, "unavailable"),
        ];
        let meant = all.iter().filter(|(meant, _)| *meant).map(|(_, word)| *word);
        meant.collect::<Vec<_>>().join(",")
    }

    /// Nothing.
    pub const NEVER: Self = Self {
        connect_failure: false,
        refused_stream: false,
        reset: false,
        deadline_exceeded: false,
        unavailable: false,
    };
}

/// Not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an address like http://127.0.0.1:7001")]
pub struct NotAnAddress(pub String);

impl Address {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress(text.to_owned());
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let (Some("http"), Some(host), Some(port)) = (uri.scheme_str(), uri.host(), uri.port_u16())
        else {
            return Err(wrong());
        };
        Ok(Self { host: host.trim_matches(['[', ']']).to_owned(), port })
    }

    /// The IP address, where it is one.
    pub fn ip(&self) -> Option<std::net::IpAddr> {
        self.host.parse().ok()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_scheme_and_a_port() {
        for wrong in ["127.0.0.1:7001", "http://booking", "https://booking:1", ""] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
        let named = Address::parse("http://booking:7001").expect("a name");
        assert_eq!((named.to_string().as_str(), named.ip()), ("booking:7001", None));
        let six = Address::parse("http://[::1]:7001").expect("IPv6");
        assert_eq!(six.to_string(), "[::1]:7001");
        assert!(six.ip().is_some());
    }
}
