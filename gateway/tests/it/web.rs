//! gRPC-Web, byte by byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parkmesh_contracts::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse, WatchNotificationsRequest,
    WatchNotificationsResponse,
};
use parkmesh_platform::fault::reason_of;
use tonic::{Code, Status};

use crate::client::{framed, in_pieces, post, read_frames};
use crate::doubles::Raw;
use crate::world::{LIST, READINGS, WATCH, World};

const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text";

fn list(page_token: &str) -> Vec<u8> {
    framed(&ListNotificationsRequest { page_token: page_token.to_owned(), ..Default::default() })
}

fn watch(after_sequence: i64) -> Vec<u8> {
    framed(&WatchNotificationsRequest { after_sequence })
}

/// Decodes pieces that are padded each for itself.
fn from_text(text: &[u8]) -> Vec<u8> {
    text.chunks(4).flat_map(|group| STANDARD.decode(group).unwrap()).collect()
}

#[tokio::test]
async fn a_unary_call_in_binary_comes_back_with_its_trailers_over_both_versions_of_http() {
    let world = World::new().await;
    for mut wire in [world.http1().await, world.http2().await] {
        let answer = wire.ask(post(LIST, &world.headers(BINARY), list(""))).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, BINARY));
        assert_eq!(answer.header("x-lot"), "A1", "the service's own metadata");
        let (messages, trailers) = answer.frames::<ListNotificationsResponse>();
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].notifications[0].title, "anna", "the service saw the token");
        assert_eq!(trailers, "grpc-status: 0\r\n");
    }
}

#[tokio::test]
async fn a_stream_in_binary_comes_message_by_message() {
    let world = World::new().await;
    for mut wire in [world.http1().await, world.http2().await] {
        let answer = wire.ask(post(WATCH, &world.headers(BINARY), watch(4))).await;
        let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
        let sequences = messages.iter().map(|one| one.notification.as_ref().unwrap().sequence);
        assert_eq!(sequences.collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(trailers, "grpc-status: 0\r\n");
    }
}

#[tokio::test]
async fn text_may_be_padded_in_the_middle_and_cut_at_any_byte() {
    let world = World::new().await;
    let bytes = list("hello");
    let (head, tail) = bytes.split_at(4);
    let text = format!("{}{}", STANDARD.encode(head), STANDARD.encode(tail));
    assert!(text[..text.len() - 4].contains('='), "padded in the middle");
    for size in [1, 3, 7] {
        let mut request = post(LIST, &world.headers(TEXT), "");
        *request.body_mut() = in_pieces(text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect());
        let answer = world.http1().await.ask(request).await;
        assert_eq!(answer.header("content-type"), "application/grpc-web-text+proto");
        let (messages, trailers) =
            read_frames::<ListNotificationsResponse>(&from_text(&answer.body));
        assert_eq!(messages[0].notifications[0].title, "anna");
        assert_eq!(trailers, "grpc-status: 0\r\n");
    }
}

#[tokio::test]
async fn accept_decides_how_the_answer_is_written() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let mut headers = world.headers(BINARY);
    headers.push(("accept", TEXT));
    let answer = wire.ask(post(WATCH, &headers, watch(0))).await;
    assert_eq!(answer.header("content-type"), "application/grpc-web-text+proto");
    let decoded = from_text(&answer.body);
    assert_eq!(read_frames::<WatchNotificationsResponse>(&decoded).0.len(), 3);
    let mut headers = world.headers(TEXT);
    headers.push(("accept", "application/grpc-web"));
    let answer = wire.ask(post(WATCH, &headers, STANDARD.encode(watch(0)))).await;
    assert_eq!(answer.frames::<WatchNotificationsResponse>().0.len(), 3);
}

#[tokio::test]
async fn a_services_error_comes_in_the_headers_with_an_empty_body() {
    let world = World::new().await;
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), list("missing"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (200, "5"));
    let status = Status::from_header_map(&answer.headers).unwrap();
    assert_eq!(status.message(), "nothing: 100% \u{fc}ber");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn the_gateways_own_error_is_http_200_with_the_status_in_the_headers() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let cases = [
        (LIST, "Bearer nonsense".to_owned(), Code::Unauthenticated, "TOKEN_INVALID"),
        (LIST, String::new(), Code::Unauthenticated, "TOKEN_MISSING"),
        (LIST, device(&world), Code::PermissionDenied, "SCOPE_MISSING"),
        (LIST, service(&world), Code::PermissionDenied, "CALLER_NOT_ALLOWED"),
        ("/parkmesh.none.v1.None/None", world.token.clone(), Code::Unimplemented, "PATH_UNKNOWN"),
        (internal(), world.token.clone(), Code::PermissionDenied, "METHOD_INTERNAL"),
        (BOOKING, world.token.clone(), Code::Unavailable, "SERVICE_AWAY"),
    ];
    for (path, token, code, reason) in cases {
        let headers = [("content-type", BINARY), ("authorization", token.as_str())];
        let answer = wire.ask(post(path, &headers, list(""))).await;
        let status = Status::from_header_map(&answer.headers).unwrap();
        assert_eq!((answer.status.as_u16(), status.code()), (200, code), "{reason}");
        assert_eq!(reason_of(&status).as_deref(), Some(reason));
        assert_eq!(answer.header("content-type"), BINARY);
        assert!(answer.body.is_empty(), "{reason}");
    }
}

