//! Plain HTTP by prefix to the role that owns it: documents that anybody may read. Decodes nothing.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tonic::body::Body;

use crate::cluster::Cluster;

/// Which role's documents lie below which prefix, where no settings say otherwise.
pub const PREFIXES: [(&str, &str); 1] = [("/opendata/", "availability")];
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

/// The room for documents.
pub struct Documents(Semaphore);

impl Default for Documents {
    fn default() -> Self {
        Self(Semaphore::new(DOCUMENTS_MAX))
    }
}

/// Fetches a document from its owner. `bytes_max`: no document is longer.
pub async fn fetch(
    request: &Request<Incoming>,
    cluster: Option<&Cluster>,
    documents: &Documents,
    bytes_max: usize,
) -> Response<Body> {
    let (Ok(_place), Some(cluster)) = (documents.0.try_acquire(), cluster) else {
        return later();
    };
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method().clone();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = path.parse() else { return status(StatusCode::BAD_REQUEST) };
    *asked.uri_mut() = uri;
    *asked.headers_mut() = only(request.headers(), &ASKED);
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
            tracing::warn!(%error, path = request.uri().path(), "a document broke off");
            status(StatusCode::BAD_GATEWAY)
        }
    }
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
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
