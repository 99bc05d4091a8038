//! What the provider tells by itself: once, late, twice and in the wrong order.

use jiff::SignedDuration;
use parkmesh_contracts::payment::v1::{Payment, PaymentStatus, RefundStatus};
use parkmesh_testkit::eventually;
use serde_json::json;

use crate::relayed::{Held, Relay};
use crate::world::{WEBHOOK_SECRET, World, eur, reason};

/// A world whose provider tells what happens, through the relay.
pub async fn told() -> (World, Relay) {
    let world = World::new().await;
    let (relay, url) = Relay::start(world.payment.addr).await;
    let url = format!("{url}/webhooks/provider");
    world
        .admin(true, "webhooks", json!({ "url": url, "secret": WEBHOOK_SECRET, "all": true }))
        .await;
    (world, relay)
}

/// Twelve euros set aside on a card, and the stay over at nine.
async fn left(world: &World, card: &str) -> String {
    let booking = world.ids.next();
    let id = world.authorize(world.asking(booking, card)).await.unwrap().payment_id;
    world.completed(booking, 900, world.in_hours(2)).await;
    world.closed(booking).await;
    id
}

async fn provider_id(world: &World, payment_id: &str) -> String {
    world.at_provider(payment_id).await[0]["authorization_id"].as_str().unwrap().to_owned()
}

/// Waits until every notice that was kept is applied.
async fn applied(world: &World, at_least: i64) {
    eventually("all notices applied", || async {
        let (kept, open): (i64, i64) =
            sqlx::query_as("SELECT count(*), count(due_time) FROM provider_notice")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        (kept >= at_least && open == 0).then_some(())
    })
    .await;
}

