//! Settings of the gateway, with their defaults: from the environment, and from a file that may say more.

mod cluster;
mod fields;
mod file;
mod listener;
mod rate;
mod route;
mod tls;
mod yaml;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use parkmesh_contracts::methods::{METHODS, Method};
use parkmesh_platform::config::Reader;
use parkmesh_platform::fault;
use parkmesh_platform::redis::RedisConfig;
use parkmesh_platform::serve::ServeConfig;
use parkmesh_platform::tls::{CertificateFiles, MtlsConfig};

use crate::cluster::{Address, ClusterConfig, RetryPolicy, TransportSocket};
use crate::pages::PREFIXES;
use crate::rate::RateLimitConfig;

pub use file::FileError;

/// What a gateway needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// What there is to call: the contracts' table, but in tests with services that no contract names.
    pub methods: &'static [Method],
    /// Limits of the serving side.
    pub serve: ServeConfig,
    /// Where the admin listener is; read at the start only.
    pub admin: Option<SocketAddr>,
    /// Where the access log goes.
    pub access_log: Option<PathBuf>,
    /// Where to listen beside the address that the process is given.
    pub listeners: Vec<ListenerConfig>,
    /// Who we are to the clusters that say nothing else; `None`: they are spoken to in the clear.
    pub mtls: Option<MtlsConfig>,
    /// Who answers.
    pub clusters: Vec<ClusterConfig>,
    /// What is answered by whom; the first that fits counts.
    pub routes: Vec<RouteConfig>,
    /// How often clients may ask.
    pub rate_limits: Vec<RateLimitConfig>,
    /// Where gateways count together.
    pub redis: Option<RedisConfig>,
    /// Where the files of the web app are.
    pub static_files: Option<PathBuf>,
    /// Which pages may call.
    pub cors: CorsConfig,
    /// Largest request of a call that sends one message, in bytes.
    pub request_bytes_max: usize,
    /// Largest message of an answer, in bytes.
    pub answer_bytes_max: usize,
    /// How long such a request's body may take to arrive, where no deadline is shorter.
    pub request_wait: Duration,
    /// How long a new connection may be silent before it is closed.
    pub first_request_wait: Duration,
    /// How long a client may take nothing of what it is sent.
    pub flush_wait: Duration,
    /// How long a server stream may be silent.
    pub stream_idle: Duration,
    /// The file that these settings come from, and what they would be without it.
    pub source: Option<Arc<Source>>,
}

/// A file of settings.
#[derive(Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// The settings of the environment, which those of the file go over.
    pub base: Config,
    /// What it said when it was read first.
    pub text: String,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Its name.
    pub name: String,
    /// Its address; port 0 for any.
    pub address: SocketAddr,
    /// TLS, unless it is plain.
    pub tls: Option<CertificateFiles>,
}

/// Which pages of which origins may call, and what they may send and read.
#[derive(Clone, Debug, Default)]
pub struct CorsConfig {
    /// Exact origins, for example `https://app.example`. Empty: only pages of the gateway's own origin.
    pub origins: Vec<String>,
    /// Headers that pages may send to services, beside gRPC's own.
    pub allow: Vec<String>,
    /// Headers and trailers of services that pages may read, beside gRPC's own.
    pub expose: Vec<String>,
}

/// How calls to some paths go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// What their paths begin with: `/package.Service/` for calls, anything else for documents.
    pub prefix: String,
    /// The cluster's name.
    pub cluster: String,
    /// How long they may take, beside the method's own deadline.
    pub timeout: Option<Duration>,
    /// What is repeated.
    pub retry: RetryPolicy,
}

impl RouteConfig {
    /// A route with the defaults.
    pub fn new(prefix: impl Into<String>, cluster: impl Into<String>) -> Self {
        let retry = RetryPolicy::default();
        Self { prefix: prefix.into(), cluster: cluster.into(), timeout: None, retry }
    }

