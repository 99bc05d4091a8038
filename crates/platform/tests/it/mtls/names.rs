//! Certificates that must be refused, by either side.

use std::io;
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::tls::{Authority, Issued};
use parkmesh_testkit::{authority, issued, listener, service_id};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::world::{World, plain_client, plain_server};

const HOUR: Duration = Duration::from_secs(3_600);
/// An HTTP/2 client's first words, with empty settings: a server answers them.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What nobody may take for the certificate of this service, and why.
fn wrong_ones(ours: &Authority, service: &str) -> Vec<(&'static str, Issued)> {
    let (now, name) = (Clock::system().now(), service_id(service));
    let at = |from, until| ours.issue(&name, from, until).unwrap();
    let named = |uris: &[&str]| {
        let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
        ours.sign(&uris, [service, "localhost"], (now - HOUR, now + HOUR)).unwrap()
    };
    let own = name.to_string();
    vec![
        ("another authority's", issued(&authority(), service)),
        ("expired", at(now - 2 * HOUR, now - Duration::from_secs(1))),
        ("not yet valid", at(now + HOUR, now + 2 * HOUR)),
        ("without a name", named(&[])),
        ("with two names", named(&[&own, "spiffe://parkmesh/service/gateway"])),
        ("with its name twice", named(&[&own, &own])),
        ("of another trust domain", named(&[&format!("spiffe://elsewhere/service/{service}")])),
        ("of no service", named(&[&format!("spiffe://parkmesh/user/{service}")])),
        ("with another URI", named(&[&format!("https://parkmesh/service/{service}")])),
    ]
}

/// What a stranger hears from payment after it has shown this.
async fn hears(world: &World, shown: Option<&Issued>) -> io::Result<Vec<u8>> {
    let connector = TlsConnector::from(plain_client(&world.authority, shown));
    let socket = TcpStream::connect(world.addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, socket).await?;
    stream.write_all(PREFACE).await?;
    let mut heard = vec![0; 9];
    stream.read_exact(&mut heard).await.map(|_| heard)
}

#[tokio::test]
async fn a_server_lets_nobody_in_who_does_not_prove_to_be_a_service_of_ours() {
    let world = World::new().await;
    let good = issued(&world.authority, "booking");
    let heard = hears(&world, Some(&good)).await.expect("this one is good");
    assert_eq!(heard[3], 4, "settings: the server speaks HTTP/2");
    assert!(hears(&world, None).await.is_err(), "no certificate");
    for (what, wrong) in wrong_ones(&world.authority, "booking") {
        let heard = hears(&world, Some(&wrong)).await;
        assert!(heard.is_err(), "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn who_speaks_no_tls_is_not_answered() {
    let world = World::new().await;
    let mut socket = TcpStream::connect(world.addr).await.unwrap();
    socket.write_all(PREFACE).await.unwrap();
    let mut heard = Vec::new();
    let _ended = socket.read_to_end(&mut heard).await;
    // At most an alert of TLS, which begins with 21; never the settings of HTTP/2.
    assert!(heard.first().is_none_or(|first| *first == 21), "{heard:?}");
}

#[tokio::test]
async fn a_client_goes_on_with_nobody_who_does_not_prove_to_be_who_is_meant() {
    let world = World::new().await;
    let (_files, booking) = world.service("booking");
    let towards = booking.towards(service_id("payment"));
    let good = ("payment's own", issued(&world.authority, "payment"));
    let other = ("another service's", issued(&world.authority, "sensor"));
    let wrong = wrong_ones(&world.authority, "payment");
    for (what, shown) in [good, other].into_iter().chain(wrong) {
        let listener = listener().await;
        let addr = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(plain_server(&shown));
        world.tasks.spawn("server", async move {
            let (socket, _) = listener.accept().await.unwrap();
            let _kept = acceptor.accept(socket).await;
            std::future::pending::<()>().await;
        });
        let socket = TcpStream::connect(addr).await.unwrap();
        let connected = towards.connect(socket).await;
        assert_eq!(connected.is_ok(), what == "payment's own", "{what}: {connected:?}");
    }
}

#[tokio::test]
async fn a_client_does_not_speak_to_a_server_without_tls() {
    let world = World::new().await;
    let (_files, booking) = world.service("booking");
    let listener = listener().await;
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    assert!(booking.towards(service_id("payment")).connect(socket).await.is_err());
}
