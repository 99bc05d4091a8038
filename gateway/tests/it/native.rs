//! Stock gRPC clients.

use futures_util::StreamExt;
use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_platform::fault::reason_of;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::client::{in_pieces, post};
use crate::doubles::Raw;
use crate::world::{LIST, READINGS, World};

pub async fn channel(world: &World) -> Channel {
    let address = format!("http://{}", world.gateway.addr);
    Endpoint::from_shared(address).unwrap().connect().await.unwrap()
}

pub fn with_token<T>(world: &World, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", world.token.parse().unwrap());
    request
}

#[tokio::test]
async fn a_native_client_calls_through() {
    let world = World::new().await;
    let mut client = NotificationServiceClient::new(channel(&world).await);
    let request = with_token(&world, ListNotificationsRequest::default());
    let answer = client.list_notifications(request).await.unwrap();
    assert_eq!(answer.get_ref().notifications[0].title, "anna");
    let request = with_token(&world, WatchNotificationsRequest { after_sequence: 1 });
    let stream = client.watch_notifications(request).await.unwrap().into_inner();
    let all: Vec<_> = stream.map(|message| message.unwrap()).collect().await;
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn a_native_client_is_refused_with_a_reason() {
    let world = World::new().await;
    let mut client = NotificationServiceClient::new(channel(&world).await);
    let refused = client.list_notifications(ListNotificationsRequest::default()).await;
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason_of(&status).as_deref(), Some("TOKEN_MISSING"));
}

#[tokio::test]
async fn a_bidirectional_stream_goes_both_ways_at_once() {
    let world = World::raw_for("sensor", Raw::Echo).await;
    let device = format!("Bearer {}", world.tokens.device("sensor-1"));
    let headers = [("content-type", "application/grpc"), ("authorization", device.as_str())];
    let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let frames = pieces.map(|piece| Ok(http_body::Frame::data(piece.into())));
    let mut request = post(READINGS, &headers, "");
    *request.body_mut() = BodyExt::boxed(http_body_util::StreamBody::new(frames));
    let mut body = world.http2().await.send(request).await.into_body();
    for letter in [b'a', b'b'] {
        let message = [0, 0, 0, 0, 1, letter].to_vec();
        sender.send(message.clone()).await.unwrap();
        let back = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(back, message, "answered while the request is still open");
    }
    drop(sender);
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn native_grpc_over_http_1_and_other_content_types_are_told_what_is_spoken() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let status = wire.ask(post(LIST, &world.headers("application/grpc"), "")).await.status;
    assert_eq!(status.as_u16(), 505);
    let status = wire.ask(post(LIST, &world.headers("application/json"), "{}")).await.status;
    assert_eq!(status.as_u16(), 415);
    let mut get = post(LIST, &world.headers("application/grpc-web"), "");
    *get.method_mut() = http::Method::GET;
    *get.body_mut() = in_pieces(Vec::new());
    assert_eq!(wire.ask(get).await.status.as_u16(), 405);
}

#[tokio::test]
async fn health_is_the_gateways_own_and_needs_no_token() {
    let world = World::new().await;
    let mut client = HealthClient::new(channel(&world).await);
    for service in ["", "parkmesh.booking.v1.BookingService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(request).await.unwrap();
        assert_eq!(answer.get_ref().status, 1, "{service} is SERVING");
    }
    let request = HealthCheckRequest { service: "parkmesh.none.v1.None".to_owned() };
    assert_eq!(client.check(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn probes_over_plain_http_follow_readiness() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    let get = |path: &str| {
        let mut request = post(path, &[], "");
        *request.method_mut() = http::Method::GET;
        request
    };
    assert_eq!(wire.ask(get("/livez")).await.status.as_u16(), 200);
    assert_eq!(wire.ask(get("/healthz")).await.status.as_u16(), 200);
    assert_eq!(wire.ask(get("/nothing")).await.status.as_u16(), 404);
    world.gateway.health().unwrap().not_serving().await;
    assert_eq!(wire.ask(get("/livez")).await.status.as_u16(), 200);
    assert_eq!(wire.ask(get("/healthz")).await.status.as_u16(), 503);
}

/// Both versions of reflection, by their own generated clients.
macro_rules! reflection_test {
    ($name:ident, $version:ident) => {
        #[tokio::test]
        async fn $name() {
            use tonic_reflection::pb::$version as pb;
            let world = World::new().await;
            let channel = channel(&world).await;
            let mut client = pb::server_reflection_client::ServerReflectionClient::new(channel);
            use pb::server_reflection_request::MessageRequest;
            use pb::server_reflection_response::MessageResponse;
            let ask = |message_request| pb::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(message_request),
            };
            let symbol = "parkmesh.booking.v1.BookingService".to_owned();
            let requests = [
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol(symbol.clone())),
            ];
            let answers = client.server_reflection_info(futures_util::stream::iter(requests));
            let mut answers = answers.await.unwrap().into_inner();
            let listed = answers.next().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::ListServicesResponse(listed) = listed else {
                panic!("not a list: {listed:?}")
            };
            let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
            assert!(names.contains(&symbol), "{names:?}");
            assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
            let file = answers.next().await.unwrap().unwrap().message_response.unwrap();
            assert!(matches!(file, MessageResponse::FileDescriptorResponse(_)), "{file:?}");
        }
    };
}

reflection_test!(reflection_v1_tells_of_every_public_service, v1);
reflection_test!(reflection_v1alpha_tells_the_same, v1alpha);
