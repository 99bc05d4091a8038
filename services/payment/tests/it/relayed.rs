//! Stands where the gateway does: takes webhooks over HTTP/1.1 and hands them to payment over HTTP/2. It can hold them back, so that a
//! test decides in which order and how often they come.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::any;
use parkmesh_testkit::listener;

/// A webhook that was held back.
#[derive(Clone, Debug)]
pub struct Held {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone)]
pub struct Relay {
    client: reqwest::Client,
    payment: SocketAddr,
    /// `Some`: webhooks are taken, and kept here instead of handed on.
    held: Arc<Mutex<Option<Vec<Held>>>>,
}

impl Relay {
    /// The relay, and its address.
    pub async fn start(payment: SocketAddr) -> (Self, String) {
        let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
        let relay = Self { client, payment, held: Arc::default() };
        let listener = listener().await;
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(any(take)).with_state(relay.clone());
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        (relay, url)
    }

    pub fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }

    pub fn held(&self) -> Vec<Held> {
        self.held.lock().unwrap().clone().unwrap_or_default()
    }

    /// Hands a webhook on; tells what payment answered.
    pub async fn post(&self, webhook: &Held) -> StatusCode {
        let url = format!("http://{}{}", self.payment, webhook.path);
        let mut headers = webhook.headers.clone();
        for name in ["host", "content-length", "connection", "transfer-encoding"] {
            headers.remove(name);
        }
        let request = self.client.post(url).headers(headers).body(webhook.body.clone());
        request.send().await.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
    }
}

async fn take(State(relay): State<Relay>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = Held { path: uri.path().to_owned(), headers, body };
    if let Some(held) = relay.held.lock().unwrap().as_mut() {
        held.push(webhook);
        return StatusCode::OK;
    }
    relay.post(&webhook).await
}
