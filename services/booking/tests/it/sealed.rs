//! Plates at rest: sealed in every table, read by their driver alone, forgotten after a time.

use jiff::SignedDuration;
use parkmesh_platform::seal::Sealer;
use parkmesh_testkit::eventually;
use sqlx::PgPool;

use crate::booking_world::{Town, held};

const KIND: &str = "booking.plate";

async fn plate(pool: &PgPool, booking_id: &str) -> String {
    sqlx::query_scalar("SELECT plate FROM booking WHERE booking_id = $1::text::uuid")
        .bind(booking_id)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_plate_is_sealed_in_the_booking_and_in_the_answer_that_is_kept() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 150)).await);
    assert_eq!(booking.plate, "B-PM 1", "its driver reads it");
    let kept = plate(&town.world.pool, &booking.booking_id).await;
    assert!(Sealer::is_sealed(&kept), "{kept}");
    assert_eq!(Sealer::default().open_text(KIND, &kept).as_deref(), Ok("B-PM 1"));
    let (answers,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM request
         WHERE position('B-PM'::bytea in response) > 0 OR position('b-pm'::bytea in response) > 0",
    )
    .fetch_one(&town.world.pool)
    .await
    .unwrap();
    assert_eq!(answers, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn plates_of_before_are_sealed_and_those_of_bookings_long_over_forgotten() {
    let mut town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 150)).await);
    sqlx::query("UPDATE booking SET plate = 'B-PM 1'").execute(&town.world.pool).await.unwrap();
    // A process looks for plates when it starts.
    town.world.restart().await;
    let pool = &town.world.pool;
    eventually("a sealed plate", || async {
        let kept = plate(pool, &booking.booking_id).await;
        Sealer::is_sealed(&kept).then_some(kept)
    })
    .await;
    let kept = plate(pool, &booking.booking_id).await;
    assert_eq!(Sealer::default().open_text(KIND, &kept).as_deref(), Ok("B-PM 1"));
    town.world.clock.advance(SignedDuration::from_hours(31 * 24));
    eventually("the end of the hold", || async {
        let state: i16 =
            sqlx::query_scalar("SELECT state FROM booking").fetch_one(pool).await.ok()?;
        (state == 6).then_some(())
    })
    .await;
    town.world.restart().await;
    let pool = &town.world.pool;
    eventually("no plate", || async {
        plate(pool, &booking.booking_id).await.is_empty().then_some(())
    })
    .await;
    town.world.stop().await;
}
