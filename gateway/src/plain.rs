//! What is answered over plain HTTP: probes, and a word to those who speak something else.

use http::{Method, Request, Response, StatusCode, header};
use tonic::body::Body;

/// The answer to a request that is not a call.
pub fn answer<B>(request: &Request<B>, serving: bool) -> Response<Body> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/livez" if reads => text(StatusCode::OK, "alive\n"),
        "/healthz" | "/readyz" if reads && serving => text(StatusCode::OK, "ready\n"),
        "/healthz" | "/readyz" if reads => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ if *request.method() == Method::POST => text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "gRPC (application/grpc) or gRPC-Web (application/grpc-web, application/grpc-web-text)\n",
        ),
        _ => text(StatusCode::NOT_FOUND, "nothing here\n"),
    }
}

/// Calls are POST.
pub fn wrong_method() -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "calls are POST\n");
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST, OPTIONS"));
    response
}

/// Native gRPC needs HTTP/2; browsers and HTTP/1.1 have gRPC-Web.
pub fn wrong_version() -> Response<Body> {
    text(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "native gRPC needs HTTP/2\n")
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::new(text.to_owned()));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