const BOOKING: &str = "/parkmesh.booking.v1.BookingService/GetBooking";

fn device(world: &World) -> String {
    format!("Bearer {}", world.tokens.device("sensor-1"))
}

fn service(world: &World) -> String {
    format!("Bearer {}", world.tokens.service("booking"))
}

fn internal() -> &'static str {
    let mut methods = parkmesh_contracts::methods::METHODS.iter();
    methods.find(|method| method.scopes.is_empty()).unwrap().path
}

#[tokio::test]
async fn what_is_no_grpc_framing_is_refused_before_any_service_sees_it() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let cut = list("hello")[..6].to_vec();
    let bodies: [(&str, Vec<u8>); 4] = [
        (BINARY, cut),
        (BINARY, Vec::new()),
        (BINARY, b"\x80\0\0\0\0".to_vec()),
        (TEXT, b"***".to_vec()),
    ];
    for (content_type, body) in bodies {
        let answer = wire.ask(post(LIST, &world.headers(content_type), body)).await;
        let status = Status::from_header_map(&answer.headers).unwrap();
        assert_eq!(reason_of(&status).as_deref(), Some("REQUEST_BROKEN"));
    }
    assert_eq!(world.seen.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stream_whose_body_is_broken_is_the_clients_fault_and_not_the_services() {
    let world = World::raw_for("sensor", Raw::Echo).await;
    let token = device(&world);
    let headers = [("content-type", TEXT), ("authorization", token.as_str())];
    let text = STANDARD.encode(framed(&WatchNotificationsRequest { after_sequence: 1 }));
    for mut wire in [world.http1().await, world.http2().await] {
        let answer = wire.ask(post(READINGS, &headers, format!("{text}***"))).await;
        let trailers = String::from_utf8_lossy(&from_text(&answer.body)).into_owned();
        let told = [answer.header("grpc-status"), &trailers];
        let invalid = told[0] == "3" || told[1].contains("grpc-status: 3\r\n");
        assert!(invalid, "{told:?}");
    }
}

#[tokio::test]
async fn a_service_that_breaks_off_leaves_whole_messages_and_unavailable() {
    for kind in [Raw::CutInAMessage, Raw::NoTrailers] {
        let world = World::raw(kind).await;
        let answer = world.http1().await.ask(post(WATCH, &world.headers(BINARY), watch(0))).await;
        let (messages, trailers) = answer.frames::<WatchNotificationsResponse>();
        assert_eq!(messages.len(), 1, "the half message is gone");
        assert!(trailers.starts_with("grpc-status: 14\r\n"), "{trailers}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_grpc_is_unavailable() {
    let world = World::raw(Raw::NotGrpc).await;
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), list(""))).await;
    assert_eq!(answer.header("grpc-status"), "14");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn what_is_of_the_browser_does_not_reach_the_service() {
    let world = World::new().await;
    let mut headers = world.headers(BINARY);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.extend([
        ("grpc-accept-encoding", "gzip"),
        ("cookie", "a=b"),
        ("x-user-agent", "grpc-web-javascript/0.1"),
        ("traceparent", trace),
        ("grpc-timeout", "1500m"),
        ("x-mine", "1"),
    ]);
    let answer = world.http1().await.ask(post(LIST, &headers, list(""))).await;
    let (messages, _) = answer.frames::<ListNotificationsResponse>();
    let titles: Vec<_> = messages[0].notifications.iter().map(|one| one.title.as_str()).collect();
    let has = |start: &str| titles.iter().any(|title| title.starts_with(start));
    assert!(!has("grpc-accept-encoding") && !has("cookie") && !has("x-user-agent"), "{titles:?}");
    assert!(has("x-mine=1") && has(&format!("traceparent={trace}")), "{titles:?}");
    let timeout = titles.iter().find_map(|title| title.strip_prefix("grpc-timeout=")).unwrap();
    assert!(timeout.ends_with('n') || timeout.ends_with('u'), "{timeout}: what remains");
}
