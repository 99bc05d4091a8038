//! What a booking costs more since it was changed, and what its car owes that did not leave.

use parkmesh_contracts::booking::v1::{BookingOverstayed, QuoteLine};
use parkmesh_contracts::ids::{BookingId, RequestId};
use parkmesh_contracts::payment::v1 as proto;
use parkmesh_contracts::payment::v1::{PaymentCaptured, PaymentKind, PaymentStatus};
use parkmesh_contracts::time;

use crate::world::{World, by, eur, reason};

/// Three euros more, on the card of the booking.
fn more(world: &World, booking: BookingId) -> proto::AuthorizePaymentRequest {
    let (amount, additional) = (Some(eur(300)), true);
    proto::AuthorizePaymentRequest { amount, additional, ..world.asking(booking, "") }
}

async fn overstayed(world: &World, booking: BookingId, version: i64, minor: i64) {
    let line = QuoteLine {
        description: "Past the booked window".to_owned(),
        quantity: 1,
        unit_amount: Some(eur(minor)),
        amount: Some(eur(minor)),
    };
    let fact = BookingOverstayed {
        lot_id: world.summary(booking, version).unwrap().lot_id,
        version,
        booking: world.summary(booking, version),
        leave_time: Some(time::to_proto(world.in_hours(4))),
        amount: Some(eur(minor)),
        lines: vec![line],
        payment_id: String::new(),
    };
    world.tell(booking, version, &fact).await;
}

#[tokio::test]
async fn a_difference_is_set_aside_beside_and_the_end_is_captured_over_both_with_one_receipt() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let asked = more(&world, booking);
    let second = world.authorize(asked.clone()).await.unwrap();
    assert_eq!(second.kind(), PaymentKind::Addition);
    assert_eq!(world.authorize(asked).await.unwrap(), second, "the same request, the same money");
    assert_eq!(world.provider_did("authorize").await, 2);
    world.completed(booking, 1_350, world.in_hours(2)).await;
    let captured = world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(1_200)));
    let captured = world.comes_to(&second.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(150)));
    let receipt = world.receipt(booking).await.unwrap();
    assert_eq!((receipt.total, receipt.lines.len()), (Some(eur(1_350)), 2));
    assert_eq!(receipt.payment_id, first.payment_id);
    // One of the two captures brings the receipt, of both.
    let mut told = Vec::new();
    for payment_id in [&first.payment_id, &second.payment_id] {
        let facts = world.facts(payment_id, 2).await;
        let (_, fact) = facts.iter().find(|(word, _)| word == "captured").unwrap();
        told.push(fact.decode::<PaymentCaptured>().unwrap());
    }
    let with_receipt: Vec<_> = told.iter().filter(|fact| !fact.receipt_number.is_empty()).collect();
    assert_eq!(with_receipt.len(), 1);
    assert_eq!(with_receipt[0].receipt_total, Some(eur(1_350)));
}

#[tokio::test]
async fn a_difference_that_is_not_needed_goes_back_with_the_end() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    let second = world.authorize(more(&world, booking)).await.unwrap();
    world.completed(booking, 900, world.in_hours(2)).await;
    world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    world.comes_to(&second.payment_id, PaymentStatus::Voided).await;
    let (expired, world) = (world.ids.next(), world);
    let first = world.authorize(world.asking(expired, "pm_card_ok")).await.unwrap();
    let second = world.authorize(more(&world, expired)).await.unwrap();
    world.cancelled(expired, 0).await;
    for payment in [first, second] {
        world.comes_to(&payment.payment_id, PaymentStatus::Voided).await;
    }
    assert_eq!(reason(world.authorize(more(&world, expired)).await), "BOOKING_CLOSED");
}

#[tokio::test]
async fn a_difference_without_a_card_needs_a_payment_whose_card_it_takes() {
    let world = World::new().await;
    let booking = world.ids.next();
    assert_eq!(reason(world.authorize(more(&world, booking)).await), "ARGUMENT_INVALID");
    let bare = proto::AuthorizePaymentRequest { additional: false, ..more(&world, booking) };
    assert_eq!(reason(world.authorize(bare).await), "ARGUMENT_INVALID");
    let mut own = more(&world, booking);
    own.payment_method = "pm_card_ok".to_owned();
    world.authorize(own).await.unwrap();
}

#[tokio::test]
async fn an_overstay_is_charged_once_to_the_same_card_with_a_receipt_of_its_own() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 1_200, world.in_hours(3)).await;
    world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    overstayed(&world, booking, 5, 500).await;
    overstayed(&world, booking, 6, 700).await;
    let payment = parkmesh_testkit::eventually("the charge of the overstay", || async {
        let ids: Vec<(sqlx::types::Uuid,)> =
            sqlx::query_as("SELECT payment_id FROM payment WHERE kind = 'overstay'")
                .fetch_all(&world.pool)
                .await
                .unwrap();
        ids.first().map(|(id,)| id.to_string())
    })
    .await;
    let captured = world.comes_to(&payment, PaymentStatus::Captured).await;
    assert_eq!(captured.kind(), PaymentKind::Overstay);
    assert_eq!(captured.captured_amount, Some(eur(500)));
    // A later fact of another booking shows that the second one has been heard.
    let marker = world.ids.next();
    world.expired(marker).await;
    world.closed(marker).await;
    assert_eq!(world.provider_did("capture").await, 2);
    let stay = world.receipt(booking).await.unwrap();
    let overstay = world.overstay_receipt(booking).await.unwrap();
    assert_eq!((stay.total, overstay.total), (Some(eur(1_200)), Some(eur(500))));
    // From the end of the window on.
    let (start, end) = (overstay.start_time.unwrap(), overstay.end_time.unwrap());
    assert!((3_590..3_610).contains(&(end.seconds - start.seconds)), "{start:?} {end:?}");
    assert_ne!(stay.receipt_number, overstay.receipt_number);
}

#[tokio::test]
async fn an_overstay_that_is_refused_is_asked_for_again_and_may_be_paid_with_another_card() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.completed(booking, 1_200, world.in_hours(3)).await;
    world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    world.loses_card(&first.payment_id).await;
    overstayed(&world, booking, 5, 500).await;
    let open = parkmesh_testkit::eventually("what asks again", || async {
        let ids: Vec<(sqlx::types::Uuid,)> = sqlx::query_as(
            "SELECT payment_id FROM payment WHERE kind = 'overstay' AND status = 'pending'
             AND chases = 1",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        ids.first().map(|(id,)| id.to_string())
    })
    .await;
    let request = proto::RetryPaymentRequest {
        request_id: world.ids.next::<RequestId>().to_string(),
        payment_id: open,
        payment_method: "pm_card_mastercard".to_owned(),
    };
    let token = world.tokens.driver("anna");
    let answer = world.client.clone().retry_payment(by(&token, request)).await.unwrap();
    let payment = answer.into_inner().payment.unwrap();
    assert_eq!(payment.kind(), PaymentKind::Overstay);
    world.comes_to(&payment.payment_id, PaymentStatus::Captured).await;
    assert_eq!(world.overstay_receipt(booking).await.unwrap().total, Some(eur(500)));
}
