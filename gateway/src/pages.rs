//! Plain HTTP by prefix to the role that owns it: documents that anybody may read, and what outside systems post, signed by them. Decodes nothing.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use parkmesh_platform::serve::Deadline;
use tokio::sync::Semaphore;
use tonic::body::Body;

use crate::cluster::Cluster;

/// Which role's documents lie below which prefix, where no settings say otherwise.
pub const PREFIXES: [(&str, &str); 2] = [("/opendata/", "availability"), (POSTED, "payment")];
/// Below this outside systems post.
const POSTED: &str = "/webhooks/";
/// The longest of what they post; the owner takes no more either.
const POSTED_BYTES_MAX: usize = 256 * 1024;
/// How long it may take to come in.
const POSTED_WAIT: Duration = Duration::from_secs(10);
/// What is posted at once; documents do not take its room.
const POSTED_MAX: usize = 64;
/// What they may say on its way in.
const POSTED_WITH: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("stripe-signature"),
    HeaderName::from_static("parkmesh-sandbox-signature"),
];
/// Documents on their way at once; whoever comes then is asked to come again.
const DOCUMENTS_MAX: usize = 32;
/// What a client may say on its way in.
const ASKED: [HeaderName; 2] = [header::ACCEPT, header::IF_NONE_MATCH];
/// What a document may say on its way out.
const TOLD: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::ETAG,
    header::VARY,
    header::ALLOW,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
];

/// The room for documents, and for what is posted.
pub struct Documents {
    read: Semaphore,
    posted: Semaphore,
}

impl Default for Documents {
    fn default() -> Self {
        Self { read: Semaphore::new(DOCUMENTS_MAX), posted: Semaphore::new(POSTED_MAX) }
    }
}

/// Fetches a document from its owner, or hands it what was posted. `bytes_max`: no document is longer.
pub async fn fetch(
    request: Request<Incoming>,
    cluster: Option<&Cluster>,
    documents: &Documents,
    bytes_max: usize,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let posted = head.method == Method::POST && head.uri.path().starts_with(POSTED);
    let room = if posted { &documents.posted } else { &documents.read };
    let (Ok(_place), Some(cluster)) = (room.try_acquire(), cluster) else {
        return later();
    };
    let (names, body) = match posted {
        true => match take(body).await {
            Ok(bytes) => (&POSTED_WITH[..], Body::new(Full::new(bytes))),
            Err(refused) => return status(refused),
        },
        false => (&ASKED[..], Body::empty()),
    };
    let mut asked = Request::new(body);
    *asked.method_mut() = head.method.clone();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = path.parse() else { return status(StatusCode::BAD_REQUEST) };
    *asked.uri_mut() = uri;
    *asked.headers_mut() = only(&head.headers, names);
    let Ok(answer) = cluster.fetch(asked).await else { return later() };
    let (parts, body) = answer.into_parts();
    match Limited::new(body, bytes_max).collect().await {
        Ok(whole) => {
            let mut response = Response::new(Body::new(Full::<Bytes>::new(whole.to_bytes())));
            *response.status_mut() = parts.status;
            *response.headers_mut() = only(&parts.headers, &TOLD);
            response
        }
        Err(error) => {
            tracing::warn!(%error, path = head.uri.path(), "a document broke off");
            status(StatusCode::BAD_GATEWAY)
        }
    }
}

/// What is posted, whole: a slow sender holds nothing inside.
async fn take(body: Incoming) -> Result<Bytes, StatusCode> {
    let wait = Deadline::after(POSTED_WAIT);
    let whole = Limited::new(body, POSTED_BYTES_MAX).collect();
    match tokio::time::timeout_at(wait.at, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_broken)) => Err(StatusCode::BAD_REQUEST),
        Err(_elapsed) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// These headers, and no others.
pub fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let pairs = names.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    pairs.collect()
}

fn later() -> Response<Body> {
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_documents_pass_by_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, header::HeaderValue::from_static("secret"));
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
        assert_eq!(only(&headers, &ASKED).len(), 1, "a token is nobody's business there");
    }

    #[test]
    fn every_owner_is_a_role_that_the_gateway_knows() {
        for (prefix, role) in PREFIXES {
            assert!(crate::config::roles().any(|known| known == role), "{prefix}: {role}");
        }
    }
}
