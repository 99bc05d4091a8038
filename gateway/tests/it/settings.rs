//! Settings from a file, and new ones while calls are under way.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::{
    ListNotificationsRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use parkmesh_gateway::{Config, Source};
use parkmesh_testkit::{eventually, listener};

use crate::client::{Wire, framed, post};
use crate::cluster::{crowd, more};
use crate::replicas::Replica;
use crate::world::{LIST, WATCH, World};

const BINARY: &str = "application/grpc-web+proto";

/// A file of settings of a test's own.
pub struct Settings {
    pub path: PathBuf,
}

impl Settings {
    pub fn new(world_of: &str, text: &str) -> Self {
        let name = format!("parkmesh-gateway-{world_of}-{}.yaml", std::process::id());
        let settings = Self { path: std::env::temp_dir().join(name) };
        settings.write(text);
        settings
    }

    /// In one step, as a careful hand and Kubernetes do.
    pub fn write(&self, text: &str) {
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &self.path).unwrap();
    }

    pub fn read(&self, base: Config) -> Config {
        Config::from_file(base, &self.path).unwrap()
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

pub fn cluster_yaml(addr: SocketAddr) -> String {
    format!(
        "clusters:\n- name: notification\n  type: STATIC\n  load_assignment:\n    endpoints:\n    - lb_endpoints:\n      \
         - endpoint: {{ address: {{ socket_address: {{ address: {}, port_value: {} }} }} }}\n",
        addr.ip(),
        addr.port()
    )
}

fn listener_yaml(addr: SocketAddr) -> String {
    format!(
        "listeners:\n- name: second\n  address: {{ socket_address: {{ address: {}, port_value: {} }} }}\n",
        addr.ip(),
        addr.port()
    )
}

async fn world(settings: &Settings) -> World {
    World::with(|config| *config = settings.read(config.clone())).await
}

async fn asked(replica: &Replica) {
    let before = replica.asked();
    eventually("the replica is asked", || async { (replica.asked() > before).then_some(()) }).await;
}

#[tokio::test]
async fn a_changed_file_counts_from_then_on_and_no_call_is_lost() {
    let (old, new) = (Replica::new().await, Replica::new().await);
    let settings = Settings::new("changed", &cluster_yaml(old.addr));
    let world = world(&settings).await;
    let tally = crowd(&world).await;
    asked(&old).await;
    settings.write(&cluster_yaml(new.addr));
    asked(&new).await;
    let before = old.asked();
    more(&tally, 100).await;
    assert_eq!(old.asked(), before, "nothing goes to the old one any more");
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing() {
    let (old, new) = (Replica::new().await, Replica::new().await);
    let settings = Settings::new("mistake", &cluster_yaml(old.addr));
    let world = world(&settings).await;
    let tally = crowd(&world).await;
    asked(&old).await;
    // Good words first: all or nothing.
    let taken = listener().await;
    let busy = listener_yaml(taken.local_addr().unwrap());
    for wrong in ["limits: { max_request_bytes: many }\n".to_owned(), busy] {
        settings.write(&format!("{}{wrong}", cluster_yaml(new.addr)));
        // Longer than between two looks: only the passing of time can show that nothing happens.
        let later = tokio::time::Instant::now() + std::time::Duration::from_millis(1_500);
        tokio::time::sleep_until(later).await;
        more(&tally, 50).await;
        assert_eq!(new.asked(), 0, "{wrong}");
    }
    drop(taken);
    settings.write(&cluster_yaml(new.addr));
    asked(&new).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_listener_comes_and_goes_and_ends_its_streams_with_a_reason() {
    let reserved = listener().await;
    let addr = reserved.local_addr().unwrap();
    drop(reserved);
    let settings = Settings::new("listener", "");
    let world = world(&settings).await;
    settings.write(&listener_yaml(addr));
    eventually("the listener is open", || async {
        tokio::net::TcpStream::connect(addr).await.ok()
    })
    .await;
    let mut wire = Wire::http1(addr, &world.tasks).await;
    let body = framed(&ListNotificationsRequest::default());
    let answer = wire.ask(post(LIST, &world.headers(BINARY), body)).await;
    assert!(answer.headers.get("grpc-status").is_none(), "{:?}", answer.headers);
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let stream = wire.send(post(WATCH, &world.headers(BINARY), body)).await;
    settings.write("");
    let rest = stream.into_body().collect().await.unwrap().to_bytes();
    let (_, trailers) = crate::client::read_frames::<WatchNotificationsResponse>(&rest);
    assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
    eventually("nobody listens there", || async {
        tokio::net::TcpStream::connect(addr).await.err()
    })
    .await;
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), vec![0; 5])).await;
    assert!(answer.headers.get("grpc-status").is_none(), "the first listener goes on");
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = "\
clusters:
- name: booking
  type: STATIC
  connect_timeout: 5
  load_assignment:
    endpoints:
    - lb_endpoints:
      - endpoint: { address: { socket_address: { address: booking, port_value: x } } }
  health_checks:
  - interval: 5s
  circuit_breakers:
    thresholds:
    - max_request: 5
routes:
- match: { prefix: parkmesh }
  route: { cluster: booking }
- match: { prefix: / }
  route:
    cluster: nowhere
    retry_policy: { retry_on: 5xx, num_retries: two }
cors:
  allow_origin_string_match:
  - exact: '*'
listener: []
static_files: { directory: /nowhere }
";
    let (path, base) = ("gateway.yaml".into(), Config::default());
    let source = Arc::new(Source { path, base, text: String::new() });
    let told = Config::from_text(source, text).expect_err("mistakes").to_string();
    let lines: Vec<&str> = told.lines().collect();
    let expected = [
        "gateway.yaml:4: clusters[0].connect_timeout: 5 is not a time like 0.25s",
        "gateway.yaml:6: clusters[0].load_assignment: an endpoint is needed",
        "gateway.yaml:8:",
        "gateway.yaml:10: clusters[0].health_checks[0]: grpc_health_check is missing",
        "gateway.yaml:13: clusters[0].circuit_breakers.thresholds[0].max_request is not known",
        "gateway.yaml:15:",
        "gateway.yaml:19: there is no cluster nowhere",
        "gateway.yaml:20: routes[1].route.retry_policy.num_retries: two does not fit",
        "gateway.yaml:20: routes[1].route.retry_policy.retry_on: 5xx is not known",
        "gateway.yaml:23: cors.allow_origin_string_match[0].exact: * is not an origin",
        "gateway.yaml:25: static_files.directory: /nowhere holds no index.html",
        "gateway.yaml:24: listener is not known; there is access_log, admin, clusters",
    ];
    for start in expected {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\n{told}");
    }
}