    /// Whether calls of these methods go this way.
    pub fn leads_to(&self, methods: &[Method]) -> bool {
        methods.iter().any(|method| method.path.starts_with(&self.prefix))
    }
}

/// Every service of the method table to the cluster of its role, and the documents to their owners.
pub(crate) fn default_routes() -> Vec<RouteConfig> {
    let services: std::collections::BTreeMap<_, _> =
        METHODS.iter().map(|method| (method.service, method.role)).collect();
    let calls = services.into_iter().map(|(service, role)| (format!("/{service}/"), role));
    let documents = PREFIXES.into_iter().map(|(prefix, role)| (prefix.to_owned(), role));
    calls.chain(documents).map(|(prefix, role)| RouteConfig::new(prefix, role)).collect()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            methods: METHODS,
            // Strangers connect here: fewer streams each than between our own processes.
            serve: ServeConfig { connection_streams_max: 256, ..ServeConfig::default() },
            admin: None,
            access_log: None,
            listeners: Vec::new(),
            mtls: None,
            clusters: Vec::new(),
            routes: default_routes(),
            rate_limits: Vec::new(),
            redis: None,
            static_files: None,
            cors: CorsConfig::default(),
            request_bytes_max: 4 * 1024 * 1024,
            answer_bytes_max: 16 * 1024 * 1024,
            request_wait: Duration::from_secs(30),
            first_request_wait: Duration::from_secs(15),
            flush_wait: Duration::from_secs(30),
            stream_idle: Duration::from_secs(300),
            source: None,
        }
    }
}

impl Config {
    /// Reads `PARKMESH_<ROLE>_URL` (comma-separated) for every role of the method table,
    /// `PARKMESH_GATEWAY_CONFIG` (a file, docs/gateway.md), `_GATEWAY_ADMIN_LISTEN`, `_GATEWAY_APP_DIR`, `_ACCESS_LOG`, `_REDIS_URL`, `PARKMESH_CORS_ORIGINS`, `_CORS_ALLOW`, `_CORS_EXPOSE`, `_REQUEST_BYTES_MAX`, `_ANSWER_BYTES_MAX`,
    /// `_REQUEST_WAIT_SECONDS`, `_FIRST_REQUEST_WAIT_SECONDS`, `PARKMESH_MTLS_*` and `PARKMESH_GRPC_*`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let serve = default.serve.or(reader);
        let mtls = MtlsConfig::read(tls::OWN_NAME, reader);
        let clusters = roles().filter_map(|role| cluster_of(role, mtls.as_ref(), reader)).collect();
        let cors = CorsConfig {
            origins: reader.list("CORS_ORIGINS"),
            allow: reader.list("CORS_ALLOW"),
            expose: reader.list("CORS_EXPOSE"),
        };
        check(&cors, reader);
        let seconds = |reader: &mut Reader, name: &str, default: Duration| {
            Duration::from_secs(reader.get(name, default.as_secs()))
        };
        let base = Self {
            methods: default.methods,
            serve,
            admin: reader.find("GATEWAY_ADMIN_LISTEN"),
            access_log: reader.find("ACCESS_LOG"),
            listeners: Vec::new(),
            mtls,
            clusters,
            routes: default_routes(),
            rate_limits: Vec::new(),
            redis: reader.find::<String>("REDIS_URL").map(RedisConfig::of),
            static_files: reader.find("GATEWAY_APP_DIR"),
            cors,
            request_bytes_max: reader.get("REQUEST_BYTES_MAX", default.request_bytes_max),
            answer_bytes_max: reader.get("ANSWER_BYTES_MAX", default.answer_bytes_max),
            request_wait: seconds(reader, "REQUEST_WAIT_SECONDS", default.request_wait),
            first_request_wait: seconds(
                reader,
                "FIRST_REQUEST_WAIT_SECONDS",
                default.first_request_wait,
            ),
            flush_wait: default.flush_wait,
            stream_idle: default.stream_idle,
            source: None,
        };
        let config = match reader.find::<PathBuf>("GATEWAY_CONFIG") {
            Some(path) => Self::from_file(base, &path).unwrap_or_else(|error| {
                reader.mistake(fault::chain(&error));
                Self::default()
            }),
            None => base,
        };
        for role in roles().filter(|role| config.lacks(role)) {
            let name = setting_of(role);
            reader
                .mistake(format!("PARKMESH_{name} is not set; for example http://127.0.0.1:7001"));
        }
        config
    }

    /// The settings of a file, over these.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn from_file(base: Self, path: &Path) -> Result<Self, FileError> {
        let text = file::text(path)?;
        let source = Arc::new(Source { path: path.to_owned(), base, text });
        Self::from_text(Arc::clone(&source), &source.text)
    }

    /// The settings that the text of a file says.
    ///
    /// # Errors
    /// As [`Config::from_file`].
    pub fn from_text(source: Arc<Source>, text: &str) -> Result<Self, FileError> {
        let config = file::apply(&source.base, &source.path, text)?;
        Ok(Self { source: Some(source), ..config })
    }

    /// Whether a route leads to this cluster, and there is none.
    fn lacks(&self, name: &str) -> bool {
        self.routes.iter().any(|route| route.cluster == name)
            && !self.clusters.iter().any(|cluster| cluster.name == name)
    }
}

