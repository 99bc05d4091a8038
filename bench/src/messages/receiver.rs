//! Somebody's server that webhooks call. It refuses a call now and then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parkmesh_notification::webhook_signature;

use crate::Failure;

/// Every so manieth call is refused, after it was noted.
const REFUSED_EVERY: usize = 50;

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it is called by, each time.
    pub id: String,
    /// The booking that it tells of.
    pub booking: String,
    /// Its signature holds.
    pub signed: bool,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    secrets: Vec<String>,
}

/// The server.
#[derive(Clone)]
pub struct Receiver {
    port: u16,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    /// Starts it.
    pub async fn start() -> Result<Self, Failure> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let receiver = Self { port: listener.local_addr()?.port(), inner: Arc::default() };
        let app = Router::new().route("/{person}", post(called)).with_state(receiver.clone());
        #[expect(clippy::disallowed_methods, reason = "a bench is outside of the house")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(receiver)
    }

    /// Where this person's webhooks go.
    pub fn url(&self, person: usize) -> String {
        format!("http://127.0.0.1:{}/{person}", self.port)
    }

    /// What this person's calls are signed with; told in their order.
    pub fn secret(&self, person: usize, secret: String) {
        let secrets = &mut self.lock().secrets;
        secrets.resize(secrets.len().max(person + 1), String::new());
        secrets[person] = secret;
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn called(
    State(receiver): State<Receiver>,
    Path(person): Path<usize>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let told: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let booking = told["data"]["booking_id"].as_str().unwrap_or_default().to_owned();
    let mut inner = receiver.lock();
    let secret = inner.secrets.get(person).cloned().unwrap_or_default();
    let (id, time) = (text("webhook-id"), text("webhook-timestamp"));
    let expected = webhook_signature(&secret, id, time, &body);
    let signed = expected.as_deref() == Some(text("webhook-signature"));
    inner.calls.push(Call { id: id.to_owned(), booking, signed });
    if inner.calls.len() % REFUSED_EVERY == 0 {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::NO_CONTENT
    }
}
