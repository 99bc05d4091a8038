//! Cross-origin calls from browsers. Outermost: refusals must be readable by the page as well.

use std::collections::HashSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tonic::body::Body;

use crate::config::CorsConfig;

/// What pages may always send.
const ALLOWED: &str =
    "content-type, x-grpc-web, x-user-agent, authorization, grpc-timeout, traceparent";
/// What pages may always read.
const EXPOSED: &str = "grpc-status, grpc-message, grpc-status-details-bin";
/// How long a browser may remember a preflight, in seconds; Chromium's own limit.
const MAX_AGE_SECONDS: &str = "7200";

/// The origins that may call. A page of an unknown origin is not told anything that its browser would
/// let it read.
#[derive(Debug)]
pub struct Cors {
    origins: HashSet<String>,
    allowed: HeaderValue,
    exposed: HeaderValue,
}

impl Cors {
    /// Exact origins, nothing else.
    pub fn new(config: &CorsConfig) -> Self {
        Self {
            origins: config.origins.iter().cloned().collect(),
            allowed: with(ALLOWED, &config.allow),
            exposed: with(EXPOSED, &config.expose),
        }
    }

    /// The answer to a preflight, if this is one.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if request.method() != Method::OPTIONS || !asks {
            return None;
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if self.admitted(request.headers()).is_some() {
            let fixed = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE"),
                (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
            ];
            for (name, value) in fixed {
                headers.insert(name, HeaderValue::from_static(value));
            }
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.allowed.clone());
            *response.status_mut() = StatusCode::NO_CONTENT;
        } else {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        Some(response)
    }

    /// The origin of this request, if it may call.
    pub fn admitted(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        // No browser says two: whoever does is none of our pages.
        let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
        origin.to_str().is_ok_and(|text| self.origins.contains(text)).then(|| origin.clone())
    }

    /// Says on an answer who may read it. `origin` is what [`Cors::admitted`] gave for the request.
    pub fn mark(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // Also without an origin: a cache must not give the one's answer to the other.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
        }
    }
}

/// Names of headers, and those of the settings that can be one.
fn with(own: &'static str, more: &[String]) -> HeaderValue {
    let is_header = |name: &&str| HeaderName::from_bytes(name.as_bytes()).is_ok();
    let more = more.iter().map(String::as_str).filter(is_header);
    let names = std::iter::once(own).chain(more).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(names).unwrap_or_else(|_| HeaderValue::from_static(own))
}
