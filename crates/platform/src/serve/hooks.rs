//! Plain HTTP beside the calls: what outside systems post to us, signed by them instead of by a token.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;

/// Longest body; whoever posts more is refused.
const BODY_MAX: usize = 256 * 1024;
/// How long a body may take to come in, and how long its answer.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Takes what is posted. It answers when what was posted is kept; what comes of it comes later.
pub trait Hooks: Send + Sync {
    /// The answer to a POST.
    fn take(&self, request: Parts, body: Bytes) -> BoxFuture<'static, Response<Bytes>>;
}

/// Where it is posted.
pub(super) struct Hooked {
    /// What the paths begin with.
    pub prefix: &'static str,
    /// Who takes it.
    pub hooks: Arc<dyn Hooks>,
}

impl Hooked {
    /// Answers a request; only POST is.
    pub async fn answer<B>(&self, head: Parts, body: B) -> Response<Bytes>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if head.method != Method::POST {
            let mut refused = empty(StatusCode::METHOD_NOT_ALLOWED);
            refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            return refused;
        }
        match timeout(WAIT_MAX, Limited::new(body, BODY_MAX).collect()).await {
            Ok(Ok(whole)) => {
                let answer = self.hooks.take(head, whole.to_bytes());
                timeout(WAIT_MAX, answer)
                    .await
                    .unwrap_or_else(|_| empty(StatusCode::SERVICE_UNAVAILABLE))
            }
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                empty(StatusCode::PAYLOAD_TOO_LARGE)
            }
            Ok(Err(_broken)) => empty(StatusCode::BAD_REQUEST),
            Err(_elapsed) => empty(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::Request;
    use http_body_util::Full;

    use super::*;

    struct Echo;

    impl Hooks for Echo {
        fn take(&self, _request: Parts, body: Bytes) -> BoxFuture<'static, Response<Bytes>> {
            async move { Response::new(body) }.boxed()
        }
    }

    async fn post(method: Method, length: usize) -> StatusCode {
        let request =
            Request::builder().method(method).uri("/hooks/a").body(()).expect("a request");
        let hooked = Hooked { prefix: "/hooks/", hooks: Arc::new(Echo) };
        let body = Full::new(Bytes::from(vec![b'x'; length]));
        hooked.answer(request.into_parts().0, body).await.status()
    }

    #[tokio::test]
    async fn what_is_posted_is_taken_unless_it_is_too_much() {
        assert_eq!(post(Method::POST, BODY_MAX).await, StatusCode::OK);
        assert_eq!(post(Method::POST, BODY_MAX + 1).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(post(Method::GET, 0).await, StatusCode::METHOD_NOT_ALLOWED);
    }
}
