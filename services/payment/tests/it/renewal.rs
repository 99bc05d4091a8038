//! Stays that are longer than an authorisation lives.

use jiff::SignedDuration;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::payment::v1::{self as proto, PaymentKind, PaymentStatus};
use parkmesh_testkit::eventually;

use crate::world::{World, by, eur};

/// Payments of a booking, newest first.
pub async fn payments(world: &World, booking: BookingId) -> Vec<proto::Payment> {
    let booking_id = booking.to_string();
    let request = proto::ListPaymentsRequest { booking_id, ..Default::default() };
    let token = world.tokens.driver("anna");
    world.client.clone().list_payments(by(&token, request)).await.unwrap().into_inner().payments
}

/// Waits until the payments of a booking stand so, newest first.
async fn stand(world: &World, booking: BookingId, wanted: &[PaymentStatus]) -> Vec<proto::Payment> {
    eventually("the payments", || async {
        let all = payments(world, booking).await;
        let same = all.iter().map(proto::Payment::status).eq(wanted.iter().copied());
        same.then_some(all)
    })
    .await
}

/// Nearly a week.
fn six_days() -> SignedDuration {
    SignedDuration::from_hours(6 * 24 + 1)
}

use PaymentStatus::{Authorized, Captured, Declined, Pending, Voided};

#[tokio::test]
async fn what_is_set_aside_is_set_aside_anew_before_its_time_is_over_and_captured_once() {
    let world = World::new().await;
    let booking = world.ids.next();
    world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    for weeks in 1..4_usize {
        world.clock.advance(six_days());
        let mut wanted = vec![Authorized];
        wanted.extend(vec![Voided; weeks]);
        let all = stand(&world, booking, &wanted).await;
        assert_eq!(world.at_provider(&all[1].payment_id).await[0]["status"], "voided");
        assert_eq!(world.account_sums().await, "driver -1200, held 1200", "never twice at rest");
    }
    world.completed(booking, 900, world.in_hours(1)).await;
    stand(&world, booking, &[Captured, Voided, Voided, Voided]).await;
    assert_eq!(world.provider_did("capture").await, 1);
    assert_eq!(world.provider_did("expire").await, 0);
    assert_eq!(world.account_sums().await, "driver -900, held 0, operator 900");
    assert_eq!(world.receipt(booking).await.unwrap().total, Some(eur(900)));
}

#[tokio::test]
async fn a_refused_renewal_is_asked_again_and_what_then_is_not_covered_is_a_debt() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.loses_card(&first.payment_id).await;
    world.clock.advance(six_days());
    // An hour later once more: what is set aside stays meanwhile.
    let all = stand(&world, booking, &[Pending, Declined, Authorized]).await;
    assert!(all[0].authorize_time.is_some());
    world.clock.advance(SignedDuration::from_hours(2));
    stand(&world, booking, &[Pending, Declined, Declined, Authorized]).await;
    // Its time is over, and nothing is set aside any more when the car leaves.
    sqlx::query(
        "UPDATE payment SET status = 'voided', renew_time = NULL WHERE payment_id = $1::uuid",
    )
    .bind(&first.payment_id)
    .execute(&world.pool)
    .await
    .unwrap();
    world.completed(booking, 900, world.in_hours(1)).await;
    let owed = eventually("the debt", || async {
        let all = payments(&world, booking).await;
        all.into_iter().find(|one| one.kind() == PaymentKind::Debt)
    })
    .await;
    assert_eq!((owed.status(), owed.authorized_amount), (Pending, Some(eur(900))));
}

#[tokio::test]
async fn the_end_of_a_booking_ends_what_was_to_be_asked_again_without_asking() {
    let world = World::new().await;
    let booking = world.ids.next();
    let first = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap();
    world.loses_card(&first.payment_id).await;
    world.clock.advance(six_days());
    let all = stand(&world, booking, &[Pending, Declined, Authorized]).await;
    world.completed(booking, 900, world.in_hours(1)).await;
    stand(&world, booking, &[Voided, Declined, Captured]).await;
    assert!(world.at_provider(&all[0].payment_id).await.is_empty(), "it was never asked for");
    assert_eq!(world.account_sums().await, "driver -900, held 0, operator 900");
}
