//! The door for the provider's webhooks: it verifies, keeps and answers at once. What they say is
//! applied afterwards, by the clockwork.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Response, StatusCode};
use parkmesh_platform::fault::chain;
use parkmesh_platform::serve::Hooks;

use crate::app::{App, Unheard};
use crate::provider::NoticeError;

/// What the paths begin with.
pub const PREFIX: &str = "/webhooks/";
/// Where the provider posts.
const PATH: &str = "/webhooks/provider";

/// The door.
pub struct Door(pub App);

impl Hooks for Door {
    fn take(&self, request: Parts, body: Bytes) -> BoxFuture<'static, Response<Bytes>> {
        let app = self.0.clone();
        async move {
            let status = match request.uri.path() {
                PATH => status_of(app.receive(&request.headers, &body).await),
                _ => StatusCode::NOT_FOUND,
            };
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status;
            response
        }
        .boxed()
    }
}

/// Whatever is not kept is refused, so that the provider sends it again.
fn status_of(outcome: Result<(), Unheard>) -> StatusCode {
    match outcome {
        Ok(()) => StatusCode::OK,
        Err(Unheard::Notice(NoticeError::NotSetUp)) => StatusCode::NOT_FOUND,
        Err(Unheard::Notice(refused)) => {
            tracing::warn!(error = chain(&refused), "a webhook was refused");
            StatusCode::BAD_REQUEST
        }
        Err(Unheard::Store(error)) => {
            tracing::warn!(error = chain(&error), "a webhook could not be kept");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
