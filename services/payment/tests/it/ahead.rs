//! Stays that begin later than an authorisation lives.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::BookingMoved;
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{self as proto, PaymentStatus};
use parkmesh_contracts::time::to_proto;
use parkmesh_testkit::eventually;

use crate::debts::{retry, with};
use crate::renewal::payments;
use crate::world::{World, by, eur, reason};

/// A request for a stay that begins in so many days.
fn ahead(
    world: &World,
    booking: BookingId,
    card: &str,
    days: i64,
) -> proto::AuthorizePaymentRequest {
    let start_time = Some(to_proto(world.in_hours(24 * days)));
    proto::AuthorizePaymentRequest { start_time, ..world.asking(booking, card) }
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// The booking goes to a window that begins then.
async fn moved(world: &World, booking: BookingId, version: i64, start: Timestamp) {
    let mut summary = world.summary(booking, version);
    if let Some(summary) = &mut summary {
        let (start_time, end_time) = (to_proto(start), to_proto(start + days(1)));
        summary.window = Some(Window { start_time: Some(start_time), end_time: Some(end_time) });
    }
    let lot_id = world.lot.to_string();
    let fact = BookingMoved { lot_id, version, booking: summary, ..BookingMoved::default() };
    world.tell(booking, version, &fact).await;
}

#[tokio::test]
async fn what_begins_in_a_month_is_set_aside_three_days_before_and_captured_once() {
    let world = World::new().await;
    let booking = world.ids.next();
    let request = ahead(&world, booking, "pm_card_ok", 30);
    let first = world.authorize(request.clone()).await.unwrap();
    assert_eq!((first.status(), first.authorize_time), (PaymentStatus::Pending, None));
    let kept = world.get(&first.payment_id).await.authorize_time.unwrap();
    assert_eq!(request.start_time.unwrap().seconds - kept.seconds, 3 * 24 * 60 * 60);
    world.clock.advance(days(26));
    // Something else comes to its end meanwhile.
    world.captured(300).await;
    assert!(world.at_provider(&first.payment_id).await.is_empty(), "not yet");
    assert_eq!(world.authorize(request.clone()).await.unwrap(), first);
    world.clock.advance(days(1) + SignedDuration::from_secs(1));
    world.comes_to(&first.payment_id, PaymentStatus::Authorized).await;
    assert_eq!(world.authorize(request.clone()).await.unwrap(), first, "as the first time");
    let other = proto::AuthorizePaymentRequest { start_time: None, ..request };
    assert_eq!(reason(world.authorize(other).await), "REQUEST_ID_REUSED");
    world.completed(booking, 900, world.in_hours(1)).await;
    let taken = world.comes_to(&first.payment_id, PaymentStatus::Captured).await;
    assert_eq!(taken.captured_amount, Some(eur(900)));
}

#[tokio::test]
async fn what_begins_within_six_days_is_set_aside_at_once() {
    let world = World::new().await;
    let near = world.authorize(ahead(&world, world.ids.next(), "pm_card_ok", 6)).await.unwrap();
    assert_eq!(near.status(), PaymentStatus::Authorized);
}

#[tokio::test]
async fn a_stay_that_is_moved_to_begin_sooner_is_set_aside_sooner_and_never_later() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(ahead(&world, booking, "pm_card_ok", 30)).await.unwrap();
    let start = world.in_hours(24 * 10);
    moved(&world, booking, 3, start).await;
    let sooner = (start - days(3)).as_second();
    eventually("the new time", || async {
        let told = world.get(&first.payment_id).await.authorize_time?;
        (told.seconds == sooner).then_some(())
    })
    .await;
    moved(&world, booking, 4, world.in_hours(24 * 60)).await;
    moved(&world, booking, 5, world.in_hours(24 * 2)).await;
    world.comes_to(&first.payment_id, PaymentStatus::Authorized).await;
}

