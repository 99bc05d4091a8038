//! A capture that the bank refuses leaves a debt, which is chased until it is paid.

use jiff::SignedDuration;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{self as proto, PaymentKind, PaymentStatus};
use parkmesh_testkit::eventually;

use crate::world::{World, by, eur, reason};

/// Payments of a booking, newest first.
async fn payments(world: &World, booking: BookingId) -> Vec<proto::Payment> {
    let booking_id = booking.to_string();
    let request = proto::ListPaymentsRequest { booking_id, ..Default::default() };
    let token = world.tokens.driver("anna");
    world.client.clone().list_payments(by(&token, request)).await.unwrap().into_inner().payments
}

/// Waits until so many debts were refused, and gives the one that stands.
async fn chased(world: &World, booking: BookingId, refused: usize) -> proto::Payment {
    eventually("the debt", || async {
        let all = payments(world, booking).await;
        let debts = || all.iter().filter(|one| one.kind() == PaymentKind::Debt);
        let declined = debts().filter(|one| one.status() == PaymentStatus::Declined).count();
        let open = debts().find(|one| one.status() == PaymentStatus::Pending);
        open.filter(|_| declined == refused).cloned()
    })
    .await
}

#[tokio::test]
async fn a_refused_capture_is_a_debt_that_is_chased_and_paid_once_with_the_receipt() {
    let world = World::new().await;
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_capture_fails");
    let first = world.authorize(asked).await.unwrap();
    world.completed(booking, 850, world.in_hours(2)).await;
    let declined = world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
    assert_ne!(declined.decline_code, "");
    let debt = chased(&world, booking, 0).await;
    assert_eq!(debt.authorized_amount, Some(eur(850)));
    assert_eq!(reason(world.receipt(booking).await), "RECEIPT_NOT_FOUND");
    // Nothing is set aside for it, and nothing taken.
    assert_eq!(world.account_sums().await, "driver 0, held 0");

    // An hour later the bank refuses again: six hours more.
    world.clock.advance(SignedDuration::from_secs(3_601));
    let second = chased(&world, booking, 1).await;
    assert_ne!(second.payment_id, debt.payment_id);
    // The card works again.
    let mended = "UPDATE payment SET payment_method = 'pm_card_ok' WHERE payment_id = $1::uuid";
    sqlx::query(mended).bind(&second.payment_id).execute(&world.pool).await.unwrap();
    world.clock.advance(SignedDuration::from_hours(6));
    let paid = world.comes_to(&second.payment_id, PaymentStatus::Captured).await;
    assert_eq!(paid.captured_amount, Some(eur(850)));
    let receipt = world.receipt(booking).await.unwrap();
    assert_eq!((receipt.total, receipt.lines.len()), (Some(eur(850)), 2));
    assert_eq!(world.account_sums().await, "driver -850, held 0, operator 850");
    world.clock.advance(SignedDuration::from_hours(24 * 30));
    let marker = world.captured(100).await;
    assert_eq!(world.get(&marker).await.status(), PaymentStatus::Captured);
    assert_eq!(payments(&world, booking).await.len(), 3, "what is paid is asked for no more");
}

#[tokio::test]
async fn a_booking_that_is_refused_at_its_confirmation_owes_nothing() {
    let world = World::new().await;
    let booking = world.ids.next();
    let refused = world.authorize(world.asking(booking, "pm_card_declined")).await;
    assert_eq!(reason(refused), "PAYMENT_DECLINED");
    let all = payments(&world, booking).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].status(), PaymentStatus::Declined);
}
