//! Our gateway and Envoy as processes of their own, with the settings that each is shipped with, before the same upstream.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;

use crate::Failure;
use crate::proof::repository;
use crate::up;

/// The page that may call.
pub const ORIGIN: &str = "https://app.example";
/// Ports of the services in both files of settings.
const SERVICES: std::ops::RangeInclusive<u16> = 7001..=7005;
/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(20);
const LOOK_PERIOD: Duration = Duration::from_millis(10);
/// How long tokens hold, in seconds.
const TOKEN_SECONDS: u32 = 24 * 3_600;

/// A running gateway.
pub struct Gate {
    child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Gate {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn start(mut command: Command, addr: SocketAddr) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut gate = Self { child, addr };
        let began = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = gate.child.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if began.elapsed() > START_MAX {
                return Err(format!("{command:?} does not listen").into());
            }
            std::thread::sleep(LOOK_PERIOD);
        }
        Ok(gate)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The program of the yardstick; fetched unless it is there.
pub fn envoy_program() -> Result<PathBuf, Failure> {
    let home = repository().join(".parkmesh");
    Ok(parkmesh_servers::envoy(&home, &|step| println!("  {step}"))?)
}

/// Envoy with gateway/envoy.yaml, on one thread, without its access log: cors, `grpc_web` and router only.
pub fn envoy(program: &Path, upstream: SocketAddr, home: &Path) -> Result<Gate, Failure> {
    let addr = free()?;
    let shipped = std::fs::read_to_string(repository().join("gateway/envoy.yaml"))?;
    let settings = without_log(&to_upstream(&shipped, upstream))
        .replace("port_value: 8080", &format!("port_value: {}", addr.port()))
        .replace("port_value: 9901", &format!("port_value: {}", free()?.port()));
    let path = home.join("envoy.yaml");
    std::fs::write(&path, settings)?;
    let mut command = Command::new(program);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "critical", "-c"]);
    command.arg(path);
    Gate::start(command, addr)
}

/// Ours with gateway/gateway.yaml, on one thread, with tokens, a limit of rates, metrics and an access log.
pub fn ours(upstream: SocketAddr, home: &Path) -> Result<Gate, Failure> {
    let (addr, admin) = (free()?, free()?);
    issuer(home)?.write_jwks(&home.join("jwks.json"))?;
    let shipped = std::fs::read_to_string(repository().join("gateway/gateway.yaml"))?;
    let origins = format!("allow_origin_string_match: [{{ exact: \"{ORIGIN}\" }}]");
    // A bucket for each client that nobody empties: it is looked at all the same.
    let bucket = "{ max_tokens: 1000000000, tokens_per_fill: 1000000000, fill_interval: 1s }";
    let settings = to_upstream(&shipped, upstream)
        .replace("allow_origin_string_match: []", &origins)
        .replace("rate_limits: []", &format!("rate_limits: [{{ token_bucket: {bucket} }}]"));
    let path = home.join("gateway.yaml");
    std::fs::write(&path, settings)?;
    let mut command = Command::new(up::binary()?);
    command
        .args(["serve", "gateway"])
        .env("PARKMESH_THREADS", "1")
        .env("PARKMESH_LISTEN", addr.to_string())
        .env("PARKMESH_ADMIN_LISTEN", admin.to_string())
        .env("PARKMESH_GATEWAY_CONFIG", path)
        .env("PARKMESH_AUTH_JWKS", home.join("jwks.json"))
        .env("PARKMESH_ACCESS_LOG", home.join("access.log"));
    command.stderr(std::fs::File::create(home.join("gateway.log"))?);
    Gate::start(command, addr)
}

/// A token of somebody in this role.
pub fn token(home: &Path, role: Role) -> Result<String, Failure> {
    Ok(issuer(home)?.mint(&Claims::new("anna", role, TOKEN_SECONDS))?)
}

fn issuer(home: &Path) -> Result<Issuer, Failure> {
    Ok(Issuer::open(&home.join("issuer.pem"), &Clock::system(), &Ids::random())?)
}

fn to_upstream(shipped: &str, upstream: SocketAddr) -> String {
    SERVICES.fold(shipped.to_owned(), |text, port| {
        let there = format!("port_value: {}", upstream.port());
        text.replace(&format!("port_value: {port}"), &there)
    })
}

fn without_log(settings: &str) -> String {
    let (begin, end) =
        (settings.find("          access_log:"), settings.find("          route_config:"));
    match (begin, end) {
        (Some(begin), Some(end)) => format!("{}{}", &settings[..begin], &settings[end..]),
        _ => settings.to_owned(),
    }
}

/// A port that nobody has at this moment.
fn free() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
