//! How often a promo code is used: counted under the lock of its row.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_testkit::eventually;

use crate::booking_world::{Town, confirm, held, reason};
use crate::discount_world::{asked, driver, limited, made, operator, percent, redeem, redeemed};
use crate::world::request_id;

async fn uses(town: &Town) -> i64 {
    let request =
        proto::ListDiscountsRequest { lot_id: town.place.lot.lot_id.clone(), ..Default::default() };
    let listed = operator(town).await.list_discounts(request).await.unwrap().into_inner();
    listed.discounts[0].use_count
}

#[tokio::test]
async fn of_many_drivers_on_the_last_uses_exactly_so_many_have_them() {
    const DRIVERS: usize = 24;
    const MOST: i32 = 5;
    let town = Town::with(DRIVERS, true).await;
    made(&mut operator(&town).await, asked(&town, limited("LAST", MOST, 1), percent(50))).await;
    let (mut clients, mut holds) = (Vec::new(), Vec::new());
    for number in 0..DRIVERS {
        let name = format!("driver-{number}");
        let mut bookings = town.driver(&name).await;
        holds.push(held(bookings.hold_spot(town.hold(number, 60, 120)).await));
        clients.push(driver(&town, &name).await);
    }
    let redeeming = clients.iter_mut().zip(&holds).map(|(client, held)| {
        let request = redeem(held, "LAST");
        // Each asks twice at once, as an impatient app does: that is one use all the same.
        let (mut twin, again) = (client.clone(), request.clone());
        async move {
            let (first, second) =
                tokio::join!(client.redeem_promo_code(request), twin.redeem_promo_code(again));
            (first, second)
        }
    });
    let answers = futures_util::future::join_all(redeeming).await;
    let mut won = 0;
    for (first, second) in answers {
        assert_eq!(first.is_ok(), second.is_ok(), "both hear the same");
        match first {
            Ok(_) => won += 1,
            refused => assert_eq!(reason(refused), "PROMO_CODE_USED_UP"),
        }
    }
    assert_eq!((won, uses(&town).await), (MOST, i64::from(MOST)));
    let reduced: i64 =
        sqlx::query_scalar("SELECT count(*) FROM booking WHERE reductions IS NOT NULL")
            .fetch_one(&town.world.pool)
            .await
            .unwrap();
    assert_eq!(reduced, i64::from(MOST), "nobody else pays less");
    town.world.stop().await;
}

#[tokio::test]
async fn a_hold_that_is_given_back_or_runs_out_gives_its_use_back() {
    let town = Town::start().await;
    made(&mut operator(&town).await, asked(&town, limited("ONCE", 1, 0), percent(50))).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let (mut annas, mut bens) = (driver(&town, "anna").await, driver(&town, "ben").await);
    let first = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    redeemed(&mut annas, &first, "ONCE").await;
    let second = held(ben.hold_spot(town.hold(1, 60, 120)).await);
    let refused = bens.redeem_promo_code(redeem(&second, "ONCE")).await;
    assert_eq!(reason(refused), "PROMO_CODE_USED_UP");
    let booking_id = first.booking_id.clone();
    let cancel = proto::CancelBookingRequest { request_id: request_id(), booking_id };
    anna.cancel_booking(cancel).await.unwrap();
    redeemed(&mut bens, &second, "ONCE").await;
    town.advance(11);
    eventually("the hold runs out", || async { (uses(&town).await == 0).then_some(()) }).await;
    let third = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    redeemed(&mut annas, &third, "ONCE").await;
    anna.confirm_booking(confirm(&third, "ok")).await.unwrap();
    assert_eq!(uses(&town).await, 1);
    town.world.stop().await;
}

#[tokio::test]
async fn one_driver_uses_a_code_as_often_as_one_may() {
    let town = Town::start().await;
    made(&mut operator(&town).await, asked(&town, limited("TWICE", 0, 2), percent(50))).await;
    let (mut anna, mut codes) = (town.driver("anna").await, driver(&town, "anna").await);
    for spot in 0..2 {
        let held = held(anna.hold_spot(town.hold(spot, 60, 120)).await);
        redeemed(&mut codes, &held, "TWICE").await;
        anna.confirm_booking(confirm(&held, "ok")).await.unwrap();
    }
    let third = held(anna.hold_spot(town.hold(2, 60, 120)).await);
    let refused = codes.redeem_promo_code(redeem(&third, "TWICE")).await;
    assert_eq!(reason(refused), "PROMO_CODE_USED_UP");
    let mut ben = town.driver("ben").await;
    let bens = held(ben.hold_spot(town.hold(3, 60, 120)).await);
    redeemed(&mut driver(&town, "ben").await, &bens, "TWICE").await;
    town.world.stop().await;
}
