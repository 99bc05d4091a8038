//! Clusters that prove their names, and to whom the gate proves its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_gateway::{Config, TransportSocket};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::ServeConfig;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{Authority, Mtls, MtlsConfig};
use parkmesh_testkit::{Certificates, Tokens, authority, eventually, issued, service_id};

use crate::client::{framed, post};
use crate::cluster::{crowd, more, quick};
use crate::settings::{Settings, cluster_yaml};
use crate::world::{LIST, World, cluster, gateway, notifications_with, to};

const BINARY: &str = "application/grpc-web+proto";

/// A gate and a service behind it, each with its certificates.
struct Proven {
    world: World,
    gateway: Certificates,
    service: Certificates,
    mtls: Mtls,
}

/// The service shows the certificate of `shown`; the gate means notification, and trusts `trusted`.
async fn proven(
    (authority, trusted): (&Authority, &Authority),
    shown: &str,
    serve: ServeConfig,
) -> Proven {
    let (clock, ids) = (Clock::movable(), Ids::random());
    let (tasks, tokens) = (Tasks::new(&clock), Tokens::new(&clock, &ids));
    let verifier = tokens.verifier(&tasks).await;
    let service_files = Certificates::new(authority, shown);
    let gateway_files = Certificates::new(authority, "gateway");
    gateway_files.trust(&[trusted]);
    let mtls = Mtls::open(&service_files.config(), &tasks).unwrap();
    let proving = verifier.clone().with_mtls(mtls.clone());
    let (service, seen) = notifications_with(serve, &ids, &proving).await;
    let mut config = to("notification", service.addr);
    config.clusters[0].transport_socket =
        TransportSocket::to("notification", Some(&gateway_files.config()));
    let gateway = gateway(config, &clock, &ids, &verifier).await;
    let token = format!("Bearer {}", tokens.driver("anna"));
    let asked = Arc::default();
    let world = World { gateway, service, seen, asked, tasks, tokens, token, ids, clock, verifier };
    Proven { world, gateway: gateway_files, service: service_files, mtls }
}

