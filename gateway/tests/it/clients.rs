//! The five clients of gRPC-Web that npm has, against everything that a service may do: tests/web/matrix.mjs says what must come of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use parkmesh_gateway::{ListenerConfig, TlsConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{eventually, listener, node_with};
use serde_json::Value;

use crate::obedient::{GivenUp, obedient};
use crate::tls::Certificate;
use crate::world::{ORIGIN, World, cluster};

/// Seven ways to use the clients (two of them have two formats) and eleven cases, one of which one cannot show.
const OUTCOMES: usize = 7 * 11 - 1;
/// One of them, the official client in binary, is told of no message before the end: it cannot cancel after the first.
const CANCELLED: usize = 6;

/// A gate before an obedient service, with a log.
struct Stage {
    world: World,
    given_up: GivenUp,
    tls: SocketAddr,
    log: PathBuf,
}

impl Stage {
    async fn new(name: &str, tls: TlsConfig) -> Self {
        let (service, given_up) = obedient(&Tasks::new(&Clock::system())).await;
        let address = listener().await.local_addr().unwrap();
        let log = std::env::temp_dir().join(format!("parkmesh-{name}-{}.log", std::process::id()));
        let world = World::with(|config| {
            config.clusters = vec![cluster("notification", &[service])];
            config.access_log = Some(log.clone());
            config.listeners =
                vec![ListenerConfig { name: "tls".to_owned(), address, tls: Some(tls) }];
        })
        .await;
        Self { world, given_up, tls: address, log }
    }

    /// Runs all clients to this address and tells what went wrong.
    async fn run(&self, url: String, certificate: Option<&Path>) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-web");
        let token = self.world.token.trim_start_matches("Bearer ").to_owned();
        let certificate = certificate.map(Path::to_owned);
        let output = tokio::task::spawn_blocking(move || {
            let folder = node_with(&source, &folder);
            let descriptors = folder.join("descriptors.binpb");
            std::fs::write(&descriptors, parkmesh_contracts::FILE_DESCRIPTOR_SET).unwrap();
            let mut node = Command::new("node");
            node.current_dir(&folder).args(["matrix.mjs", &url, &token]).arg(descriptors);
            node.arg(ORIGIN).args(certificate).output().unwrap()
        })
        .await
        .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let outcomes: Vec<Value> = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {text}\n{said}"));
        let wrong: Vec<String> = outcomes
            .iter()
            .filter(|one| one.get("wrong").is_some())
            .map(|one| {
                format!("{} {} {}: {}", one["client"], one["format"], one["case"], one["wrong"])
            })
            .collect();
        assert!(wrong.is_empty(), "{}\n{said}", wrong.join("\n"));
        assert_eq!(outcomes.len(), OUTCOMES);
    }

    /// All cancellations arrived, and everybody spoke this version.
    async fn look_back(&self, version: &str) {
        eventually("the service hears of each cancellation", || async {
            (self.given_up.count() >= CANCELLED).then_some(())
        })
        .await;
        let calls = eventually("the log", || async {
            let text = std::fs::read_to_string(&self.log).ok()?;
            let calls: Vec<String> =
                text.lines().filter(|line| line.contains("\"POST\"")).map(str::to_owned).collect();
            (calls.len() >= OUTCOMES - 7).then_some(calls)
        })
        .await;
        for call in calls {
            assert!(call.contains(&format!("\"protocol\":\"{version}\"")), "{call}");
        }
        std::fs::remove_file(&self.log).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_over_http_1_1() {
    let certificate = Certificate::new("clients-1");
    let stage = Stage::new("clients-1", certificate.config.clone()).await;
    stage.run(format!("http://{}", stage.world.gateway.addr), None).await;
    stage.look_back("HTTP/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_over_http_2_with_tls() {
    let certificate = Certificate::new("clients-2");
    let stage = Stage::new("clients-2", certificate.config.clone()).await;
    let url = format!("https://localhost:{}", stage.tls.port());
    stage.run(url, Some(&certificate.config.certificate_chain)).await;
    stage.look_back("HTTP/2").await;
}
