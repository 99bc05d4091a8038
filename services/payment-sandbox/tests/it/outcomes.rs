//! What becomes of authorisations and refunds, and faults on purpose.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_testkit::eventually;
use serde_json::{Value, json};

use crate::{World, amount, asking};

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

async fn balance(world: &World, account: &str) -> i64 {
    let entries = world.get("/v1/ledger").await["entries"].as_array().unwrap().clone();
    assert_eq!(entries.iter().map(|e| e["amount_minor"].as_i64().unwrap()).sum::<i64>(), 0);
    let of = entries.iter().filter(|e| e["account"] == account);
    of.map(|e| e["amount_minor"].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn more_is_set_aside_up_to_a_total_and_can_be_taken() {
    let world = World::new().await;
    let path = world.authorized("a", "pm_card_ok").await;
    let (status, more) = world.post(&format!("{path}/increase"), "i", amount(1_500)).await;
    assert_eq!((status, &more["amount_minor"]), (200, &json!(1_500)));
    assert_eq!(balance(&world, "held").await, 1_500);
    assert_eq!(world.post(&format!("{path}/increase"), "j", amount(1_500)).await.0, 409);
    assert_eq!(world.post(&format!("{path}/capture"), "c", amount(1_500)).await.0, 200);
    assert_eq!(balance(&world, "merchant").await, 1_500);
    for (card, refused) in [("pm_card_no_increase", 409), ("pm_card_increase_declined", 402)] {
        let path = world.authorized(card, card).await;
        let (status, _) = world.post(&format!("{path}/increase"), &path, amount(1_500)).await;
        assert_eq!(status, refused, "{card}");
        assert_eq!(world.get(&path).await["status"], "authorized", "{card}");
    }
}

#[tokio::test]
async fn a_driver_who_is_asked_answers_with_the_secret_and_a_repeat_has_the_first_answer() {
    let world = World::new().await;
    let (_, asked) = world.authorize("a", "pm_card_action_ok").await;
    let path = format!("/v1/authorizations/{}", asked["authorization_id"].as_str().unwrap());
    let act = json!({ "client_secret": asked["client_secret"] });
    assert_eq!(asked["status"], "action_required");
    let wrong = json!({ "client_secret": "guess" });
    assert_eq!(world.post(&format!("{path}/action"), "", wrong).await.0, 404);
    assert_eq!(world.post(&format!("{path}/action"), "", act).await.0, 200);
    assert_eq!(world.get(&path).await["status"], "authorized");
    assert_eq!(world.get(&path).await["client_secret"], Value::Null);
    assert_eq!(world.authorize("a", "pm_card_action_ok").await, (200, asked));
    assert_eq!(balance(&world, "held").await, 1_000);
}

#[tokio::test]
async fn an_outcome_that_is_left_open_comes_when_its_time_has_come() {
    let world = World::new().await;
    let mut paths = Vec::new();
    for (card, end) in
        [("pm_card_capture_settles", "captured"), ("pm_card_late_decline", "declined")]
    {
        let path = world.authorized(card, card).await;
        let (status, body) = world.post(&format!("{path}/capture"), &path, amount(700)).await;
        assert_eq!((status, &body["status"]), (200, &json!("capturing")));
        paths.push((path, end));
    }
    let refunded = world.authorized("r", "pm_card_refund_fails").await;
    world.post(&format!("{refunded}/capture"), "rc", amount(300)).await;
    let back = json!({ "amount_minor": 200, "reference": "f-1" });
    let (_, refund) = world.post(&format!("{refunded}/refunds"), "rf", back).await;
    assert_eq!(refund["status"], "pending");
    assert_eq!(balance(&world, "merchant").await, 100);
    world.clock.advance(seconds(6));
    for (path, end) in paths {
        world.comes_to(&path, end).await;
    }
    let failed = eventually("the refund's end", || async {
        let found = world.get(&format!("{refunded}/refunds?reference=f-1")).await;
        Some(found["refunds"][0].clone()).filter(|refund| refund["status"] != "pending")
    })
    .await;
    assert_eq!(failed["failure_code"], "lost_or_stolen_card");
    assert_eq!(balance(&world, "merchant").await, 1_000, "700 taken, 300 not given back");
    assert_eq!(balance(&world, "held").await, 0);
}

#[tokio::test]
async fn an_authorisation_ends_with_its_time_or_when_an_admin_says_so() {
    let world = World::new().await;
    let (soon, other) = (
        world.authorized("a", "pm_card_expires_soon").await,
        world.authorized("b", "pm_card_ok").await,
    );
    let id = other.rsplit('/').next().unwrap();
    let expire = format!("/admin/authorizations/{id}/expire");
    assert_eq!(world.post(&expire, "", json!({})).await.1["status"], "expired");
    assert_eq!(world.post(&format!("{other}/capture"), "c", amount(1)).await.0, 409);
    assert_eq!(world.get(&soon).await["status"], "authorized");
    world.clock.advance(seconds(61));
    assert_eq!(world.get(&soon).await["status"], "expired", "at once, whoever asks");
    eventually("what was held is given back", || async {
        (balance(&world, "held").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn refunds_give_back_no_more_than_was_taken_and_the_movements_tell_of_it() {
    let world = World::new().await;
    let path = world.authorized("a", "pm_card_ok").await;
    world.post(&format!("{path}/capture"), "c", amount(1_000)).await;
    let refund =
        |minor: i64, reference: &str| json!({ "amount_minor": minor, "reference": reference });
    let refunds = format!("{path}/refunds");
    let (first, second) = tokio::join!(
        world.post(&refunds, "f1", refund(600, "f-1")),
        world.post(&refunds, "f1", refund(600, "f-1"))
    );
    assert_eq!((first.0, &first.1), (200, &second.1), "one key, one refund");
    assert_eq!(world.post(&refunds, "f2", refund(401, "f-2")).await.0, 409);
    assert_eq!(world.post(&refunds, "f3", refund(400, "f-3")).await.0, 200);
    let since = world.clock.now() - seconds(60);
    let page = world.get(&format!("/v1/movements?since={since}")).await;
    let lines: Vec<_> = page["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["kind"].as_str().unwrap(), line["amount_minor"].as_i64().unwrap()))
        .collect();
    assert_eq!(lines, [("capture", 1_000), ("refund", 600), ("refund", 400)]);
    let next = page["next"].as_str().unwrap();
    let rest = world.get(&format!("/v1/movements?since={since}&after={next}")).await;
    assert_eq!((&rest["movements"], &rest["next"]), (&json!([]), &Value::Null));
    let verdict = world.get("/admin/verdict").await;
    assert_eq!(verdict["currencies"]["EUR"]["refunded_minor"], 1_000);
    assert_eq!(verdict["double_refunds"], 0);
}

#[tokio::test]
async fn the_verdict_tells_of_double_authorisations() {
    let world = World::new().await;
    world.authorized("one", "pm_card_ok").await;
    assert_eq!(world.get("/admin/verdict").await["double_authorizations"], 0);
    world.authorized("two", "pm_card_ok").await;
    let verdict = world.get("/admin/verdict").await;
    assert_eq!(verdict["double_authorizations"], 1, "two keys for one reference");
    assert_eq!(verdict["currencies"]["EUR"]["held_minor"], 2_000);
    assert_eq!(verdict["currencies"]["EUR"]["unbalanced_minor"], 0);
}

#[tokio::test]
async fn calls_fail_by_the_script_before_and_after_their_effect() {
    let world = World::new().await;
    let step = |fault: &str| json!({ "on": "authorize", "fault": fault });
    let script = json!([step("error_before"), step("error_after"), step("timeout_before")]);
    world.put("/admin/faults", json!({ "script": script })).await;
    let known =
        || async { world.get("/v1/authorizations?reference=r-1").await["authorizations"].clone() };
    assert_eq!(world.authorize("k", "pm_card_ok").await.0, 500);
    assert_eq!(known().await, json!([]), "no effect");
    assert_eq!(world.authorize("k", "pm_card_ok").await.0, 500);
    assert_eq!(known().await.as_array().unwrap().len(), 1, "the effect");
    let silent =
        tokio::time::timeout(Duration::from_millis(300), world.authorize("k", "pm_card_ok"));
    assert!(silent.await.is_err());
    let (status, answer) = world.authorize("k", "pm_card_ok").await;
    assert_eq!((status, &answer), (200, &known().await[0]));
    assert_eq!(world.get("/admin/faults").await["script"], json!([]), "used up");
}

#[tokio::test]
async fn calls_fail_by_rate_and_every_repeat_finds_its_one_effect() {
    let world = World::new().await;
    world
        .put("/admin/faults", json!({ "rates": { "error_before": 0.4, "error_after": 0.4 } }))
        .await;
    let call = |key: usize| {
        let world = &world;
        async move {
            let (key, body) = (
                format!("k{key}"),
                json!({ "reference": format!("r{key}"), "amount_minor": 5, "currency": "EUR", "payment_method": "pm_card_ok" }),
            );
            let mut failed = 0;
            while world.post("/v1/authorizations", &key, body.clone()).await.0 != 200 {
                failed += 1;
            }
            failed
        }
    };
    let failed: Vec<i32> = futures_util::future::join_all((0..40).map(call)).await;
    assert!(failed.iter().sum::<i32>() > 0, "nothing failed");
    let verdict = world.get("/admin/verdict").await;
    assert_eq!(
        (&verdict["authorizations"], &verdict["double_authorizations"]),
        (&json!(40), &json!(0))
    );
    assert_eq!(verdict["currencies"]["EUR"]["held_minor"], 200);
}

#[tokio::test]
async fn many_calls_at_once_with_few_keys_have_as_many_effects_as_keys() {
    let world = World::new().await;
    let calls = (0..200).map(|call| {
        let (world, key) = (&world, format!("k{}", call % 10));
        async move { world.post("/v1/authorizations", &key, asking("pm_card_ok", 1_000)).await }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    for (call, answer) in answers.iter().enumerate() {
        assert_eq!(answer, &answers[call % 10]);
    }
    assert_eq!(world.get("/admin/verdict").await["authorizations"], 10);
}