/// Roles that the method table names, each once.
pub(crate) fn roles() -> impl Iterator<Item = &'static str> {
    let roles: std::collections::BTreeSet<_> = METHODS.iter().map(|method| method.role).collect();
    roles.into_iter()
}

fn setting_of(role: &str) -> String {
    format!("{}_URL", role.to_ascii_uppercase().replace('-', "_"))
}

fn cluster_of(role: &str, mtls: Option<&MtlsConfig>, reader: &mut Reader) -> Option<ClusterConfig> {
    let name = setting_of(role);
    let told = reader.list(&name);
    if told.is_empty() {
        return None;
    }
    let mut addresses = Vec::new();
    for text in told {
        match Address::parse(&text) {
            Ok(address) => addresses.push(address),
            Err(error) => reader.mistake(format!("PARKMESH_{name}: {error}")),
        }
    }
    let transport_socket = TransportSocket::to(role, mtls);
    Some(ClusterConfig { transport_socket, ..ClusterConfig::new(role, addresses) })
}

fn check(cors: &CorsConfig, reader: &mut Reader) {
    for mistake in cors.origins.iter().filter_map(|origin| cors_mistake(origin)) {
        reader.mistake(format!("PARKMESH_CORS_ORIGINS: {mistake}"));
    }
}

/// What is wrong with an origin.
fn cors_mistake(origin: &str) -> Option<String> {
    let scheme = origin.starts_with("http://") || origin.starts_with("https://");
    let host_only = origin.matches('/').count() == 2;
    let good = scheme && host_only && HeaderValue::from_str(origin).is_ok();
    (!good).then(|| format!("{origin} is not an origin like https://app.example"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_needs_an_address_and_every_origin_is_exact() {
        let mut reader = Reader::of([
            ("PARKMESH_BOOKING_URL", "http://127.0.0.1:1, http://127.0.0.1:2, 127.0.0.1:3"),
            ("PARKMESH_CORS_ORIGINS", "https://app.example,*,https://app.example/"),
        ]);
        let config = Config::read(&mut reader);
        let booking = config.clusters.iter().find(|cluster| cluster.name == "booking");
        assert_eq!(booking.expect("a cluster").endpoints.len(), 2);
        let mistakes = reader.finish().expect_err("mistakes").mistakes;
        let named = |word: &str| mistakes.iter().filter(|one| one.contains(word)).count();
        assert_eq!(named("CORS_ORIGINS"), 2, "{mistakes:?}");
        assert_eq!(named("_URL is not set"), roles().count() - 1, "{mistakes:?}");
        assert_eq!(named("127.0.0.1:3 is not an address"), 1, "{mistakes:?}");
    }
}
