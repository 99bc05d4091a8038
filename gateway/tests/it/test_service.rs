//! `grpc.testing.TestService`, which the interop procedures of gRPC call: tests/clients/interop.proto describes it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt;
use parkmesh_contracts::methods::{Criticality, Idempotency, Method};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::obedient::{GivenUp, Held};

/// What is echoed, in the headers and in the trailers.
const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// The policy of its methods.
pub static METHODS: &[Method] = &[
    method("/grpc.testing.TestService/EmptyCall", "EmptyCall", (false, false)),
    method("/grpc.testing.TestService/FullDuplexCall", "FullDuplexCall", (true, true)),
    method("/grpc.testing.TestService/StreamingInputCall", "StreamingInputCall", (true, false)),
    method("/grpc.testing.TestService/StreamingOutputCall", "StreamingOutputCall", (false, true)),
    method("/grpc.testing.TestService/UnaryCall", "UnaryCall", (false, false)),
    method("/grpc.testing.TestService/UnimplementedCall", "UnimplementedCall", (false, false)),
];

/// The policy of the method at a path.
pub fn find(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

/// Which of client and server send streams is told last.
const fn method(
    path: &'static str,
    name: &'static str,
    (client_streaming, server_streaming): (bool, bool),
) -> Method {
    Method {
        path,
        service: TestService::NAME,
        name,
        role: "testing",
        scopes: &["notification.read"],
        callers: &[],
        idempotency: Idempotency::NoSideEffects,
        deadline_ms: if server_streaming { 0 } else { 30_000 },
        criticality: Criticality::Normal,
        client_streaming,
        server_streaming,
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    #[prost(bytes = "vec", tag = "2")]
    body: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EchoStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SimpleRequest {
    #[prost(int32, tag = "2")]
    response_size: i32,
    #[prost(message, optional, tag = "3")]
    payload: Option<Payload>,
    #[prost(message, optional, tag = "7")]
    response_status: Option<EchoStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PayloadResponse {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StreamingInputCallRequest {
    #[prost(message, optional, tag = "1")]
    payload: Option<Payload>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StreamingInputCallResponse {
    #[prost(int32, tag = "1")]
    aggregated_payload_size: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResponseParameters {
    #[prost(int32, tag = "1")]
    size: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StreamingOutputCallRequest {
    #[prost(message, repeated, tag = "2")]
    response_parameters: Vec<ResponseParameters>,
    #[prost(message, optional, tag = "7")]
    response_status: Option<EchoStatus>,
}

/// The service; it counts calls that were given up.
#[derive(Clone, Default)]
pub struct TestService {
    pub given_up: GivenUp,
}

impl NamedService for TestService {
    const NAME: &'static str = "grpc.testing.TestService";
}

impl Service<http::Request<Body>> for TestService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let held = self.given_up.hold();
        Box::pin(async move {
            let asked = request.headers().clone();
            Ok(ended(held, echo(&asked, answer(request).await)))
        })
    }
}

async fn answer(request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path().to_owned();
    match find(&path).map(|method| method.name) {
        Some("EmptyCall") => grpc().unary(service_fn(empty), request).await,
        Some("UnaryCall") => grpc().unary(service_fn(unary), request).await,
        Some("StreamingOutputCall") => {
            grpc().server_streaming(service_fn(streaming_output), request).await
        }
        Some("StreamingInputCall") => {
            grpc().client_streaming(service_fn(streaming_input), request).await
        }
        Some("FullDuplexCall") => grpc().streaming(service_fn(full_duplex), request).await,
        _ => Status::unimplemented("nobody has it").into_http(),
    }
}

fn grpc<Answer, Asked>() -> Grpc<ProstCodec<Answer, Asked>>
where
    Answer: prost::Message + Send + 'static,
    Asked: prost::Message + Default + Send + 'static,
{
    Grpc::new(ProstCodec::default())
}

/// The metadata that is to come back.
fn echo(asked: &HeaderMap, response: http::Response<Body>) -> http::Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(initial) = asked.get(ECHO_INITIAL) {
        head.headers.insert(ECHO_INITIAL, initial.clone());
    }
    let trailing = asked.get(ECHO_TRAILING).cloned();
    let body = body.map_frame(move |frame| {
        frame
            .into_trailers()
            .map(|mut trailers| {
                if let Some(value) = &trailing {
                    trailers.insert(ECHO_TRAILING, value.clone());
                }
                Frame::trailers(trailers)
            })
            .unwrap_or_else(|frame| frame)
    });
    http::Response::from_parts(head, Body::new(body))
}

/// Lets the call go when its status has been sent. Whoever is given up sees its requests end like any others.
fn ended(mut held: Held, response: http::Response<Body>) -> http::Response<Body> {
    if response.headers().contains_key("grpc-status") {
        held.let_go();
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if frame.is_trailers() {
                held.let_go();
            }
            frame
        }))
    })
}

fn ends_well(status: Option<EchoStatus>) -> Result<(), Status> {
    match status {
        Some(told) if told.code != 0 => Err(Status::new(Code::from_i32(told.code), told.message)),
        _ => Ok(()),
    }
}

fn of_size(size: i32) -> PayloadResponse {
    let body = vec![0; usize::try_from(size).unwrap()];
    PayloadResponse { payload: Some(Payload { body }) }
}

async fn empty(_request: Request<Empty>) -> Result<Response<Empty>, Status> {
    Ok(Response::new(Empty {}))
}

async fn unary(request: Request<SimpleRequest>) -> Result<Response<PayloadResponse>, Status> {
    let request = request.into_inner();
    ends_well(request.response_status)?;
    Ok(Response::new(of_size(request.response_size)))
}

type Outputs = Pin<Box<dyn Stream<Item = Result<PayloadResponse, Status>> + Send>>;

/// What one request of a stream asks for.
fn outputs(request: StreamingOutputCallRequest) -> Vec<Result<PayloadResponse, Status>> {
    match ends_well(request.response_status) {
        Ok(()) => {
            request.response_parameters.iter().map(|wanted| Ok(of_size(wanted.size))).collect()
        }
        Err(status) => vec![Err(status)],
    }
}

async fn streaming_output(
    request: Request<StreamingOutputCallRequest>,
) -> Result<Response<Outputs>, Status> {
    Ok(Response::new(stream::iter(outputs(request.into_inner())).boxed()))
}

async fn streaming_input(
    request: Request<Streaming<StreamingInputCallRequest>>,
) -> Result<Response<StreamingInputCallResponse>, Status> {
    let (mut requests, mut bytes) = (request.into_inner(), 0);
    while let Some(request) = requests.message().await? {
        bytes += request.payload.map_or(0, |payload| payload.body.len());
    }
    let aggregated_payload_size = i32::try_from(bytes).unwrap();
    Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size }))
}

async fn full_duplex(
    request: Request<Streaming<StreamingOutputCallRequest>>,
) -> Result<Response<Outputs>, Status> {
    let answers = request.into_inner().flat_map(|request| {
        stream::iter(match request {
            Ok(request) => outputs(request),
            Err(broken) => vec![Err(broken)],
        })
    });
    Ok(Response::new(answers.boxed()))
}
