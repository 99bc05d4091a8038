//! Somebody's server that webhooks call: it notes what it is told, and answers as it is bid.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub time: String,
    pub signature: String,
    pub body: String,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    answer: u16,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    pub async fn start(tasks: &Tasks) -> Self {
        let listener = listener().await;
        let url = format!("http://{}/hook?park=1", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner { calls: Vec::new(), answer: 204 }));
        let app = Router::new().route("/hook", post(called)).with_state(Arc::clone(&inner));
        tasks.spawn("receiver", async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self { url, inner }
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.inner.lock().unwrap().answer = status;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.inner.lock().unwrap().calls.clone()
    }
}

async fn called(
    State(inner): State<Arc<Mutex<Inner>>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, HeaderMap) {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, time, signature) =
        (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
    let mut inner = inner.lock().unwrap();
    inner.calls.push(Call { id, time, signature, body });
    let mut headers = HeaderMap::new();
    headers.insert("location", "http://127.0.0.1:1/".parse().unwrap());
    (StatusCode::from_u16(inner.answer).unwrap(), headers)
}
