//! A local Stripe: localstripe, in a process of its own, behind a proxy that does what it does not:
//!
//! - it replays by idempotency key, and refuses a key with another body or one that is in use;
//! - it finds intents by metadata, tells how much of an intent was received, and takes `created` for a filter;
//! - it leads a driver whose bank asks to a page, where an address to come back to is given;
//! - it books a partial capture as what was taken, not as the whole and a refund;
//! - it loses answers on demand, after their effect.

use std::collections::HashMap;
use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use parkmesh_testkit::{eventually, listener, python_with};
use serde_json::{Value, json};

/// The emulator takes any key that looks like one.
pub const KEY: &str = "sk_test_12345";
const PACKAGE: &str = "localstripe==1.15.10";

/// An answer that every repeat of a key gets; `None` while it is made.
type Kept = Option<(StatusCode, Value)>;

#[derive(Clone)]
pub struct Emulator {
    http: reqwest::Client,
    /// Of the emulator itself.
    behind: String,
    /// Of the proxy.
    pub url: String,
    answers: Arc<Mutex<HashMap<String, (Bytes, Kept)>>>,
    /// What was taken of which intent.
    received: Arc<Mutex<HashMap<String, i64>>>,
    lost: Arc<Mutex<u32>>,
    /// Whether it is away after the next loss, and whether it is.
    goes: Arc<AtomicBool>,
    away: Arc<AtomicBool>,
    searches: Arc<AtomicUsize>,
    _process: Arc<Process>,
}

/// Ends with its standard input: with us, however we end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}

