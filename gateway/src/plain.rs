//! What is answered over plain HTTP: probes, and a word to those who speak something else.

use http::{Method, Request, Response, StatusCode, header};
use tonic::body::Body;

/// The answer to whoever asks whether we live.
pub fn probe<B>(request: &Request<B>, serving: bool) -> Option<Response<Body>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let (status, said) = match request.uri().path() {
        "/livez" => (StatusCode::OK, "alive\n"),
        "/healthz" | "/readyz" if serving => (StatusCode::OK, "ready\n"),
        "/healthz" | "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => return None,
    };
    Some(text(status, said))
}

/// The answer to a request that is no call, and for nothing that is here.
pub fn nothing<B>(request: &Request<B>) -> Response<Body> {
    if *request.method() == Method::POST {
        let calls = "gRPC (application/grpc) or gRPC-Web (application/grpc-web, application/grpc-web-text)\n";
        text(StatusCode::UNSUPPORTED_MEDIA_TYPE, calls)
    } else {
        text(StatusCode::NOT_FOUND, "nothing here\n")
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
