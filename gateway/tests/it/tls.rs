//! Listeners with TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_gateway::ListenerConfig;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::CertificateFiles;
use parkmesh_testkit::{eventually, listener};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Wire, framed, post};
use crate::cluster::more;
use crate::replicas::Tally;
use crate::world::{LIST, WATCH, World};

const BINARY: &str = "application/grpc-web+proto";

/// A certificate of a test's own, in files.
pub struct Certificate {
    pub config: CertificateFiles,
    current: CertificateDer<'static>,
}

impl Certificate {
    pub fn new(name: &str) -> Self {
        let path = |kind: &str| -> PathBuf {
            let file = format!("parkmesh-gateway-{name}-{}.{kind}", std::process::id());
            std::env::temp_dir().join(file)
        };
        let config = CertificateFiles { certificate_chain: path("crt"), private_key: path("key") };
        let mut certificate = Self { config, current: CertificateDer::from(Vec::new()) };
        certificate.renew();
        certificate
    }

    fn renew(&mut self) {
        self.show(&made());
    }

    fn show(&mut self, made: &Made) {
        std::fs::write(&self.config.private_key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&self.config.certificate_chain, made.cert.pem()).unwrap();
        self.current = made.cert.der().clone();
    }
}

type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

fn made() -> Made {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

impl Drop for Certificate {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.config.certificate_chain));
        drop(std::fs::remove_file(&self.config.private_key));
    }
}

async fn world(certificate: &Certificate) -> (World, SocketAddr) {
    let address = listener().await.local_addr().unwrap();
    let tls = Some(certificate.config.clone());
    let world = World::with(|config| {
        config.listeners = vec![ListenerConfig { name: "tls".to_owned(), address, tls }];
    })
    .await;
    (world, address)
}

async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_trusting(addr, std::slice::from_ref(trusted), protocols).await
}