#[tokio::test]
async fn a_card_that_is_none_or_will_have_expired_is_refused_at_once() {
    let world = World::new().await;
    let unknown = ahead(&world, world.ids.next(), "pm_card_of_nobody", 30);
    assert_eq!(reason(world.authorize(unknown).await), "PAYMENT_METHOD_UNKNOWN");
    let late = ahead(&world, world.ids.next(), "pm_card_ok", 365 * 40);
    let refused = world.authorize(late).await.unwrap_err();
    assert!(format!("{refused:?}").contains("expired_card"), "{refused:?}");
}

#[tokio::test]
async fn another_card_before_the_first_was_asked_takes_its_place() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(ahead(&world, booking, "pm_card_ok", 30)).await.unwrap();
    let again = ahead(&world, booking, "pm_card_mastercard", 30);
    let second = world.authorize(again).await.unwrap();
    assert_ne!(first.payment_id, second.payment_id);
    assert_eq!(world.get(&first.payment_id).await.status(), PaymentStatus::Voided);
    // The driver may also change it by hand, which asks at once.
    let third = with(&world, &second.payment_id, "pm_card_ok");
    let third = retry(&world, "anna", &third).await.unwrap();
    assert_eq!(third.status(), PaymentStatus::Authorized);
    assert_eq!(world.provider_did("authorize").await, 1);
    world.completed(booking, 900, world.in_hours(1)).await;
    world.comes_to(&third.payment_id, PaymentStatus::Captured).await;
}

#[tokio::test]
async fn a_booking_that_ends_before_is_never_asked_for() {
    let world = World::new().await;
    let (ended, dropped) = (world.ids.next(), world.ids.next());
    let first = world.authorize(ahead(&world, ended, "pm_card_ok", 30)).await.unwrap();
    world.cancelled(ended, 0).await;
    world.comes_to(&first.payment_id, PaymentStatus::Voided).await;
    let second = world.authorize(ahead(&world, dropped, "pm_card_ok", 30)).await.unwrap();
    let payment_id = second.payment_id.clone();
    let void = by(&world.tokens.service("booking"), proto::VoidPaymentRequest { payment_id });
    let answer = world.client.clone().void_payment(void).await.unwrap().into_inner();
    assert_eq!(answer.payment.unwrap().status(), PaymentStatus::Voided);
    world.clock.advance(days(40));
    world.captured(300).await;
    assert_eq!(world.provider_did("authorize").await, 1, "the other one's");
}

#[tokio::test]
async fn a_card_that_is_refused_near_the_start_is_told_and_another_takes_its_place() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(ahead(&world, booking, "pm_card_declined", 30)).await.unwrap();
    world.clock.advance(days(27) + SignedDuration::from_secs(1));
    world.comes_to(&first.payment_id, PaymentStatus::Declined).await;
    let facts = world.facts(&first.payment_id, 1).await;
    let told: proto::PaymentDeclined = facts[0].1.decode().unwrap();
    assert!(told.promised && told.replaces_payment_id.is_empty(), "{told:?}");
    let refused = with(&world, &first.payment_id, "pm_card_insufficient");
    assert_eq!(reason(retry(&world, "anna", &refused).await), "PAYMENT_DECLINED");
    // What asks again goes on, also after the second refusal.
    let all = payments(&world, booking).await;
    assert_eq!((all.len(), all[0].status()), (4, PaymentStatus::Pending));
    let paid = with(&world, &first.payment_id, "pm_card_mastercard");
    let paid = retry(&world, "anna", &paid).await.unwrap();
    assert_eq!(paid.status(), PaymentStatus::Authorized);
    let facts = world.facts(&paid.payment_id, 1).await;
    let told: proto::PaymentAuthorized = facts[0].1.decode().unwrap();
    assert_eq!(told.replaces_payment_id, first.payment_id);
    world.completed(booking, 900, world.in_hours(1)).await;
    world.comes_to(&paid.payment_id, PaymentStatus::Captured).await;
    assert_eq!(world.account_sums().await, "driver -900, held 0, operator 900");
}