async fn status(world: &World) -> Option<String> {
    let body = framed(&ListNotificationsRequest::default());
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), body)).await;
    let told = answer.headers.get("grpc-status");
    told.map(|status| status.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_gate_passes_tokens_on_to_a_service_that_proves_its_name() {
    let authority = authority();
    let proven = proven((&authority, &authority), "notification", ServeConfig::default()).await;
    assert_eq!(status(&proven.world).await, None, "the status is in the trailers");
}

#[tokio::test]
async fn health_is_asked_over_the_same_connections() {
    let authority = authority();
    let [well, unwell] = ["well", "unwell"].map(|_| Certificates::new(&authority, "notification"));
    let gateway_files = Certificates::new(&authority, "gateway");
    let world = World::new().await;
    let mut services = Vec::new();
    for files in [&well, &unwell] {
        let mtls = Mtls::open(&files.config(), &world.tasks).unwrap();
        let proving = world.verifier.clone().with_mtls(mtls);
        services.push(notifications_with(ServeConfig::default(), &world.ids, &proving).await);
    }
    services[1].0.health().unwrap().not_serving().await;
    let addrs: Vec<_> = services.iter().map(|(service, _)| service.addr).collect();
    let mut cluster = quick(cluster("notification", &addrs));
    cluster.transport_socket = TransportSocket::to("notification", Some(&gateway_files.config()));
    let config = Config { clusters: vec![cluster], ..Config::default() };
    let gateway = gateway(config, &world.clock, &world.ids, &world.verifier).await;
    let world = World { gateway, ..world };
    let asked = |service: usize| services[service].1.calls.load(Ordering::SeqCst);
    eventually("only who is well is asked", || async {
        let before = (asked(0), asked(1));
        for _ in 0..16 {
            assert_eq!(status(&world).await, None);
        }
        (asked(0) == before.0 + 16 && asked(1) == before.1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_replica_with_another_name_or_another_authority_is_not_spoken_to() {
    let (ours, stranger) = (authority(), authority());
    for (trusted, shown) in [(&ours, "payment"), (&stranger, "notification")] {
        let proven = proven((&ours, trusted), shown, ServeConfig::default()).await;
        assert_eq!(status(&proven.world).await.as_deref(), Some("14"), "{shown}");
        assert_eq!(proven.world.seen.calls.load(Ordering::SeqCst), 0, "{shown}");
    }
}

#[tokio::test]
async fn certificates_and_authorities_that_change_under_load_cost_no_call() {
    const TAKEOVERS: usize = 4;
    let mut current = authority();
    let serve =
        ServeConfig { connection_age: Duration::from_millis(150), ..ServeConfig::default() };
    let proven = proven((&current, &current), "notification", serve).await;
    let tally = crowd(&proven.world).await;
    let sides = [(&proven.gateway, "gateway"), (&proven.service, "notification")];
    // Both look fifty times a second.
    let settled = || proven.world.tasks.sleep(Duration::from_millis(200));
    for _ in 0..TAKEOVERS {
        let next = authority();
        sides.iter().for_each(|(files, _)| files.trust(&[&current, &next]));
        settled().await;
        more(&tally, 20).await;
        sides.iter().for_each(|(files, name)| files.show(&issued(&next, name)));
        settled().await;
        more(&tally, 20).await;
        sides.iter().for_each(|(files, _)| files.trust(&[&next]));
        settled().await;
        more(&tally, 20).await;
        current = next;
    }
    assert!(proven.mtls.renewals() >= 3 * TAKEOVERS as u64);
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

fn socket_yaml(own: &MtlsConfig, uri: &str) -> String {
    format!(
        "  transport_socket:\n    name: envoy.transport_sockets.tls\n    typed_config:\n      \
         '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n      \
         common_tls_context:\n        tls_certificates:\n        - certificate_chain: {{ filename: {} }}\n          \
         private_key: {{ filename: {} }}\n        validation_context:\n          trusted_ca: {{ filename: {} }}\n          \
         match_typed_subject_alt_names:\n          - san_type: URI\n            matcher: {{ exact: {uri} }}\n",
        own.certificate.certificate_chain.display(),
        own.certificate.private_key.display(),
        own.authorities.display()
    )
}

const URI: &str = "spiffe://parkmesh/service/notification";

#[test]
fn a_cluster_says_in_envoys_words_whom_it_means() {
    let files = Certificates::new(&authority(), "gateway");
    let addr = "127.0.0.1:7005".parse().unwrap();
    let read = |text: &str, base: Config| {
        let settings = Settings::new("mtls", &format!("{}{text}", cluster_yaml(addr)));
        let config = settings.read(base);
        config.clusters.into_iter().find(|one| one.name == "notification").unwrap()
    };
    let said = read(&socket_yaml(&files.config(), URI), Config::default());
    let socket = said.transport_socket.unwrap();
    assert_eq!(socket.server, service_id("notification"));
    assert_eq!(socket.own.name, service_id("gateway"));
    assert_eq!(socket.own.authorities, files.config().authorities);
    // What the environment says counts for clusters that say nothing, and raw_buffer is nothing.
    let mtls = Some(files.config());
    let base = || Config { mtls: mtls.clone(), ..Config::default() };
    let default = read("", base()).transport_socket;
    assert_eq!(default, TransportSocket::to("notification", mtls.as_ref()));
    let raw = "  transport_socket: { name: envoy.transport_sockets.raw_buffer }\n";
    assert_eq!(read(raw, base()).transport_socket, None);
}

#[test]
fn what_is_wrong_with_a_transport_socket_is_told_with_its_line() {
    let files = Certificates::new(&authority(), "gateway");
    let (own, addr) = (files.config(), "127.0.0.1:7005".parse().unwrap());
    let good = socket_yaml(&own, URI);
    let mut swapped = own.clone();
    swapped.authorities = "/nowhere/ca.crt".into();
    let replaced = |from: &str, to: &str| good.replace(from, to);
    let key = format!("private_key: {{ filename: {} }}", own.certificate.private_key.display());
    let cases = [
        (replaced("sockets.tls\n", "sockets.quic\n"), ":9: clusters[0].transport_socket.name"),
        (replaced(URI, "https://booking"), ":20: "),
        (replaced("san_type: URI", "san_type: DNS"), ":19: "),
        (replaced(&key, "x: y"), ":14: "),
        (socket_yaml(&swapped, URI), "/nowhere/ca.crt is not readable"),
    ];
    for (text, wanted) in cases {
        let text = format!("{}{text}", cluster_yaml(addr));
        let settings = Settings::new("mtls-wrong", &text);
        let told = Config::from_file(Config::default(), &settings.path).unwrap_err().to_string();
        assert!(told.contains(wanted), "{wanted}: {told}\n{text}");
    }
}
