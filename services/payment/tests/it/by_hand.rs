use parkmesh_contracts::payment::v1::{CapturePaymentRequest, PaymentStatus, VoidPaymentRequest};
use tonic::Status;

use crate::world::{World, by, eur, reason};

async fn capture(
    world: &World,
    token: &str,
    id: &str,
    minor: i64,
) -> Result<PaymentStatus, Status> {
    let request = CapturePaymentRequest { payment_id: id.to_owned(), amount: Some(eur(minor)) };
    let answer = world.client.clone().capture_payment(by(token, request)).await?;
    Ok(answer.into_inner().payment.unwrap().status())
}

async fn void(world: &World, token: &str, id: &str) -> Result<PaymentStatus, Status> {
    let request = VoidPaymentRequest { payment_id: id.to_owned() };
    let answer = world.client.clone().void_payment(by(token, request)).await?;
    Ok(answer.into_inner().payment.unwrap().status())
}

#[tokio::test]
async fn a_capture_made_twice_takes_once() {
    let world = World::new().await;
    let op = world.operator(&["payment.write"]);
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let id = world.authorize(asked).await.unwrap().payment_id;
    let both = futures_util::join!(capture(&world, &op, &id, 900), capture(&world, &op, &id, 900));
    assert_eq!(both.0.unwrap(), PaymentStatus::Captured);
    assert_eq!(both.1.unwrap(), PaymentStatus::Captured);
    assert_eq!(capture(&world, &op, &id, 900).await.unwrap(), PaymentStatus::Captured);
    assert_eq!(world.provider_did("capture").await, 1);
    assert_eq!(reason(capture(&world, &op, &id, 800).await), "PAYMENT_STATE_WRONG");
    assert_eq!(reason(void(&world, &op, &id).await), "PAYMENT_STATE_WRONG");
}

#[tokio::test]
async fn an_amount_above_what_was_authorised_is_refused() {
    let world = World::new().await;
    let op = world.operator(&["payment.write"]);
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let id = world.authorize(asked).await.unwrap().payment_id;
    assert_eq!(reason(capture(&world, &op, &id, 1_201).await), "AMOUNT_ABOVE_AUTHORIZED");
    assert_eq!(world.get(&id).await.status(), PaymentStatus::Authorized);
    assert_eq!(capture(&world, &op, &id, 1_200).await.unwrap(), PaymentStatus::Captured);
}

#[tokio::test]
async fn a_void_gives_back_once_and_frees_the_booking_for_another_authorisation() {
    let world = World::new().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_ok");
    let id = world.authorize(asked.clone()).await.unwrap().payment_id;
    let service = world.tokens.service("booking");
    for _ in 0..2 {
        assert_eq!(void(&world, &service, &id).await.unwrap(), PaymentStatus::Voided);
    }
    assert_eq!(world.provider_did("void").await, 1);
    assert_eq!(reason(world.authorize(asked).await), "PAYMENT_STATE_WRONG");
    let again = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    assert_ne!(again.payment_id, id);
    assert_eq!(again.status(), PaymentStatus::Authorized);
}

#[tokio::test]
async fn only_operators_of_the_lot_move_money_by_hand() {
    let world = World::new().await;
    let asked = world.asking(world.ids.next(), "pm_card_ok");
    let id = world.authorize(asked).await.unwrap().payment_id;
    let elsewhere = world.tokens.operator("op", [world.ids.next()]);
    assert_eq!(reason(capture(&world, &elsewhere, &id, 1).await), "PAYMENT_NOT_FOUND");
    assert_eq!(reason(void(&world, &elsewhere, &id).await), "PAYMENT_NOT_FOUND");
    let driver = world.driver_with(&["payment.write"]);
    assert_eq!(reason(capture(&world, &driver, &id, 1).await), "OPERATOR_REQUIRED");
    assert_eq!(reason(void(&world, &driver, &id).await), "OPERATOR_REQUIRED");
    assert_eq!(world.get(&id).await.status(), PaymentStatus::Authorized);
}
