//! The five clients of gRPC-Web that npm has, in Node and in Chromium, against everything that a service may do: tests/web/cases.mjs says what
//! must come of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use parkmesh_gateway::{CorsConfig, ListenerConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::CertificateFiles;
use parkmesh_testkit::{eventually, listener, node_with};
use serde_json::Value;

use crate::obedient::{GivenUp, obedient};
use crate::tls::Certificate;
use crate::world::{World, cluster};

/// The ways to use the clients, by name and format: two of them have two formats.
const WAYS: [(&str, &str); 7] = [
    ("grpc-web", "text"),
    ("grpc-web", "binary"),
    ("@connectrpc/connect-web", "binary"),
    ("@protobuf-ts/grpcweb-transport", "text"),
    ("@protobuf-ts/grpcweb-transport", "binary"),
    ("nice-grpc-web", "binary"),
    ("@improbable-eng/grpc-web", "binary"),
];
/// One of them asks by `fetch` or, in a browser, by `XMLHttpRequest`.
const BROWSER_WAY: (&str, &str) = ("@improbable-eng/grpc-web", "binary by XMLHttpRequest");
/// What each way must bear.
const CASES: [&str; 11] = [
    "unary",
    "error_with_details",
    "server_stream",
    "error_after_messages",
    "stream_cut_by_the_upstream",
    "trailers_only",
    "one_mebibyte",
    "binary_metadata",
    "deadline",
    "cancel_reaches_the_upstream",
    "cors_preflight",
];
/// Headers of the obedient service: what it is told, and what it says.
const TOLD: [&str; 2] = ["x-do", "x-data-bin"];
const SAYS: [&str; 3] = ["x-first", "x-data-bin", "x-many"];

/// A gate before an obedient service, with a log.
struct Stage {
    world: World,
    given_up: GivenUp,
    tls: SocketAddr,
    origin: String,
    log: PathBuf,
}

impl Stage {
    async fn new(name: &str, tls: CertificateFiles) -> Self {
        let (service, given_up) = obedient(&Tasks::new(&Clock::system())).await;
        let address = listener().await.local_addr().unwrap();
        let origin = format!("http://{}", listener().await.local_addr().unwrap());
        let log = std::env::temp_dir().join(format!("parkmesh-{name}-{}.log", std::process::id()));
        let world = World::with(|config| {
            config.clusters = vec![cluster("notification", &[service])];
            config.access_log = Some(log.clone());
            config.cors = CorsConfig {
                origins: vec![origin.clone()],
                allow: TOLD.map(str::to_owned).to_vec(),
                expose: SAYS.map(str::to_owned).to_vec(),
            };
            config.listeners =
                vec![ListenerConfig { name: "tls".to_owned(), address, tls: Some(tls) }];
        })
        .await;
        Self { world, given_up, tls: address, origin, log }
    }

    /// Runs this script to this address, for each of these ways, and tells what went wrong.
    async fn run(
        &self,
        script: &'static str,
        ways: &[(&str, &str)],
        (url, certificate): Where<'_>,
    ) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-web");
        let token = self.world.token.trim_start_matches("Bearer ").to_owned();
        let (origin, certificate) = (self.origin.clone(), certificate.map(Path::to_owned));
        let arguments = [script.to_owned(), url.clone(), token];
        let output = tokio::task::spawn_blocking(move || {
            let folder = node_with(&source, &folder);
            let descriptors = folder.join("descriptors.binpb");
            std::fs::write(&descriptors, parkmesh_contracts::FILE_DESCRIPTOR_SET).unwrap();
            let mut node = Command::new("node");
            node.current_dir(&folder).args(arguments).arg(descriptors);
            node.arg(origin).args(certificate).output().unwrap()
        })
        .await
        .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let outcomes: Vec<Value> = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {text}\n{said}"));
        let wrong = told(&format!("{script}, {url}"), ways, &outcomes);
        assert!(wrong.is_empty(), "{}\n{said}", wrong.join("\n"));
    }

    /// All cancellations arrived, and everybody spoke this version.
    async fn look_back(&self, ways: usize, version: &str) {
        eventually("the service hears of each cancellation", || async {
            (self.given_up.count() >= ways).then_some(())
        })
        .await;
        // Trailers alone are asked for twice, and preflights by another method.
        let calls_min = ways * (CASES.len() - 1);
        let calls = eventually("the log", || async {
            let text = std::fs::read_to_string(&self.log).ok()?;
            let calls: Vec<String> =
                text.lines().filter(|line| line.contains("\"POST\"")).map(str::to_owned).collect();
            (calls.len() >= calls_min).then_some(calls)
        })
        .await;
        for call in calls {
            assert!(call.contains(&format!("\"protocol\":\"{version}\"")), "{call}");
        }
        std::fs::remove_file(&self.log).unwrap();
    }
}

/// An address, and the certificate that is shown there where it must be told.
type Where<'a> = (String, Option<&'a Path>);

/// Prints the matrix, and tells what went wrong in it; a hole is wrong too.
fn told(place: &str, ways: &[(&str, &str)], outcomes: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    println!("{place}");
    for (client, format) in ways {
        for case in CASES {
            let is = |one: &&Value| {
                one["client"] == *client && one["format"] == *format && one["case"] == case
            };
            let told = match outcomes.iter().find(is) {
                Some(outcome) => outcome.get("wrong").map(Value::to_string),
                None => Some("was not run".to_owned()),
            };
            println!("  {client} {format} {case}: {}", told.as_deref().unwrap_or("passed"));
            wrong.extend(told.map(|told| format!("{client} {format} {case}: {told}")));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_over_http_1_1() {
    let certificate = Certificate::new("clients-1");
    let stage = Stage::new("clients-1", certificate.config.clone()).await;
    let url = format!("http://{}", stage.world.gateway.addr);
    stage.run("matrix.mjs", &WAYS, (url, None)).await;
    stage.look_back(WAYS.len(), "HTTP/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_over_http_2_with_tls() {
    let certificate = Certificate::new("clients-2");
    let stage = Stage::new("clients-2", certificate.config.clone()).await;
    let url = format!("https://localhost:{}", stage.tls.port());
    stage.run("matrix.mjs", &WAYS, (url, Some(&certificate.config.certificate_chain))).await;
    stage.look_back(WAYS.len(), "HTTP/2").await;
}

/// All of them, and the one that only a browser has.
fn browser_ways() -> Vec<(&'static str, &'static str)> {
    WAYS.into_iter().chain([BROWSER_WAY]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_in_a_browser_over_http_1_1() {
    let certificate = Certificate::new("browser-1");
    let stage = Stage::new("browser-1", certificate.config.clone()).await;
    let url = format!("http://{}", stage.world.gateway.addr);
    stage.run("chromium.mjs", &browser_ways(), (url, None)).await;
    stage.look_back(browser_ways().len(), "HTTP/1.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_clients_bear_everything_in_a_browser_over_http_2_with_tls() {
    let certificate = Certificate::new("browser-2");
    let stage = Stage::new("browser-2", certificate.config.clone()).await;
    let url = format!("https://localhost:{}", stage.tls.port());
    stage.run("chromium.mjs", &browser_ways(), (url, None)).await;
    stage.look_back(browser_ways().len(), "HTTP/2").await;
}