async fn connect_trusting(
    addr: SocketAddr,
    trusted: &[CertificateDer<'static>],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|one| one.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

async fn wire(stream: TlsStream<TcpStream>, world: &World) -> Wire {
    wire_of(stream, &world.tasks).await
}

async fn wire_of(stream: TlsStream<TcpStream>, tasks: &Tasks) -> Wire {
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    if h2 {
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake(io).await.unwrap();
        tasks.spawn("tls-h2", async move { drop(connection.await) });
        Wire::Two(sender)
    } else {
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tasks.spawn("tls-h1", async move { drop(connection.await) });
        Wire::One(sender)
    }
}

async fn lists(wire: &mut Wire, world: &World) {
    let body = framed(&ListNotificationsRequest::default());
    let answer = wire.ask(post(LIST, &world.headers(BINARY), body)).await;
    assert!(answer.headers.get("grpc-status").is_none(), "{:?}", answer.headers);
}

#[tokio::test]
async fn the_client_chooses_http_2_or_1_and_strangers_certificates_are_not_ours() {
    let certificate = Certificate::new("alpn");
    let (world, addr) = world(&certificate).await;
    let offers: [(&[&str], &[u8]); 3] =
        [(&["h2", "http/1.1"], b"h2"), (&["http/1.1"], b"http/1.1"), (&["http/1.1", "h2"], b"h2")];
    for (offered, chosen) in offers {
        let stream = connect(addr, &certificate.current, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(chosen), "{offered:?}");
        lists(&mut wire(stream, &world).await, &world).await;
    }
    let other = Certificate::new("alpn-other");
    assert!(connect(addr, &other.current, &["h2"]).await.is_err(), "ours is another one");
    lists(&mut world.http1().await, &world).await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let mut certificate = Certificate::new("renewed");
    let (world, addr) = world(&certificate).await;
    let old = certificate.current.clone();
    let mut before = wire(connect(addr, &old, &["h2"]).await.unwrap(), &world).await;
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let mut stream = before.send(post(WATCH, &world.headers(BINARY), body)).await;
    assert!(stream.body_mut().frame().await.unwrap().unwrap().is_data());
    // What cannot be used is not shown.
    std::fs::write(&certificate.config.certificate_chain, "no certificate").unwrap();
    certificate.renew();
    let new = certificate.current.clone();
    let shown = eventually("the new certificate is shown", || async {
        connect(addr, &new, &["h2"]).await.ok()
    })
    .await;
    lists(&mut wire(shown, &world).await, &world).await;
    assert!(connect(addr, &old, &["h2"]).await.is_err(), "the old one is not shown any more");
    lists(&mut before, &world).await;
    assert!(!http_body::Body::is_end_stream(stream.body()), "the stream goes on");
}

/// Whoever calls while certificates change: over connections that stay, and over new ones for each call.
fn callers(world: &World, addr: SocketAddr, trusted: &Trusted) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for (stays, protocol) in [(true, "h2"), (true, "http/1.1"), (false, "h2"), (false, "http/1.1")]
    {
        let (tally, trusted, token) = (tally.clone(), trusted.clone(), world.token.clone());
        let tasks = world.tasks.clone();
        world.tasks.spawn("caller", async move {
            let headers = [("content-type", BINARY), ("authorization", token.as_str())];
            let mut kept = None;
            loop {
                let mut wire = match kept.take() {
                    Some(wire) => wire,
                    None => {
                        let known = trusted.lock().unwrap().clone();
                        let stream = connect_trusting(addr, &known, &[protocol]).await;
                        let Ok(stream) = stream else {
                            tally.bad.fetch_add(1, Ordering::SeqCst);
                            continue;
                        };
                        wire_of(stream, &tasks).await
                    }
                };
                let body = framed(&ListNotificationsRequest::default());
                let answer = wire.try_ask(post(LIST, &headers, body)).await;
                let good = answer.is_ok_and(|answer| answer.is_good());
                let counter = if good { &tally.good } else { &tally.bad };
                counter.fetch_add(1, Ordering::SeqCst);
                kept = (stays && good).then_some(wire);
            }
        });
    }
    tally
}

type Trusted = Arc<Mutex<Vec<CertificateDer<'static>>>>;

#[tokio::test]
async fn certificates_that_change_again_and_again_under_load_cost_no_call_and_no_stream() {
    const CHANGES: usize = 5;
    let mut certificate = Certificate::new("rotated");
    let (world, addr) = world(&certificate).await;
    let trusted: Trusted = Arc::new(Mutex::new(vec![certificate.current.clone()]));
    let tally = callers(&world, addr, &trusted);
    let mut streams = Vec::new();
    for _ in 0..CHANGES {
        let shown = certificate.current.clone();
        let mut wire = wire(connect(addr, &shown, &["h2"]).await.unwrap(), &world).await;
        let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
        let mut stream = wire.send(post(WATCH, &world.headers(BINARY), body)).await;
        assert!(stream.body_mut().frame().await.unwrap().unwrap().is_data());
        streams.push((wire, stream));
        // Those who call know it before it is shown, as they know an authority.
        let next = made();
        trusted.lock().unwrap().push(next.cert.der().clone());
        certificate.show(&next);
        let new = certificate.current.clone();
        eventually("the new certificate is shown", || async {
            connect(addr, &new, &["h2"]).await.ok()
        })
        .await;
        more(&tally, 20).await;
        assert!(
            connect(addr, &shown, &["h2"]).await.is_err(),
            "the last one is not shown any more"
        );
    }
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
    for (mut wire, mut stream) in streams {
        // What is left of three messages, and then nothing: neither an end nor an error.
        while let Some(next) = stream.body_mut().frame().now_or_never() {
            assert!(next.is_some_and(|next| next.unwrap().is_data()), "the stream ended");
        }
        lists(&mut wire, &world).await;
    }
}

#[tokio::test]
async fn a_listener_without_a_usable_certificate_does_not_start() {
    let certificate = Certificate::new("missing");
    let config = CertificateFiles {
        private_key: certificate.config.certificate_chain.clone(),
        ..certificate.config.clone()
    };
    let text = format!(
        "listeners:\n- name: tls\n  address: {{ socket_address: {{ address: 127.0.0.1, port_value: 1 }} }}\n  \
         common_tls_context:\n    tls_certificates:\n    - certificate_chain: {{ filename: {} }}\n      \
         private_key: {{ filename: {} }}\n",
        config.certificate_chain.display(),
        config.private_key.display()
    );
    let file = crate::settings::Settings::new("tls-missing", &text);
    let told = parkmesh_gateway::Config::from_file(parkmesh_gateway::Config::default(), &file.path);
    let told = told.expect_err("no key").to_string();
    assert!(told.contains(".yaml:6: ") && told.contains("holds no certificate and key"), "{told}");
}
