//! Replicas that die, and the gateway's own end.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::{
    ListNotificationsRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use parkmesh_testkit::listener;

use crate::client::{Wire, framed, post, read_frames};
use crate::doubles::Raw;
use crate::replicas::{Mood, Replica};
use crate::world::{LIST, READINGS, WATCH, World, cluster, gateway, notifications, to};

const BINARY: &str = "application/grpc-web+proto";

fn watch() -> Vec<u8> {
    framed(&WatchNotificationsRequest { after_sequence: 1_000 })
}

#[tokio::test]
async fn a_service_killed_in_a_stream_ends_it_with_unavailable() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let response = wire.send(post(WATCH, &world.headers(BINARY), watch())).await;
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    drop(world.service);
    let rest = body.collect().await.unwrap().to_bytes();
    let all = [first, rest].concat();
    let (messages, trailers) = read_frames::<WatchNotificationsResponse>(&all);
    assert_eq!(messages.len(), 3);
    assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
}

#[tokio::test]
async fn a_dead_replica_costs_no_call() {
    let world = World::new().await;
    let dead = listener().await.local_addr().unwrap();
    let mut config = to("notification", world.service.addr);
    config.clusters = vec![cluster("notification", &[dead, world.service.addr])];
    let gateway = gateway(config, &world.clock, &world.ids, &world.verifier).await;
    let mut wire = Wire::http1(gateway.addr, &world.tasks).await;
    for _ in 0..50 {
        let body = framed(&ListNotificationsRequest::default());
        let answer = wire.ask(post(LIST, &world.headers(BINARY), body)).await;
        assert_eq!(answer.header("grpc-status"), "", "{:?}", answer.headers);
    }
    assert_eq!(world.seen.calls.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn calls_are_spread_over_the_replicas() {
    let world = World::new().await;
    let (other, seen) = notifications(&world.ids, &world.verifier).await;
    let mut config = to("notification", world.service.addr);
    config.clusters = vec![cluster("notification", &[world.service.addr, other.addr])];
    let gateway = gateway(config, &world.clock, &world.ids, &world.verifier).await;
    let mut wire = Wire::http2(gateway.addr, &world.tasks).await;
    for _ in 0..60 {
        let body = framed(&ListNotificationsRequest::default());
        wire.ask(post(LIST, &world.headers(BINARY), body)).await;
    }
    let (one, two) = (world.seen.calls.load(Ordering::SeqCst), seen.calls.load(Ordering::SeqCst));
    assert_eq!(one + two, 60);
    assert!(one > 10 && two > 10, "{one} and {two}");
}

#[tokio::test]
async fn a_replica_that_comes_back_is_used_again() {
    let world = World::new().await;
    let port = listener().await.local_addr().unwrap();
    let config = to("notification", port);
    let gateway = gateway(config, &world.clock, &world.ids, &world.verifier).await;
    let mut wire = Wire::http1(gateway.addr, &world.tasks).await;
    let ask = || post(LIST, &world.headers(BINARY), framed(&ListNotificationsRequest::default()));
    assert_eq!(wire.ask(ask()).await.header("grpc-status"), "14");
    let socket = tokio::net::TcpListener::bind(port).await.unwrap();
    let double = crate::doubles::Notifications::default();
    let server = parkmesh_platform::serve::Server::new(
        "notification",
        parkmesh_platform::serve::ServeConfig::default(),
        &world.ids,
        &world.verifier,
    );
    let service = parkmesh_contracts::notification::v1::notification_service_server::NotificationServiceServer::new(double);
    let _running = server.service(service).start(socket).await.unwrap();
    assert_eq!(wire.ask(ask()).await.header("grpc-status"), "");
}

#[tokio::test]
async fn a_stop_ends_streams_with_a_reason_and_is_bounded() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let response = wire.send(post(WATCH, &world.headers(BINARY), watch())).await;
    let reading = response.into_body().collect();
    let stopping = tokio::time::timeout(Duration::from_secs(8), world.gateway.stop());
    let (read, stopped) = tokio::join!(reading, stopping);
    stopped.expect("the stop ends by itself, before its hard deadline");
    let all = read.unwrap().to_bytes();
    let (messages, trailers) = read_frames::<WatchNotificationsResponse>(&all);
    assert_eq!(messages.len(), 3);
    assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
    assert!(trailers.contains("stopping"), "{trailers}");
}

#[tokio::test]
async fn a_call_that_hangs_does_not_hold_up_the_stop_for_ever() {
    let world = World::with(|config| config.serve.drain = Duration::from_millis(300)).await;
    let mut wire = world.http2().await;
    let request = ListNotificationsRequest { page_token: "slow".into(), ..Default::default() };
    let token = world.token.clone();
    let headers = [("content-type", BINARY), ("authorization", token.as_str())];
    let seen = world.seen.clone();
    let asked = async {
        let Wire::Two(sender) = &mut wire else { panic!("HTTP/2") };
        let mut request = post(LIST, &headers, framed(&request));
        *request.uri_mut() = format!("http://gateway{LIST}").parse().unwrap();
        sender.send_request(request).await
    };
    let stop = async {
        parkmesh_testkit::eventually("the call is inside", || async {
            (seen.calls.load(Ordering::SeqCst) > 0).then_some(())
        })
        .await;
        // The method's own deadline would end the call after 2 s.
        tokio::time::timeout(Duration::from_millis(1_500), world.gateway.stop()).await
    };
    let (_cut, stopped) = tokio::join!(asked, stop);
    stopped.expect("the hard deadline of the drain");
}

/// Calls without a pause over a connection of its own, until that is taken from it; tells how many were answered.
async fn calls_to_the_end(mut wire: Wire, token: String) -> usize {
    let headers = [("content-type", BINARY), ("authorization", token.as_str())];
    let mut answered = 0;
    loop {
        let list = framed(&ListNotificationsRequest::default());
        let Ok(answer) = wire.try_ask(post(LIST, &headers, list)).await else { return answered };
        assert!(answer.is_good(), "{:?}", answer.headers);
        answered += 1;
    }
}

/// A gateway that many call, when it is told to end in this way. Every call that came as far as the replica must be
/// answered well.
async fn loses_no_call(end: impl AsyncFnOnce(World, SocketAddr)) {
    const CALLERS: usize = 8;
    let replica = Replica::new().await;
    let admin = listener().await.local_addr().unwrap();
    let world = World::with(|config| {
        config.admin = Some(admin);
        config.clusters = vec![cluster("notification", &[replica.addr])];
    })
    .await;
    // Long enough that calls are inside at any moment.
    replica.set(Mood::Slow(Duration::from_millis(40)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let wires = [world.http1().await, world.http2().await];
        for wire in wires {
            callers.spawn(calls_to_the_end(wire, world.token.clone()));
        }
    }
    parkmesh_testkit::eventually("everybody calls", || async {
        (replica.asked() > CALLERS * 8).then_some(())
    })
    .await;
    let answered = async { callers.join_all().await.into_iter().sum::<usize>() };
    let (answered, ()) = tokio::join!(answered, end(world, admin));
    assert_eq!(answered, replica.asked());
}

#[tokio::test]
async fn a_stop_under_load_answers_every_call_that_had_begun() {
    for _ in 0..3 {
        loses_no_call(async |world, _admin| world.gateway.stop().await).await;
    }
}

#[tokio::test]
async fn listeners_that_drain_under_load_answer_every_call_that_had_begun() {
    loses_no_call(async |world, admin| {
        let asked = post("/drain_listeners", &[], "");
        assert_eq!(Wire::http1(admin, &world.tasks).await.ask(asked).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let world = World::with(|config| config.first_request_wait = Duration::from_millis(200)).await;
    let mut socket = tokio::net::TcpStream::connect(world.gateway.addr).await.unwrap();
    let mut bytes = [0_u8; 8];
    let read = tokio::io::AsyncReadExt::read(&mut socket, &mut bytes);
    let closed = tokio::time::timeout(Duration::from_secs(5), read).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_twice_and_a_stream_from_the_client_never() {
    let world = World::raw(Raw::Reset).await;
    let body = framed(&ListNotificationsRequest::default());
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), body)).await;
    assert_eq!(answer.header("grpc-status"), "14");
    assert_eq!(world.asked.load(Ordering::SeqCst), 3);
    let world = World::raw_for("sensor", Raw::Reset).await;
    let device = format!("Bearer {}", world.tokens.device("sensor-1"));
    let headers = [("content-type", BINARY), ("authorization", device.as_str())];
    let answer = world.http1().await.ask(post(READINGS, &headers, vec![0; 5])).await;
    assert_eq!(answer.header("grpc-status"), "14");
    assert_eq!(world.asked.load(Ordering::SeqCst), 1);
}
