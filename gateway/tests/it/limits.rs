//! Deadlines, sizes, room.

use std::time::Duration;

use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::{
    ListNotificationsRequest, WatchNotificationsRequest, WatchNotificationsResponse,
};
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::eventually;
use tonic::{Code, Status};

use crate::client::{framed, in_pieces, post};
use crate::world::{LIST, WATCH, World};

const BINARY: &str = "application/grpc-web+proto";

fn list(page_token: &str) -> Vec<u8> {
    framed(&ListNotificationsRequest { page_token: page_token.to_owned(), ..Default::default() })
}

#[tokio::test]
async fn the_deadline_is_answered_by_the_gateway_and_cancels_the_call_inside() {
    let world = World::new().await;
    let mut headers = world.headers(BINARY);
    headers.push(("grpc-timeout", "200m"));
    let answer = world.http1().await.ask(post(LIST, &headers, list("slow"))).await;
    let status = Status::from_header_map(&answer.headers).unwrap();
    assert_eq!((answer.status.as_u16(), status.code()), (200, Code::DeadlineExceeded));
    assert_eq!(reason_of(&status).as_deref(), Some("DEADLINE_EXCEEDED"));
    dropped(&world).await;
}

#[tokio::test]
async fn without_a_deadline_the_methods_own_applies() {
    let world = World::new().await;
    let started = tokio::time::Instant::now();
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), list("slow"))).await;
    assert_eq!(answer.header("grpc-status"), "4");
    let method = parkmesh_contracts::methods::find(LIST).unwrap();
    let allowed = Duration::from_millis(u64::from(method.deadline_ms));
    assert!(started.elapsed() >= allowed, "not before the table's deadline");
}

#[tokio::test]
async fn a_streams_deadline_ends_it_after_its_messages() {
    let world = World::new().await;
    let mut headers = world.headers(BINARY);
    headers.push(("grpc-timeout", "300m"));
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let answer = world.http1().await.ask(post(WATCH, &headers, body)).await;
    let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
    assert_eq!(messages.len(), 3);
    assert!(trailers.starts_with("grpc-status: 4\r\n"), "{trailers}");
    dropped(&world).await;
}

#[tokio::test]
async fn a_stream_lives_as_long_as_it_may_and_no_longer() {
    let world =
        World::with(|config| config.serve.stream_life_max = Duration::from_millis(300)).await;
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let answer = world.http2().await.ask(post(WATCH, &world.headers(BINARY), body)).await;
    let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
    assert_eq!(messages.len(), 3);
    assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
}

#[tokio::test]
async fn a_stream_that_is_silent_for_too_long_is_ended_with_a_reason() {
    let world = World::with(|config| config.stream_idle = Duration::from_millis(300)).await;
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let answer = world.http2().await.ask(post(WATCH, &world.headers(BINARY), body)).await;
    let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
    assert_eq!(messages.len(), 3);
    assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
    assert!(trailers.contains("nothing%20came"), "{trailers}");
    dropped(&world).await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused() {
    let world = World::with(|config| config.request_bytes_max = 1_000).await;
    let mut wire = world.http1().await;
    let answer = wire.ask(post(LIST, &world.headers(BINARY), vec![0; 1_001])).await;
    let status = Status::from_header_map(&answer.headers).unwrap();
    assert_eq!(reason_of(&status).as_deref(), Some("REQUEST_TOO_LARGE"));
}

#[tokio::test]
async fn a_message_over_the_limit_is_cut_out_of_the_answer() {
    let world = World::with(|config| config.answer_bytes_max = 100_000).await;
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), list("big"))).await;
    let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
    assert!(messages.is_empty());
    assert!(trailers.starts_with("grpc-status: 8\r\n"), "{trailers}");
}

#[tokio::test]
async fn headers_over_the_limit_are_refused_by_http_itself() {
    let world = World::new().await;
    let long = "x".repeat(64 * 1024);
    let headers = [("content-type", BINARY), ("x-long", long.as_str())];
    let answer = world.http1().await.ask(post(LIST, &headers, list(""))).await;
    assert_eq!(answer.status.as_u16(), 431);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let world = World::with(|config| config.request_wait = Duration::from_millis(200)).await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<_, _>>(1);
    let mut request = post(WATCH, &world.headers(BINARY), "");
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
    *request.body_mut() = http_body_util::StreamBody::new(stream).boxed();
    sender.send(Ok(http_body::Frame::data(vec![0_u8].into()))).await.unwrap();
    let answer = world.http2().await.ask(request).await;
    let status = Status::from_header_map(&answer.headers).unwrap();
    assert_eq!(reason_of(&status).as_deref(), Some("REQUEST_TOO_SLOW"));
}

#[tokio::test]
async fn when_the_room_is_full_calls_are_told_when_to_come_back() {
    let world = World::with(|config| config.serve.streams_max = 1).await;
    let open = || {
        let mut request = post(WATCH, &world.headers(BINARY), "");
        *request.body_mut() =
            in_pieces(vec![framed(&WatchNotificationsRequest { after_sequence: 1_000 })]);
        request
    };
    let first = world.http1().await.send(open()).await;
    let refused = world.http1().await.ask(open()).await;
    let status = Status::from_header_map(&refused.headers).unwrap();
    assert_eq!(
        (status.code(), reason_of(&status).as_deref()),
        (Code::Unavailable, Some("OVERLOADED"))
    );
    let details = tonic_types::StatusExt::get_details_retry_info(&status);
    assert!(details.is_some_and(|info| info.retry_delay.is_some()), "says when");
    drop(first);
    eventually("the place is free again", || async {
        let response = world.http1().await.send(open()).await;
        (!response.headers().contains_key("grpc-status")).then_some(())
    })
    .await;
}

async fn dropped(world: &World) {
    eventually("the call inside is cancelled", || async {
        let dropped = world.seen.dropped.load(std::sync::atomic::Ordering::SeqCst);
        (dropped > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_call_is_counted_by_method_and_code() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    for (path, page_token) in [(LIST, ""), (LIST, "missing"), ("/made.up/Path", "")] {
        wire.ask(post(path, &world.headers(BINARY), list(page_token))).await;
    }
    let counted = |metrics: &str, method: &str, code: &str| {
        metrics.lines().any(|line| {
            line.starts_with("rpc_gateway_call_duration_seconds_count")
                && line.contains(&format!("rpc_method=\"{method}\""))
                && line.contains(&format!("\"{code}\""))
        })
    };
    // A call is counted when its last byte has left, which its client may see first. A made-up path
    // makes no metric of its own.
    let metrics = eventually("all three are counted", || async {
        let metrics = parkmesh_platform::telemetry::render_metrics();
        let all = [(LIST, "OK"), (LIST, "NOT_FOUND"), ("unknown", "UNIMPLEMENTED")];
        all.iter().all(|(method, code)| counted(&metrics, method, code)).then_some(metrics)
    })
    .await;
    assert!(!metrics.contains("/made.up/Path"));
}
