//! Webhooks: signed, repeated until they are taken, twice and late on purpose.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, Mac};
use jiff::SignedDuration;
use parkmesh_testkit::{eventually, listener};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{World, amount};

/// A webhook: its signature and its body.
type Webhook = (String, Vec<u8>);

/// A merchant who refuses the first `refuses` webhooks and keeps the rest.
#[derive(Clone, Default)]
struct Merchant {
    refuses: Arc<Mutex<u32>>,
    told: Arc<Mutex<Vec<Webhook>>>,
}

impl Merchant {
    async fn start(refuses: u32) -> (Self, String) {
        let merchant = Self { refuses: Arc::new(Mutex::new(refuses)), ..Self::default() };
        let (listener, taker) = (listener().await, merchant.clone());
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let take =
            move |headers: HeaderMap, body: Bytes| async move { taker.take(&headers, &body) };
        let router = Router::new().route("/hook", post(take));
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        (merchant, url)
    }

    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let mut refuses = self.refuses.lock().unwrap();
        if *refuses > 0 {
            *refuses -= 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let signed = headers["parkmesh-sandbox-signature"].to_str().unwrap().to_owned();
        self.told.lock().unwrap().push((signed, body.to_vec()));
        StatusCode::OK
    }

    fn events(&self) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        told.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    async fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually("webhooks", || async {
            Some(self.events()).filter(|events| events.len() >= count)
        })
        .await
    }
}

async fn told_to(world: &World, url: &str, all: bool) {
    world.put("/admin/webhooks", json!({ "url": url, "secret": "whsec_x", "all": all })).await;
}

#[tokio::test]
async fn every_change_is_told_signed_and_again_until_it_is_taken() {
    let world = World::new().await;
    let (merchant, url) = Merchant::start(1).await;
    told_to(&world, &url, true).await;
    let path = world.authorized("a", "pm_card_ok").await;
    eventually("the first attempt", || async {
        (*merchant.refuses.lock().unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(world.get("/admin/webhooks").await["waiting"], 1);
    world.clock.advance(SignedDuration::from_secs(31));
    let events = merchant.wait_for(1).await;
    assert_eq!(events[0]["authorization"], world.get(&path).await);
    world.post(&format!("{path}/capture"), "c", amount(700)).await;
    let refund = json!({ "amount_minor": 100, "reference": "f" });
    world.post(&format!("{path}/refunds"), "f", refund).await;
    let events = merchant.wait_for(3).await;
    let refunds: Vec<_> = events.iter().filter(|event| !event["refund"].is_null()).collect();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0]["refund"]["reference"], "f");
    let (signed, body) = merchant.told.lock().unwrap()[0].clone();
    let (time, signature) =
        signed.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_x").unwrap();
    mac.update([time.as_bytes(), b".", &body].concat().as_slice());
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, hex);
    eventually("none waits", || async {
        (world.get("/admin/webhooks").await["waiting"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_call_did_at_once_need_not_be_told_but_what_comes_later_is() {
    let world = World::new().await;
    let (merchant, url) = Merchant::start(0).await;
    told_to(&world, &url, false).await;
    let path = world.authorized("a", "pm_card_late_decline").await;
    world.post(&format!("{path}/capture"), "c", amount(700)).await;
    world.clock.advance(SignedDuration::from_secs(6));
    let events = merchant.wait_for(1).await;
    assert_eq!(events[0]["authorization"]["status"], "declined");
    let id = path.rsplit('/').next().unwrap();
    let charged = world.authorized("b", "pm_card_ok").await;
    world.post(&format!("{charged}/capture"), "d", amount(700)).await;
    let disputed = charged.rsplit('/').next().unwrap();
    let dispute = format!("/admin/authorizations/{disputed}/dispute");
    world.post(&dispute, "", json!({ "status": "opened" })).await;
    let events = merchant.wait_for(2).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["chargeback"]["amount_minor"], 700);
    assert_ne!(events[1]["authorization"]["authorization_id"], id);
}

#[tokio::test]
async fn webhooks_come_twice_and_late_on_purpose_with_one_id() {
    let world = World::new().await;
    let (merchant, url) = Merchant::start(0).await;
    told_to(&world, &url, true).await;
    let rates = json!({ "webhook_twice": 1.0, "webhook_late": 1.0 });
    world.put("/admin/faults", json!({ "rates": rates, "late_ms": 3_600_000 })).await;
    world.authorized("a", "pm_card_ok").await;
    world.clock.advance(SignedDuration::from_hours(1));
    let events = merchant.wait_for(2).await;
    assert_eq!(events[0]["event_id"], events[1]["event_id"]);
    eventually("none waits", || async {
        (world.get("/admin/webhooks").await["waiting"] == 0).then_some(())
    })
    .await;
    assert_eq!(merchant.events().len(), 2);
}
