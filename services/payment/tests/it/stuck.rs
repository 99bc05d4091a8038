//! A payment that comes to no end is told, once, with what is not answered.

use jiff::SignedDuration;
use parkmesh_contracts::payment::v1::{PaymentStatus, PaymentStuck, PaymentStuckCause};
use parkmesh_testkit::eventually;

use crate::world::{World, eur};

#[tokio::test]
async fn a_capture_that_is_not_answered_for_long_is_told_once_and_goes_on_when_the_provider_is_back()
 {
    let mut world = World::new().await;
    let address = world.sandbox.addr;
    let booking = world.ids.next();
    let id = world.authorize(world.asking(booking, "pm_card_ok")).await.unwrap().payment_id;
    std::mem::replace(&mut world.sandbox, World::nothing()).stop().await;
    world.completed(booking, 800, world.in_hours(1)).await;
    world.closed(booking).await;
    // It was asked for twice.
    let again = "UPDATE payment SET attempts = 2 WHERE intent = 'capture'";
    sqlx::query(again).execute(&world.pool).await.unwrap();
    let trouble = || async {
        let row: Option<(bool,)> =
            sqlx::query_as("SELECT told_time IS NOT NULL FROM payment_trouble")
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        row.map(|(told,)| told)
    };
    assert!(!eventually("the trouble is noted", trouble).await, "it is not old enough to be told");
    world.clock.advance(SignedDuration::from_mins(11));
    eventually("it is told", || async { trouble().await.filter(|told| *told) }).await;
    let pool = world.sandbox_pool().await;
    world.sandbox = World::start_sandbox_at(address, &world.clock, &world.ids, pool).await;
    world.clock.advance(SignedDuration::from_mins(11));
    world.comes_to(&id, PaymentStatus::Captured).await;
    let facts = world.facts(&id, 3).await;
    let words: Vec<_> = facts.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["authorized", "payment_stuck", "captured"]);
    let told: PaymentStuck = facts[1].1.decode().unwrap();
    assert_eq!((told.cause(), told.amount), (PaymentStuckCause::Capture, Some(eur(800))));
    assert_eq!((told.booking_id, told.lot_id), (booking.to_string(), world.lot.to_string()));
}