#[test]
fn a_hedge_that_could_never_be_made_is_a_mistake() {
    let told = |route: &str| {
        let text =
            format!("routes:\n- match: {{ prefix: / }}\n  route:\n    cluster: booking\n{route}");
        let mut base = Config::default();
        base.clusters.push(crate::world::cluster("booking", &[]));
        let source = Arc::new(Source { path: "x".into(), base, text: String::new() });
        Config::from_text(source, &text).map(|config| config.routes[0].retry.clone())
    };
    let hedged = "    hedge_policy:\n      hedge_on_per_try_timeout: true\n";
    let retry = "    retry_policy: { per_try_timeout: 0.1s }\n";
    let good = told(&format!("{hedged}{retry}")).expect("good");
    assert!(good.hedge_on_per_try_timeout);
    assert_eq!(good.per_try_timeout, Some(std::time::Duration::from_millis(100)));
    let off = "    hedge_policy: { hedge_on_per_try_timeout: false }\n";
    assert!(!told(off).expect("off").hedge_on_per_try_timeout);
    let place = "routes[0].route.hedge_policy";
    let wrong = [
        (hedged.to_owned(), "per_try_timeout is missing"),
        (format!("{hedged}{retry}    timeout: 0.1s\n"), "per_try_timeout is not shorter"),
        (
            format!("{hedged}    retry_policy: {{ per_try_timeout: 0.1s, num_retries: 0 }}\n"),
            "num_retries is 0",
        ),
        (hedged.replace("true", "yes"), "yes does not fit; for example true"),
        (
            hedged.replace("hedge_on_per_try_timeout", "initial_requests"),
            "initial_requests is not known",
        ),
    ];
    for (route, what) in wrong {
        let told = told(&route).expect_err(&route).to_string();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with(&format!("x:6: {place}.")) && told.contains(what), "{told}");
    }
}

/// Whether Envoy itself, fetched unless the machine has it, takes these settings; and what it says.
#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
fn envoy_judges(settings: &Settings) -> (bool, String) {
    let home = std::env::var("PARKMESH_TEST_HOME").expect("run `cargo xtask test`");
    let program = parkmesh_servers::envoy(home.as_ref(), &|step| eprintln!("{step}")).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--mode", "validate", "--log-level", "error", "-c"]).arg(&settings.path);
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn envoy_takes_the_settings_that_lie_beside_ours() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy.yaml")).unwrap();
    let (taken, told) = envoy_judges(&Settings::new("envoy", &text));
    assert!(taken, "{told}");
    let broken = text.replacen("cluster: booking", "cluster: nowhere", 1);
    let (taken, told) = envoy_judges(&Settings::new("envoy-broken", &broken));
    assert!(!taken && told.contains("nowhere"), "{told}");
}
