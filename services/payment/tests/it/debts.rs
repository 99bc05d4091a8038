//! A capture that the bank refuses leaves a debt, which is chased until it is paid.

use jiff::SignedDuration;
use parkmesh_contracts::ids::{BookingId, RequestId};
use parkmesh_contracts::payment::v1::{self as proto, PaymentKind, PaymentStatus};
use parkmesh_testkit::eventually;
use tonic::Status;

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

/// This card for what is open.
pub fn with(world: &World, payment_id: &str, card: &str) -> proto::RetryPaymentRequest {
    proto::RetryPaymentRequest {
        request_id: world.ids.next::<RequestId>().to_string(),
        payment_id: payment_id.to_owned(),
        payment_method: card.to_owned(),
    }
}

pub async fn retry(
    world: &World,
    who: &str,
    request: &proto::RetryPaymentRequest,
) -> Result<proto::Payment, Status> {
    let token = world.tokens.driver(who);
    let answer = world.client.clone().retry_payment(by(&token, request.clone())).await?;
    Ok(answer.into_inner().payment.unwrap())
}

/// A booking that ended with a debt of 8.50, the payment that was refused, and the debt.
pub async fn owing(world: &World) -> (BookingId, proto::Payment, proto::Payment) {
    let booking = world.ids.next();
    let asked = world.asking(booking, "pm_card_capture_fails");
    let first = world.authorize(asked).await.unwrap();
    world.completed(booking, 850, world.in_hours(2)).await;
    let debt = chased(world, booking, 0).await;
    (booking, first, debt)
}

#[tokio::test]
async fn a_debt_is_paid_with_another_card_once_and_the_old_card_is_asked_no_more() {
    let world = World::new().await;
    let (booking, _, debt) = owing(&world).await;
    assert!(debt.authorize_time.is_some(), "it says when it is asked for again");
    let request = with(&world, &debt.payment_id, "pm_card_mastercard");
    let paid = retry(&world, "anna", &request).await.unwrap();
    assert_ne!(paid.payment_id, debt.payment_id);
    assert_eq!((paid.kind(), paid.status()), (PaymentKind::Debt, PaymentStatus::Authorized));
    let captured = world.comes_to(&paid.payment_id, PaymentStatus::Captured).await;
    assert_eq!(captured.captured_amount, Some(eur(850)));
    assert_eq!(retry(&world, "anna", &request).await.unwrap(), paid, "the first answer, again");
    let other = proto::RetryPaymentRequest { payment_method: "pm_card_ok".to_owned(), ..request };
    assert_eq!(reason(retry(&world, "anna", &other).await), "REQUEST_ID_REUSED");
    let late = with(&world, &debt.payment_id, "pm_card_ok");
    assert_eq!(reason(retry(&world, "anna", &late).await), "PAYMENT_STATE_WRONG");
    assert_eq!(world.receipt(booking).await.unwrap().total, Some(eur(850)));
    assert_eq!(world.account_sums().await, "driver -850, held 0, operator 850");
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    world.captured(100).await;
    assert!(world.at_provider(&debt.payment_id).await.is_empty(), "it was never asked for");
    assert_eq!(world.get(&debt.payment_id).await.status(), PaymentStatus::Voided);
}

#[tokio::test]
async fn a_refused_card_leaves_the_debt_open_for_a_third_which_may_name_the_first_refusal() {
    let world = World::new().await;
    let (booking, first, debt) = owing(&world).await;
    let refused = with(&world, &debt.payment_id, "pm_card_insufficient");
    for _ in 0..2 {
        assert_eq!(reason(retry(&world, "anna", &refused).await), "PAYMENT_DECLINED");
    }
    let open = chased(&world, booking, 1).await;
    assert_ne!(open.payment_id, debt.payment_id);
    let paid = retry(&world, "anna", &with(&world, &first.payment_id, "pm_card_ok")).await;
    world.comes_to(&paid.unwrap().payment_id, PaymentStatus::Captured).await;
    assert_eq!(world.account_sums().await, "driver -850, held 0, operator 850");
}

#[tokio::test]
async fn many_cards_at_once_pay_a_debt_once() {
    let world = World::new().await;
    let (_, _, debt) = owing(&world).await;
    let requests: Vec<_> =
        (0..6).map(|_| with(&world, &debt.payment_id, "pm_card_timeout_after_success")).collect();
    let calls = requests.iter().map(|request| retry(&world, "anna", request));
    let answers = futures_util::future::join_all(calls).await;
    let paid = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(paid, 1, "{answers:?}");
    for refused in answers.into_iter().filter(Result::is_err) {
        let reason = reason(refused);
        assert!(["REQUEST_IN_FLIGHT", "PAYMENT_STATE_WRONG"].contains(&&*reason), "{reason}");
    }
    eventually("the capture", || async {
        Some(world.account_sums().await).filter(|sums| sums.ends_with("operator 850"))
    })
    .await;
    assert_eq!(world.provider_did("capture").await, 1);
}

#[tokio::test]
async fn another_card_is_the_owners_alone_and_never_a_number_and_only_for_what_is_open() {
    let world = World::new().await;
    let (_, _, debt) = owing(&world).await;
    let request = with(&world, &debt.payment_id, "pm_card_ok");
    assert_eq!(reason(retry(&world, "berta", &request).await), "PAYMENT_NOT_FOUND");
    let number = with(&world, &debt.payment_id, "4242 4242 4242 4242");
    assert_eq!(reason(retry(&world, "anna", &number).await), "CARD_NUMBER_REFUSED");
    let paid = world.captured(300).await;
    let request = with(&world, &paid, "pm_card_ok");
    assert_eq!(reason(retry(&world, "anna", &request).await), "PAYMENT_STATE_WRONG");
}
