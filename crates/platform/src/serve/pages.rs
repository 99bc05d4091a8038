//! Plain HTTP beside the calls: documents below a prefix that anybody may read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};

/// Answers requests for documents. An answer is made at once, from memory: it waits for nobody.
pub trait Pages: Send + Sync {
    /// The document that a GET asks for.
    fn answer(&self, request: &Parts) -> Response<Bytes>;
}

/// Where documents are.
pub(super) struct Below {
    /// What their paths begin with.
    pub prefix: &'static str,
    /// Who answers.
    pub pages: Arc<dyn Pages>,
}

impl Below {
    /// Answers a request; only GET and HEAD are.
    pub fn answer(&self, request: &Parts) -> Response<Bytes> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            let mut refused = empty(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = header::HeaderValue::from_static("GET, HEAD");
            refused.headers_mut().insert(header::ALLOW, allowed);
            return refused;
        }
        let answer = catch_unwind(AssertUnwindSafe(|| self.pages.answer(request)));
        let mut answer = answer.unwrap_or_else(|_panic| {
            tracing::error!(path = request.uri.path(), "a page panicked");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        });
        if request.method == Method::HEAD {
            *answer.body_mut() = Bytes::new();
        }
        answer
    }
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    struct Hello;

    impl Pages for Hello {
        fn answer(&self, request: &Parts) -> Response<Bytes> {
            assert_ne!(request.uri.path(), "/docs/broken", "a mistake of a page");
            Response::new(Bytes::from_static(b"hello"))
        }
    }

    fn ask(method: Method, path: &str) -> (StatusCode, Bytes) {
        let request = Request::builder().method(method).uri(path).body(()).expect("a request");
        let below = Below { prefix: "/docs/", pages: Arc::new(Hello) };
        let answer = below.answer(&request.into_parts().0);
        (answer.status(), answer.into_body())
    }

    #[test]
    fn documents_are_only_read_and_a_broken_one_harms_nobody() {
        assert_eq!(ask(Method::GET, "/docs/a"), (StatusCode::OK, Bytes::from_static(b"hello")));
        assert_eq!(ask(Method::HEAD, "/docs/a"), (StatusCode::OK, Bytes::new()));
        assert_eq!(ask(Method::POST, "/docs/a").0, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(ask(Method::GET, "/docs/broken").0, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