pub async fn dispute(world: &World, payment_id: &str, status: &str) {
    let id = provider_id(world, payment_id).await;
    world.admin(false, &format!("authorizations/{id}/dispute"), json!({ "status": status })).await;
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_capture_whose_outcome_comes_late_is_noted_when_it_comes_and_not_before() {
    let (world, _relay) = told().await;
    let id = left(&world, "pm_card_capture_settles").await;
    let refused = left(&world, "pm_card_late_decline").await;
    eventually("both under way at the provider", || async {
        let both = [world.at_provider(&id).await, world.at_provider(&refused).await];
        both.iter().all(|found| found[0]["status"] == "capturing").then_some(())
    })
    .await;
    for id in [&id, &refused] {
        assert_eq!(world.get(id).await.status(), PaymentStatus::Authorized, "nobody has said yet");
    }
    assert_eq!(world.account_sums().await, "driver -2400, held 2400");
    world.clock.advance(seconds(6));
    let taken = world.comes_to(&id, PaymentStatus::Captured).await;
    assert_eq!(taken.captured_amount, Some(eur(900)));
    let declined = world.comes_to(&refused, PaymentStatus::Declined).await;
    assert_eq!(declined.decline_code, "insufficient_funds");
    assert_eq!(world.account_sums().await, "driver -900, held 0, operator 900");
    let facts = world.facts(&refused, 2).await;
    assert_eq!(facts[1].0, "declined", "the world is told that it is owed");
}

#[tokio::test]
async fn a_capture_that_is_refused_at_once_leaves_nothing_set_aside() {
    let (world, _relay) = told().await;
    let id = left(&world, "pm_card_capture_fails").await;
    let declined = world.comes_to(&id, PaymentStatus::Declined).await;
    assert_eq!(declined.decline_code, "capture_declined");
    assert_eq!(world.account_sums().await, "driver 0, held 0");
}

#[tokio::test]
async fn a_card_whose_bank_asks_first_is_declined_and_nothing_is_left_waiting() {
    let (world, _relay) = told().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_action_ok");
    for _ in 0..2 {
        let declined = world.authorize(asked.clone()).await;
        assert_eq!(reason(declined), "PAYMENT_DECLINED");
    }
    let paid = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let id: String = sqlx::query_scalar(
        "SELECT payment_id::text FROM payment WHERE decline_code = 'authentication_required'",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(world.at_provider(&id).await[0]["status"], "voided");
    assert_eq!(world.at_provider(&paid.payment_id).await[0]["status"], "authorized");
}

#[tokio::test]
async fn an_authorisation_that_the_provider_let_go_of_is_given_back_here_too() {
    let (world, _relay) = told().await;
    let booking = world.ids.next();
    let id =
        world.authorize(world.asking(booking, "pm_card_expires_soon")).await.unwrap().payment_id;
    world.loses_card(&id).await;
    world.clock.advance(seconds(61));
    world.comes_to(&id, PaymentStatus::Voided).await;
    assert_eq!(world.account_sums().await, "driver 0, held 0");
    let facts = world.facts(&id, 2).await;
    assert_eq!(facts[1].0, "voided");
}

#[tokio::test]
async fn a_capture_after_the_authorisations_end_is_refused_for_good() {
    let world = World::new().await;
    let booking = world.ids.next();
    let id =
        world.authorize(world.asking(booking, "pm_card_expires_soon")).await.unwrap().payment_id;
    world.loses_card(&id).await;
    world.clock.advance(seconds(61));
    world.completed(booking, 900, world.in_hours(2)).await;
    let declined = world.comes_to(&id, PaymentStatus::Declined).await;
    assert_eq!(declined.decline_code, "authorization_expired");
    assert_eq!(world.account_sums().await, "driver 0, held 0");
}

#[tokio::test]
async fn a_refund_that_the_bank_sends_back_is_the_operators_again_and_can_be_made_again() {
    let (world, _relay) = told().await;
    let id = left(&world, "pm_card_refund_fails").await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    let refund = world.refund(&world.asking_back(&id, Some(400))).await.unwrap();
    assert_eq!(refund.status(), RefundStatus::Refunded);
    assert_eq!(world.account_sums().await, "driver -500, held 0, operator 500");
    world.clock.advance(seconds(6));
    eventually("the refund is back", || async {
        (world.refunds(&id).await[0].status() == RefundStatus::Failed).then_some(())
    })
    .await;
    assert_eq!(world.get(&id).await.refunded_amount, None);
    assert_eq!(world.account_sums().await, "driver -900, held 0, operator 900");
    let again = world.refund(&world.asking_back(&id, Some(900))).await.unwrap();
    assert_eq!(again.status(), RefundStatus::Refunded);
}

#[tokio::test]
async fn a_disputed_charge_is_taken_from_the_operator_and_comes_back_when_the_dispute_is_won() {
    let (world, _relay) = told().await;
    let id = left(&world, "pm_card_ok").await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    dispute(&world, &id, "opened").await;
    let sums = |wanted: &'static str| {
        let world = &world;
        eventually(
            wanted,
            move || async move { (world.account_sums().await == wanted).then_some(()) },
        )
    };
    sums("driver 0, held 0, operator 0").await;
    dispute(&world, &id, "won").await;
    sums("driver -900, held 0, operator 900").await;
    assert_eq!(world.get(&id).await.status(), PaymentStatus::Captured);
}

#[tokio::test]
async fn notices_that_come_twice_and_backwards_change_nothing_wrongly() {
    let (world, relay) = told().await;
    relay.hold();
    let cards =
        ["pm_card_ok", "pm_card_late_decline", "pm_card_capture_settles", "pm_card_refund_fails"];
    let mut ids = Vec::new();
    for card in cards {
        ids.push(left(&world, card).await);
    }
    for place in [0, 3] {
        world.comes_to(&ids[place], PaymentStatus::Captured).await;
    }
    dispute(&world, &ids[0], "opened").await;
    dispute(&world, &ids[0], "won").await;
    world.refund(&world.asking_back(&ids[3], Some(400))).await.unwrap();
    world.clock.advance(seconds(6));
    // Four held, two taken at once, two left open and their ends, a dispute and its end, a refund and its end.
    let held =
        eventually("all webhooks", || async { Some(relay.held()).filter(|held| held.len() >= 14) })
            .await;
    for round in 0..2 {
        for webhook in held.iter().rev() {
            assert_eq!(relay.post(webhook).await, 200, "round {round}");
        }
    }
    applied(&world, 14).await;
    for (id, status) in ids.iter().zip(["captured", "declined", "captured", "captured"]) {
        let payment = world.get(id).await;
        let theirs = &world.at_provider(id).await[0];
        assert_eq!(theirs["status"], status);
        assert_eq!(word(&payment), status);
        let captured = payment.captured_amount.clone().unwrap_or_else(|| eur(0));
        assert_eq!(captured, eur(theirs["captured_minor"].as_i64().unwrap()));
        assert_eq!(theirs["refunded_minor"], 0);
        assert_eq!(payment.refunded_amount, None, "what came back is not given back");
    }
    assert_eq!(world.account_sums().await, "driver -2700, held 0, operator 2700");
    let (kept,): (i64,) = sqlx::query_as("SELECT count(*) FROM provider_notice")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(usize::try_from(kept).unwrap(), held.len(), "each event once");
}

fn word(payment: &Payment) -> &'static str {
    match payment.status() {
        PaymentStatus::Captured => "captured",
        PaymentStatus::Declined => "declined",
        other => other.as_str_name(),
    }
}

