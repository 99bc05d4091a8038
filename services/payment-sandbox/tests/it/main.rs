//! The sandbox over HTTP, against real Postgres: it must be strict, or it judges nobody.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use parkmesh_payment_sandbox::{Config, Deps, MIGRATIONS, start};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_testkit::{TestDatabase, eventually, listener};
use serde_json::{Value, json};

mod outcomes;
mod told;

struct World {
    url: String,
    http: reqwest::Client,
    clock: Clock,
    running: Running,
    _database: TestDatabase,
}

impl World {
    async fn new() -> Self {
        let clock = Clock::movable();
        let database = TestDatabase::create("payment_sandbox", &[&MIGRATIONS]).await;
        let pool = database.pool(&clock).await;
        let config = Config { settle_period: Duration::from_millis(20), ..Config::default() };
        let ids = Ids::random();
        let deps = Deps { listener: listener().await, clock: clock.clone(), ids, pool };
        let running = start(config, deps).await.unwrap();
        let url = format!("http://{}", running.addr);
        Self { url, http: reqwest::Client::new(), clock, running, _database: database }
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).json(&body);
        let answer = request.header("idempotency-key", key).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn put(&self, path: &str, body: Value) {
        let request = self.http.put(format!("{}{path}", self.url)).json(&body);
        request.send().await.unwrap().error_for_status().unwrap();
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn authorize(&self, key: &str, card: &str) -> (u16, Value) {
        self.post("/v1/authorizations", key, asking(card, 1_000)).await
    }

    /// Sets ten euros aside; tells where the authorisation is.
    async fn authorized(&self, key: &str, card: &str) -> String {
        let (status, made) = self.authorize(key, card).await;
        assert_eq!(status, 200, "{made}");
        format!("/v1/authorizations/{}", made["authorization_id"].as_str().unwrap())
    }

    /// Waits until the authorisation stands so.
    async fn comes_to(&self, path: &str, status: &str) -> Value {
        eventually(status, || async {
            Some(self.get(path).await).filter(|found| found["status"] == status)
        })
        .await
    }
}

fn amount(minor: i64) -> Value {
    json!({ "amount_minor": minor })
}

fn asking(card: &str, amount_minor: i64) -> Value {
    json!({
        "amount_minor": amount_minor,
        "currency": "EUR",
        "payment_method": card,
        "reference": "r-1",
    })
}

#[tokio::test]
async fn a_key_has_one_effect_and_one_answer() {
    let world = World::new().await;
    let (first, second) =
        tokio::join!(world.authorize("k", "pm_card_ok"), world.authorize("k", "pm_card_ok"));
    assert_eq!(first.0, 200);
    assert_eq!(first, second);
    let known = world.get("/v1/authorizations?reference=r-1").await;
    assert_eq!(known["authorizations"].as_array().unwrap().len(), 1);
    let other = world.post("/v1/authorizations", "k", asking("pm_card_ok", 999)).await;
    assert_eq!((other.0, other.1["error"]["code"].as_str()), (409, Some("idempotency_key_reused")));
}

#[tokio::test]
async fn a_card_is_declined_with_its_code() {
    let world = World::new().await;
    for (card, code) in
        [("pm_card_declined", "card_declined"), ("pm_card_insufficient", "insufficient_funds")]
    {
        let (status, body) = world.authorize(card, card).await;
        assert_eq!((status, body["error"]["decline_code"].as_str()), (402, Some(code)));
    }
    assert_eq!(world.get("/v1/ledger").await["entries"], json!([]));
}

#[tokio::test]
async fn a_late_answer_is_late_once_and_its_effect_stands_before() {
    let world = World::new().await;
    let call = world.authorize("k", "pm_card_timeout_after_success");
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    let known = world.get("/v1/authorizations?reference=r-1").await;
    assert_eq!(known["authorizations"][0]["status"], "authorized");
    let (status, body) = world.authorize("k", "pm_card_timeout_after_success").await;
    assert_eq!((status, &body), (200, &known["authorizations"][0]));
}

#[tokio::test]
async fn a_failure_has_no_effect_and_its_repeat_works() {
    let world = World::new().await;
    assert_eq!(world.authorize("k", "pm_card_error_once").await.0, 500);
    assert_eq!(world.get("/v1/ledger").await["entries"], json!([]));
    assert_eq!(world.authorize("k", "pm_card_error_once").await.0, 200);
}

#[tokio::test]
async fn an_authorisation_is_captured_once_or_voided_and_its_books_sum_to_zero() {
    let world = World::new().await;
    let (_, made) = world.authorize("a", "pm_card_ok").await;
    let path = format!("/v1/authorizations/{}", made["authorization_id"].as_str().unwrap());
    let (capture, void) = (format!("{path}/capture"), format!("{path}/void"));
    assert_eq!(world.post(&capture, "c1", amount(1_001)).await.0, 409);
    let (status, captured) = world.post(&capture, "c2", amount(400)).await;
    assert_eq!((status, &captured["captured_minor"]), (200, &json!(400)));
    assert_eq!(
        world.post(&capture, "c3", amount(400)).await.0,
        409,
        "a second key is a second capture"
    );
    assert_eq!(world.post(&void, "v", json!({})).await.0, 409);
    let entries = world.get("/v1/ledger?reference=r-1").await["entries"].clone();
    let sum: i64 =
        entries.as_array().unwrap().iter().map(|e| e["amount_minor"].as_i64().unwrap()).sum();
    assert_eq!((entries.as_array().unwrap().len(), sum), (5, 0));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    let (status, body) = world.authorize("k", "4242 4242 4242 4242").await;
    assert_eq!((status, body["error"]["code"].as_str()), (400, Some("CARD_NUMBER_REFUSED")));
    assert_eq!(world.authorize("", "pm_card_ok").await.0, 400);
    assert_eq!(world.authorize("k", "pm_card_of_nobody").await.0, 400);
    assert_eq!(world.post("/v1/authorizations", "k", asking("pm_card_ok", 0)).await.0, 400);
    assert_eq!(world.post("/v1/authorizations", "k", json!({})).await.0, 400);
    assert_eq!(world.post("/v1/authorizations/none/void", "k", json!({})).await.0, 404);
    assert_eq!(world.authorize("k", "pm_card_ok").await.0, 200, "a refused key is still free");
}

#[tokio::test]
async fn a_stop_ends_also_while_an_answer_is_being_late() {
    let world = World::new().await;
    let call = world.authorize("k", "pm_card_timeout_after_success");
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    assert!(
        world.http.get(format!("{}/livez", world.url)).send().await.unwrap().status().is_success()
    );
    let stop = tokio::time::timeout(Duration::from_secs(8), world.running.stop());
    assert!(stop.await.is_ok());
    assert!(world.http.get(format!("{}/livez", world.url)).send().await.is_err());
}
