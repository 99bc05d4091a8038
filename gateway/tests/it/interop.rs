//! The interop procedures of gRPC, by its stock clients: tests/clients/interop.py and tests/web/interop.mjs say what must come of each.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use parkmesh_gateway::{ListenerConfig, RouteConfig};
use parkmesh_platform::serve::{Running, ServeConfig, Server};
use parkmesh_testkit::{eventually, listener, node_with, python_with};
use serde_json::Value;

use crate::test_service::{METHODS, TestService, find};
use crate::tls::Certificate;
use crate::world::{World, cluster};

/// What gRPC's own description lists, without compression and what needs a cloud's accounts.
const PROCEDURES: [&str; 14] = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
];
/// A gate with two listeners before gRPC's test service.
struct Stage {
    world: World,
    service: TestService,
    _server: Running,
    tls: SocketAddr,
    certificate: Certificate,
}

impl Stage {
    async fn new(name: &str) -> Self {
        let certificate = Certificate::new(name);
        let (tls, inside) = (listener().await.local_addr().unwrap(), listener().await);
        let world = World::with(|config| {
            config.methods = METHODS;
            config.routes = vec![RouteConfig::new("/grpc.testing.TestService/", "testing")];
            config.clusters = vec![cluster("testing", &[inside.local_addr().unwrap()])];
            let listener = Some(certificate.config.clone());
            config.listeners =
                vec![ListenerConfig { name: "tls".to_owned(), address: tls, tls: listener }];
        })
        .await;
        let service = TestService::default();
        let config = ServeConfig { drain: std::time::Duration::ZERO, ..ServeConfig::default() };
        let server = Server::new("testing", config, &world.ids, &world.verifier).methods(find);
        let server = server.service(service.clone()).start(inside).await.unwrap();
        server.ready().await;
        Self { world, service, _server: server, tls, certificate }
    }

    /// Both ways in, each with the certificate that it shows.
    fn ways(&self) -> [(&'static str, String, Option<PathBuf>); 2] {
        let certificate = self.certificate.config.certificate_chain.clone();
        [
            ("HTTP/2", self.world.gateway.addr.to_string(), None),
            ("HTTP/2 with TLS", format!("localhost:{}", self.tls.port()), Some(certificate)),
        ]
    }

    /// Has this program go through all procedures, both ways; it is given address, token, contract and certificate. Each
    /// time at least so many calls are given up, if the service hears of it.
    async fn pass(
        &self,
        client: &str,
        given_up: usize,
        program: impl Fn() -> Command + Clone + Send + 'static,
    ) {
        let contract = clients().join("interop.proto");
        let mut failed = Vec::new();
        for (way, address, certificate) in self.ways() {
            let before = self.service.given_up.count();
            let token = self.world.token.trim_start_matches("Bearer ").to_owned();
            let (program, contract) = (program.clone(), contract.clone());
            let run = move || {
                let mut command = program();
                command.args([address, token]).arg(contract).args(certificate).output().unwrap()
            };
            let output = tokio::task::spawn_blocking(run).await.unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let outcomes: Vec<Value> = serde_json::from_str(text.lines().last().unwrap_or(""))
                .unwrap_or_else(|error| {
                    panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr))
                });
            for procedure in PROCEDURES {
                let found = outcomes.iter().find(|one| one["procedure"] == procedure);
                let wrong = match found {
                    Some(outcome) => outcome.get("wrong").map(Value::to_string),
                    None => Some("was not run".to_owned()),
                };
                println!("{client}, {way}, {procedure}: {}", wrong.as_deref().unwrap_or("passed"));
                failed.extend(wrong.map(|wrong| format!("{client}, {way}, {procedure}: {wrong}")));
            }
            eventually("the service hears that a call was given up", || async {
                (self.service.given_up.count() >= before + given_up).then_some(())
            })
            .await;
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// A Python with both of its stock clients.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop-python");
    let packages = ["grpcio==1.85.1", "grpcio-tools==1.85.1", "grpclib==0.4.9"];
    python_with(&folder, "grpclib, grpc_tools", &packages)
}

async fn python_passes(client: &'static str) {
    let stage = Stage::new(&format!("interop-{client}")).await;
    let python = tokio::task::spawn_blocking(python).await.unwrap();
    let program = move || {
        let mut command = Command::new(&python);
        command.arg("-B").arg(clients().join("interop.py")).arg(client);
        command
    };
    // That of `cancel_after_first_response`.
    stage.pass(client, 1, program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_passes_the_interop_procedures() {
    python_passes("grpcio").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpclib_passes_the_interop_procedures() {
    python_passes("grpclib").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_js_passes_the_interop_procedures() {
    let stage = Stage::new("interop-grpc-js").await;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-web");
    let folder = tokio::task::spawn_blocking(move || node_with(&source, &folder)).await.unwrap();
    let program = move || {
        let mut command = Command::new("node");
        command.current_dir(&folder).arg("interop.mjs");
        command
    };
    // It ends its requests when it gives a call up, and the service may end the call first.
    stage.pass("grpc-js", 0, program).await;
}
