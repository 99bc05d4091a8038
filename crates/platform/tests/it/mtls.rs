//! Services that know each other by their certificates.

mod names;
mod rotation;
mod world;

use std::time::Duration;

use parkmesh_platform::tls::{Mtls, MtlsConfig, TlsError};
use parkmesh_testkit::{Certificates, authority, eventually, issued};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use world::{World, authorize, refusal};

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn a_service_is_who_its_certificate_says_and_may_call_what_the_table_says() {
    let world = World::new().await;
    world.authorize("booking").await.unwrap();
    for other in ["availability", "gateway", "payment", "a-new-one"] {
        let refused = world.authorize(other).await.unwrap_err();
        assert_eq!(refusal(&refused), is(Code::PermissionDenied, "CALLER_NOT_ALLOWED"), "{other}");
    }
    // Without a token nobody makes a call of a person's.
    let refused = world.capture("gateway", None).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::PermissionDenied, "CALLER_NOT_ALLOWED"));
}

#[tokio::test]
async fn health_is_open_to_every_service() {
    let world = World::new().await;
    let (_files, mtls) = world.service("sensor-bridge");
    let mut health = HealthClient::new(world.channel(&mtls));
    health.check(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn no_token_lends_a_service_another_name() {
    let world = World::new().await;
    let token = |name: &str| world.tokens.service(name);
    let refused = world.capture("availability", Some(&token("booking"))).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::Unauthenticated, "NAME_NOT_PROVEN"));
    // Its own name changes nothing.
    let refused = world.capture("availability", Some(&token("availability"))).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::PermissionDenied, "CALLER_NOT_ALLOWED"));
    // Nor does a bad token count as none.
    let refused = world.capture("booking", Some("nonsense")).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::Unauthenticated, "TOKEN_INVALID"));
}

#[tokio::test]
async fn tokens_of_people_come_through_the_gateway_and_nobody_else() {
    let world = World::new().await;
    let token = world.tokens.operator("olga", []);
    world.capture("gateway", Some(&token)).await.unwrap();
    for other in ["booking", "availability", "sensor-bridge", "payment"] {
        let refused = world.capture(other, Some(&token)).await.unwrap_err();
        assert_eq!(refusal(&refused), is(Code::PermissionDenied, "RELAY_NOT_ALLOWED"), "{other}");
    }
    // The scopes still count.
    let driver = world.tokens.driver("anna");
    let refused = world.capture("gateway", Some(&driver)).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::PermissionDenied, "SCOPE_MISSING"));
}

#[tokio::test]
async fn a_client_speaks_to_the_service_that_it_means_and_to_no_other() {
    let world = World::new().await;
    let (_files, mtls) = world.service("booking");
    authorize(world.channel(&mtls)).await.unwrap();
    let refused = authorize(world.channel_to("notification", &mtls)).await.unwrap_err();
    assert_eq!(refusal(&refused), is(Code::Unavailable, "SERVICE_AWAY"));
}

#[tokio::test]
async fn who_connects_and_says_nothing_keeps_nobody_waiting_and_is_cut_off() {
    let world = World::new().await;
    let mut silent = Vec::new();
    for _ in 0..32 {
        silent.push(TcpStream::connect(world.addr).await.unwrap());
    }
    world.authorize("booking").await.unwrap();
    for socket in &mut silent {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read(&mut byte));
        assert!(matches!(read.await.unwrap(), Ok(0) | Err(_)), "the connection is closed");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_our_own_is_told_at_the_start() {
    let (world, stranger) = (World::new().await, authority());
    let open = |config: &MtlsConfig| Mtls::open(config, &world.tasks).map(|_| ());
    let files = Certificates::new(&world.authority, "booking");
    files.show(&issued(&world.authority, "payment"));
    let told = open(&files.config()).unwrap_err();
    assert!(matches!(told, TlsError::OtherName { .. }), "{told}");
    assert!(told.to_string().contains("names spiffe://parkmesh/service/payment"), "{told}");
    files.show(&issued(&stranger, "booking"));
    open(&files.config()).unwrap();
    let mut config = files.config();
    config.authorities = config.certificate.private_key.clone();
    let told = open(&config).unwrap_err().to_string();
    assert!(told.contains("holds no authorities in PEM: there is none"), "{told}");
    config.authorities = "/nowhere/ca.crt".into();
    let told = open(&config).unwrap_err().to_string();
    assert_eq!(told, "/nowhere/ca.crt is not readable");
}

#[tokio::test]
async fn files_that_cannot_be_used_change_nothing() {
    let world = World::new().await;
    let (files, mtls) = world.service("booking");
    let mut other = issued(&world.authority, "payment");
    files.show(&other);
    other.certificate = "no certificate".to_owned();
    files.show(&other);
    authorize(world.channel(&mtls)).await.unwrap();
    files.show(&issued(&world.authority, "booking"));
    eventually("the good one is taken", || async { (mtls.renewals() == 1).then_some(()) }).await;
    authorize(world.channel(&mtls)).await.unwrap();
}