#[tokio::test]
async fn a_notice_waits_for_a_provider_that_is_away_and_is_forgotten_after_a_month() {
    let (world, relay) = told().await;
    relay.hold();
    let id = left(&world, "pm_card_ok").await;
    world.comes_to(&id, PaymentStatus::Captured).await;
    dispute(&world, &id, "opened").await;
    let held =
        eventually("all webhooks", || async { Some(relay.held()).filter(|held| held.len() >= 3) })
            .await;
    // Whoever reads is not answered: the ledgers are compared meanwhile, too.
    let away = json!({ "script": [{ "on": "read", "fault": "error_before", "times": 1_000_000 }] });
    world.admin(true, "faults", away).await;
    for webhook in &held {
        assert_eq!(relay.post(webhook).await, 200);
    }
    // One is tried a second time when its first try is over.
    for tried in 1..=2 {
        eventually("all tried", || async {
            let untried: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM provider_notice WHERE attempts < $1 AND due_time IS NOT NULL",
            )
            .bind(tried)
            .fetch_one(&world.pool)
            .await
            .unwrap();
            (untried == 0).then_some(())
        })
        .await;
        world.clock.advance(seconds(31));
    }
    world.admin(true, "faults", json!({})).await;
    world.clock.advance(seconds(31));
    applied(&world, 3).await;
    let tries: Vec<i32> =
        sqlx::query_scalar("SELECT attempts FROM provider_notice ORDER BY attempts")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(tries[0], 1, "a dispute is told by its notice alone");
    assert!(tries[1] >= 2, "the others were put off: {tries:?}");
    assert_eq!(world.account_sums().await, "driver 0, held 0, operator 0");
    world.clock.advance(SignedDuration::from_hours(31 * 24));
    eventually("all forgotten", || async {
        let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM provider_notice")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        (kept == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn only_what_the_provider_signed_just_now_is_kept() {
    let (world, relay) = told().await;
    relay.hold();
    let booking = world.ids.next();
    world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let webhook = eventually("a webhook", || async { relay.held().pop() }).await;
    let posted = |change: fn(&mut Held)| {
        let (relay, mut changed) = (relay.clone(), webhook.clone());
        change(&mut changed);
        async move { relay.post(&changed).await.as_u16() }
    };
    let other_body = |held: &mut Held| held.body = [&held.body[..], b" "].concat().into();
    assert_eq!(posted(other_body).await, 400);
    assert_eq!(posted(|held| drop(held.headers.remove("parkmesh-sandbox-signature"))).await, 400);
    assert_eq!(posted(|held| held.path = "/webhooks/other".to_owned()).await, 404);
    let got = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let got = got.get(format!("http://{}/webhooks/provider", world.payment.addr)).send().await;
    assert_eq!(got.unwrap().status(), 405);
    let kept = || async {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM provider_notice")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        count
    };
    assert_eq!(kept().await, 0);
    assert_eq!(posted(|_| ()).await, 200);
    assert_eq!(posted(|_| ()).await, 200, "a repeat is taken, and is no second one");
    assert_eq!(kept().await, 1);
    world.clock.advance(seconds(301));
    assert_eq!(posted(|_| ()).await, 400, "an old one is perhaps a replay");
}
