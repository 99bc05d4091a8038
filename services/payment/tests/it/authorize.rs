use std::time::Duration;

use parkmesh_contracts::payment::v1::{PaymentDeclined, PaymentStatus};
use tonic_types::StatusExt;

use crate::world::{World, by, eur, reason};

#[tokio::test]
async fn a_good_card_is_authorised_and_told() {
    let world = World::new().await;
    let payment = world.authorize(world.asking(world.ids.next(), "pm_card_ok")).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
    assert_eq!(payment.authorized_amount, Some(eur(1_200)));
    let facts = world.facts(&payment.payment_id, 1).await;
    assert_eq!(facts[0].0, "authorized");
    assert_eq!(world.at_provider(&payment.payment_id).await[0]["status"], "authorized");
}

#[tokio::test]
async fn a_declined_card_is_refused_with_the_providers_code_also_the_second_time() {
    let world = World::new().await;
    for (card, code) in
        [("pm_card_declined", "card_declined"), ("pm_card_insufficient", "insufficient_funds")]
    {
        let asked = world.asking(world.ids.next(), card);
        for _ in 0..2 {
            let refused = world.authorize(asked.clone()).await.unwrap_err();
            let told = refused.get_details_error_info().unwrap();
            assert_eq!(told.reason, "PAYMENT_DECLINED");
            assert_eq!(told.metadata["decline_code"], code);
        }
        let (id,): (String,) =
            sqlx::query_as("SELECT payment_id::text FROM payment WHERE booking_id = $1::uuid")
                .bind(&asked.booking_id)
                .fetch_one(&world.pool)
                .await
                .unwrap();
        let facts = world.facts(&id, 1).await;
        let declined: PaymentDeclined = facts[0].1.decode().unwrap();
        assert_eq!((declined.decline_code.as_str(), facts.len()), (code, 1));
        assert_eq!(world.at_provider(&id).await.len(), 1);
    }
}

#[tokio::test]
async fn another_card_may_follow_a_declined_one() {
    let world = World::new().await;
    let booking = world.ids.next();
    let declined = world.authorize(world.asking(booking, "pm_card_declined")).await;
    assert_eq!(reason(declined), "PAYMENT_DECLINED");
    let payment = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_still_sets_money_aside_exactly_once() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_timeout_after_success");
    let payment = world.authorize(asked).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
    assert_eq!(world.at_provider(&payment.payment_id).await.len(), 1);
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn a_failure_of_the_provider_is_asked_about_again() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_error_once");
    let payment = world.authorize(asked).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn a_provider_that_is_away_leaves_the_outcome_unknown_and_the_same_request_finds_it_later() {
    let mut world = World::new().await;
    let address = world.sandbox.addr;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let pool = world.sandbox_pool().await;
    let stopped = std::mem::replace(&mut world.sandbox, World::nothing());
    stopped.stop().await;
    assert_eq!(reason(world.authorize(asked.clone()).await), "PAYMENT_UNKNOWN");
    world.sandbox = World::start_sandbox_at(address, &world.clock, &world.ids, pool).await;
    let payment = world.authorize(asked).await.unwrap();
    assert_eq!(payment.status(), PaymentStatus::Authorized);
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn the_same_request_has_the_same_outcome_and_a_reused_id_is_refused() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let first = world.authorize(asked.clone()).await.unwrap();
    let second = world.authorize(asked.clone()).await.unwrap();
    assert_eq!(first, second);
    let mut other = asked.clone();
    other.amount = Some(eur(1_300));
    assert_eq!(reason(world.authorize(other).await), "REQUEST_ID_REUSED");
    let mut other = asked;
    other.booking_id = world.asking(world.ids.next(), "").booking_id;
    assert_eq!(reason(world.authorize(other).await), "REQUEST_ID_REUSED");
    assert_eq!(world.provider_did("authorize").await, 1);
}

#[tokio::test]
async fn many_requests_for_one_booking_set_money_aside_once() {
    let world = World::new().await;
    let booking = world.ids.next();
    let calls = (0..8).map(|_| world.authorize(world.asking(booking, "pm_card_ok")));
    let answers = futures_util::future::join_all(calls).await;
    let ids: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().payment_id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(world.provider_did("authorize").await, 1);
    let mut dearer = world.asking(booking, "pm_card_ok");
    dearer.amount = Some(eur(9_900));
    assert_eq!(reason(world.authorize(dearer).await), "PAYMENT_STATE_WRONG");
}

#[tokio::test]
async fn a_card_number_is_refused_before_anything_is_kept() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "4242 4242 4242 4242");
    assert_eq!(reason(world.authorize(asked).await), "CARD_NUMBER_REFUSED");
    let (rows,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM payment").fetch_one(&world.pool).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn an_amount_of_nothing_and_a_missing_one_are_refused() {
    let world = World::new().await;
    for amount in [None, Some(eur(0)), Some(eur(-5))] {
        let mut asked = world.asking(world.ids.next(), "pm_card_ok");
        asked.amount = amount;
        assert_eq!(reason(world.authorize(asked).await), "ARGUMENT_INVALID");
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_cuts_nothing_short() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_timeout_after_success");
    let token = world.tokens.service("booking");
    let mut client = world.client.clone();
    let call = client.authorize_payment(by(&token, asked.clone()));
    let cut = tokio::time::timeout(Duration::from_millis(400), call).await;
    assert!(cut.is_err(), "the provider answers late, so the call cannot be done");
    let payment = parkmesh_testkit::eventually("the payment", || async {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT payment_id::text FROM payment WHERE status = 'authorized'")
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        row
    })
    .await;
    assert_eq!(world.at_provider(&payment.0).await.len(), 1);
    assert_eq!(world.authorize(asked).await.unwrap().payment_id, payment.0);
}

#[tokio::test]
async fn only_booking_may_authorise() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    for token in [world.tokens.driver("anna"), world.tokens.service("availability")] {
        let answer = world.client.clone().authorize_payment(by(&token, asked.clone())).await;
        assert_eq!(answer.unwrap_err().code(), tonic::Code::PermissionDenied);
    }
}
