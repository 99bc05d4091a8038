use parkmesh_contracts::payment::v1::{
    PaymentRefunded, PaymentStatus, RefundPaymentRequest, RefundStatus,
};

use crate::world::{World, by, eur, reason};

#[tokio::test]
async fn what_was_captured_is_given_back_in_parts_and_never_more() {
    let world = World::new().await;
    let id = world.captured(900).await;
    assert_eq!(world.get(&id).await.refunded_amount, None);
    for (minor, total) in [(300, 300), (200, 500)] {
        let refund = world.refund(&world.asking_back(&id, Some(minor))).await.unwrap();
        assert_eq!(refund.status(), RefundStatus::Refunded);
        assert_eq!(refund.total_refunded_amount, Some(eur(total)));
    }
    let too_much = world.refund(&world.asking_back(&id, Some(401))).await;
    assert_eq!(reason(too_much), "AMOUNT_ABOVE_CAPTURED");
    let rest = world.refund(&world.asking_back(&id, None)).await.unwrap();
    assert_eq!((rest.amount, rest.total_refunded_amount), (Some(eur(400)), Some(eur(900))));
    for amount in [None, Some(1)] {
        let more = world.refund(&world.asking_back(&id, amount)).await;
        assert_eq!(reason(more), "AMOUNT_ABOVE_CAPTURED");
    }
    let payment = world.get(&id).await;
    assert_eq!(payment.status(), PaymentStatus::Captured);
    assert_eq!(payment.refunded_amount, Some(eur(900)));
    assert_eq!(world.refunds(&id).await.len(), 3);
    assert_eq!(world.at_provider(&id).await[0]["refunded_minor"], 900);
    assert_eq!(world.account_sums().await, "driver 0, held 0, operator 0");
    let facts = world.facts(&id, 5).await;
    let told: Vec<PaymentRefunded> = facts
        .iter()
        .filter(|(word, _)| word == "refunded")
        .map(|(_, fact)| fact.decode().unwrap())
        .collect();
    let amounts: Vec<_> = told.iter().map(|fact| fact.amount.clone()).collect();
    assert_eq!(amounts, [300, 200, 400].map(|minor| Some(eur(minor))));
    assert_eq!(told[2].total_refunded_amount, Some(eur(900)));
    assert_eq!(told[2].version, payment.version);
}

#[tokio::test]
async fn a_fee_can_be_given_back_and_what_was_not_taken_cannot() {
    let world = World::new().await;
    let (absent, gone) = (world.ids.next(), world.ids.next());
    let fee = world.authorize(world.asking(absent, "pm_card_ok")).await.unwrap().payment_id;
    let open = world.authorize(world.asking(gone, "pm_card_ok")).await.unwrap().payment_id;
    assert_eq!(reason(world.refund(&world.asking_back(&open, None)).await), "PAYMENT_STATE_WRONG");
    world.cancelled(absent, 250).await;
    world.expired(gone).await;
    world.comes_to(&fee, PaymentStatus::Captured).await;
    world.comes_to(&open, PaymentStatus::Voided).await;
    let refund = world.refund(&world.asking_back(&fee, None)).await.unwrap();
    assert_eq!(refund.amount, Some(eur(250)));
    assert_eq!(reason(world.refund(&world.asking_back(&open, None)).await), "PAYMENT_STATE_WRONG");
}

#[tokio::test]
async fn an_amount_of_nothing_or_in_another_currency_is_refused() {
    let world = World::new().await;
    let id = world.captured(900).await;
    for minor in [0, -1] {
        let answer = world.refund(&world.asking_back(&id, Some(minor))).await;
        assert_eq!(reason(answer), "ARGUMENT_INVALID");
    }
    let mut asked = world.asking_back(&id, Some(100));
    asked.amount.as_mut().unwrap().currency_code = "CHF".to_owned();
    assert_eq!(reason(world.refund(&asked).await), "ARGUMENT_INVALID");
}

#[tokio::test]
async fn only_operators_of_the_lot_give_back() {
    let world = World::new().await;
    let id = world.captured(900).await;
    let asked = world.asking_back(&id, None);
    let refund = |token: String, asked: RefundPaymentRequest| {
        let mut client = world.client.clone();
        async move { client.refund_payment(by(&token, asked)).await }
    };
    let elsewhere = world.tokens.operator("op", [world.ids.next()]);
    assert_eq!(reason(refund(elsewhere, asked.clone()).await), "PAYMENT_NOT_FOUND");
    let driver = world.driver_with(&["payment.write"]);
    assert_eq!(reason(refund(driver, asked.clone()).await), "OPERATOR_REQUIRED");
    let reader = refund(world.operator(&["payment.read"]), asked.clone()).await;
    assert_eq!(reader.unwrap_err().code(), tonic::Code::PermissionDenied);
    for lots in [vec![], vec![world.lot]] {
        let boss = world.tokens.operator("boss", lots);
        assert_eq!(reason(refund(boss, asked.clone()).await), "PAYMENT_NOT_FOUND");
    }
    let bound_to_no_lot = world.tokens.operator("op", []);
    refund(bound_to_no_lot, asked).await.unwrap();
    assert_eq!(world.get(&id).await.refunded_amount, Some(eur(900)));
}

#[tokio::test]
async fn two_refunds_at_once_give_back_no_more_than_was_taken() {
    let world = World::new().await;
    let id = world.captured(900).await;
    let both = [world.asking_back(&id, Some(600)), world.asking_back(&id, Some(600))];
    let answers = futures_util::future::join_all(both.iter().map(|one| world.refund(one))).await;
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(done, 1, "{answers:?}");
    let refused = reason(answers.into_iter().find(Result::is_err).unwrap());
    assert!(["REFUND_IN_FLIGHT", "AMOUNT_ABOVE_CAPTURED"].contains(&refused.as_str()), "{refused}");
    assert_eq!(world.at_provider(&id).await[0]["refunded_minor"], 600);
}

#[tokio::test]
async fn a_provider_that_is_away_leaves_the_refund_open_and_it_is_made_once() {
    let mut world = World::new().await;
    let id = world.captured(900).await;
    let asked = world.asking_back(&id, Some(400));
    let (address, pool) = (world.sandbox.addr, world.sandbox_pool().await);
    std::mem::replace(&mut world.sandbox, World::nothing()).stop().await;
    assert_eq!(reason(world.refund(&asked).await), "PAYMENT_UNKNOWN");
    assert_eq!(world.refunds(&id).await[0].status(), RefundStatus::Pending);
    let another = world.refund(&world.asking_back(&id, Some(100))).await;
    assert_eq!(reason(another), "REFUND_IN_FLIGHT");
    world.sandbox = World::start_sandbox_at(address, &world.clock, &world.ids, pool).await;
    let refund = world.refund(&asked).await.unwrap();
    assert_eq!(refund.status(), RefundStatus::Refunded);
    assert_eq!(world.at_provider(&id).await[0]["refunded_minor"], 400);
}