impl Process {
    fn start(port: u16) -> Self {
        let script = "\"$0\" -m localstripe --from-scratch --port \"$1\" & read -r end; kill $!";
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(python())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Emulator {
    pub async fn start() -> Self {
        let free = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Arc::new(Process::start(port));
        let listener = listener().await;
        let emulator = Self {
            http: reqwest::Client::new(),
            behind: format!("http://127.0.0.1:{port}"),
            url: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
            received: Arc::default(),
            lost: Arc::default(),
            goes: Arc::default(),
            away: Arc::default(),
            searches: Arc::default(),
            _process: process,
        };
        eventually("the emulator", || async {
            emulator.http.get(format!("{}/js.stripe.com/v3/", emulator.behind)).send().await.ok()
        })
        .await;
        let router = Router::new().fallback(any(pass)).with_state(emulator.clone());
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        emulator
    }

    /// The next answers to writes are lost after their effect.
    pub fn lose(&self, answers: u32) {
        *self.lost.lock().unwrap() = answers;
    }

    /// The next answer to a write is lost after its effect, and every call after that is answered by 503, without an effect.
    pub fn lose_and_go(&self) {
        self.goes.store(true, Ordering::SeqCst);
        self.lose(1);
    }

    pub fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// How often it was searched, also while it was away.
    pub fn searches(&self) -> usize {
        self.searches.load(Ordering::SeqCst)
    }

    /// All intents.
    pub async fn all(&self) -> Vec<Value> {
        let all = self.behind("/v1/payment_intents?limit=10000").await;
        all["data"].as_array().unwrap().clone()
    }

    /// Keys name nothing any more, as after a day.
    pub fn forget_keys(&self) {
        self.answers.lock().unwrap().clear();
    }

    /// Where it sends its webhooks.
    pub async fn tell(&self, url: &str, secret: &str) {
        let form = [("url", url), ("secret", secret)];
        self.form("/_config/webhooks/test", &form).await;
    }

    /// What the driver's app does when the bank asks.
    pub async fn authenticate(&self, intent: &str, secret: &str, success: bool) {
        let path = format!("/v1/payment_intents/{intent}/_authenticate");
        let success = if success { "true" } else { "false" };
        self.form(&path, &[("client_secret", secret), ("success", success)]).await;
    }

    /// A card with this number, as the driver's app would make it.
    pub async fn card(&self, number: &str) -> String {
        let form = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2039"),
            ("card[cvc]", "123"),
        ];
        self.form("/v1/payment_methods", &form).await["id"].as_str().unwrap().to_owned()
    }

    /// All intents with our reference.
    pub async fn intents(&self, reference: &str) -> Vec<Value> {
        let found = self.all().await.into_iter();
        let found = found.filter(|intent| intent["metadata"]["reference"] == reference);
        found.map(|intent| self.patched(intent)).collect()
    }

    /// What it has for us, by its own ledger.
    pub async fn balance(&self) -> i64 {
        let lines = self.behind("/v1/balance_transactions?limit=10000").await;
        lines["data"].as_array().unwrap().iter().map(|line| line["net"].as_i64().unwrap()).sum()
    }

    async fn behind(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.behind)).bearer_auth(KEY);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = self.http.post(format!("{}{path}", self.behind)).bearer_auth(KEY).form(form);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        answer.json().await.unwrap_or_default()
    }

    /// An intent with what was received of it, and with the page that waits for its driver.
    fn patched(&self, mut value: Value) -> Value {
        if value["status"] == "requires_action" {
            let page = format!("{}/redirect/{}", self.url, value["id"].as_str().unwrap());
            value["next_action"] =
                json!({ "type": "redirect_to_url", "redirect_to_url": { "url": page } });
        }
        if value["object"] == "payment_intent" {
            let received = self.received.lock().unwrap();
            let amount = value["id"].as_str().and_then(|id| received.get(id)).copied();
            value["amount_received"] = amount.unwrap_or(0).into();
        }
        value
    }

    async fn forward(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.behind)).body(body);
        for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
            if let Some(value) = headers.get(&name) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn write(&self, path: &str, headers: &HeaderMap, body: Bytes) -> (StatusCode, Value) {
        let text = String::from_utf8(body.to_vec()).unwrap();
        let known: Vec<_> =
            text.split('&').filter(|pair| !pair.starts_with("return_url=")).collect();
        let known = Bytes::from(known.join("&"));
        let (status, value) = self.forward(Method::POST, path, headers, known).await;
        if status.is_success() && path.ends_with("/capture") {
            let amount = text.strip_prefix("amount_to_capture=").unwrap().parse().unwrap();
            let id = value["id"].as_str().unwrap().to_owned();
            self.received.lock().unwrap().insert(id, amount);
        }
        (status, self.patched(value))
    }

    /// One effect and one answer per key.
    async fn keyed(&self, path: &str, headers: &HeaderMap, body: Bytes) -> (StatusCode, Value) {
        let refused = |status, kind: &str| (status, json!({ "error": { "type": kind } }));
        let Some(key) = headers.get("idempotency-key") else {
            return refused(StatusCode::BAD_REQUEST, "no_idempotency_key");
        };
        let key = format!("{path} {}", key.to_str().unwrap());
        {
            let mut answers = self.answers.lock().unwrap();
            match answers.get(&key) {
                Some((asked, _)) if *asked != body => {
                    return refused(StatusCode::BAD_REQUEST, "idempotency_error");
                }
                Some((_, None)) => return refused(StatusCode::CONFLICT, "idempotency_error"),
                Some((_, Some(answer))) => return answer.clone(),
                None => drop(answers.insert(key.clone(), (body.clone(), None))),
            }
        }
        let (emulator, path, headers) = (self.clone(), path.to_owned(), headers.clone());
        // Whoever asked may go away meanwhile: the effect and its answer stand all the same.
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        let written = tokio::spawn(async move {
            let answer = emulator.write(&path, &headers, body.clone()).await;
            emulator.answers.lock().unwrap().insert(key, (body, Some(answer.clone())));
            answer
        });
        written.await.unwrap()
    }

    async fn search(&self, query: &str) -> Value {
        let reference = query.split("%3A%27").nth(1).and_then(|rest| rest.split("%27").next());
        json!({ "data": self.intents(reference.unwrap()).await, "has_more": false })
    }

    /// With a partial capture as one line.
    async fn ledger(&self, headers: &HeaderMap) -> Value {
        let path = "/v1/balance_transactions?limit=10000&expand[]=data.source.payment_intent";
        let (_, page) = self.forward(Method::GET, path, headers, Bytes::new()).await;
        let (left, mut lines): (Vec<Value>, Vec<Value>) =
            page["data"].as_array().unwrap().iter().cloned().partition(|line| {
                line["type"] == "refund" && line["source"]["payment_intent"].is_null()
            });
        for line in &mut lines {
            let left: i64 = left
                .iter()
                .filter(|left| left["source"]["charge"] == line["source"]["id"])
                .map(|left| left["amount"].as_i64().unwrap())
                .sum();
            line["amount"] = (line["amount"].as_i64().unwrap() + left).into();
        }
        json!({ "data": lines, "has_more": false })
    }
}

async fn pass(
    State(emulator): State<Emulator>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().unwrap().as_str().to_owned();
    if uri.path().ends_with("/search") {
        emulator.searches.fetch_add(1, Ordering::SeqCst);
    }
    if emulator.away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (status, value) = match (&method, uri.path()) {
        (&Method::GET, "/v1/payment_intents/search") => {
            (StatusCode::OK, emulator.search(uri.query().unwrap()).await)
        }
        (&Method::GET, "/v1/balance_transactions") => {
            (StatusCode::OK, emulator.ledger(&headers).await)
        }
        (&Method::POST, _) => emulator.keyed(&path, &headers, body).await,
        _ => {
            let (status, value) = emulator.forward(method.clone(), &path, &headers, body).await;
            (status, emulator.patched(value))
        }
    };
    if method == Method::POST {
        let lost = {
            let mut lost = emulator.lost.lock().unwrap();
            let loses = *lost > 0;
            *lost = lost.saturating_sub(1);
            loses
        };
        if lost {
            let goes = emulator.goes.swap(false, Ordering::SeqCst);
            emulator.away.fetch_or(goes, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
    (status, Json(value)).into_response()
}

/// A Python with the emulator, made once and kept below target/.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripe-python");
    python_with(&folder, "localstripe", &[PACKAGE])
}
