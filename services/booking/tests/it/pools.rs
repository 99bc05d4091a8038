//! Any spot of a type: in which order they are given.

use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::PoolOrder;
use parkmesh_contracts::common::v1::SpotType;

use crate::booking_world::{Bookings, Town, held, reason};
use crate::world::{new_floor, new_spots, request_id};

/// A request for any regular spot, rather on this floor.
pub fn any(town: &Town, window: (i64, i64), floor_id: &str) -> proto::HoldSpotRequest {
    let pool = proto::PoolChoice {
        lot_id: town.place.lot.lot_id.clone(),
        spot_type: SpotType::Regular.into(),
        preferred_floor_id: floor_id.to_owned(),
    };
    let choice = Some(proto::hold_spot_request::Choice::Pool(pool));
    proto::HoldSpotRequest { choice, ..town.hold(0, window.0, window.1) }
}

/// Lets the lot have this policy.
pub async fn set_policy(town: &Town, policy: proto::LotPolicy) {
    let request = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        policy: Some(policy),
        update_mask: Some(prost_types::FieldMask { paths: vec!["policy".to_owned()] }),
        ..Default::default()
    };
    town.world.operator("op").await.update_lot(request).await.unwrap();
}

async fn compact(spots: usize) -> Town {
    let town = Town::with(spots, false).await;
    let policy = proto::LotPolicy {
        pool_order: PoolOrder::Compact.into(),
        max_holds_per_user: 100,
        ..Default::default()
    };
    set_policy(&town, policy).await;
    town
}

async fn given(driver: &mut Bookings, request: proto::HoldSpotRequest) -> String {
    held(driver.hold_spot(request).await).spot_number
}

#[tokio::test]
async fn a_compact_lot_is_filled_in_order_and_into_the_tightest_gap() {
    let town = compact(4).await;
    let mut anna = town.driver("anna").await;
    let now = town.world.clock.now();
    let ask = |start, end| {
        let request = any(&town, (start, end), "");
        proto::HoldSpotRequest { window: Some(town.window_from(now, start, end)), ..request }
    };
    assert_eq!(given(&mut anna, ask(60, 120)).await, "A0001");
    assert_eq!(given(&mut anna, ask(90, 150)).await, "A0002");
    // After both: the second leaves no gap at all, then the first leaves none.
    assert_eq!(given(&mut anna, ask(150, 180)).await, "A0002");
    assert_eq!(given(&mut anna, ask(120, 180)).await, "A0001");
    // Before both, as far from either as the first is from now: the gap is smaller on the first.
    assert_eq!(given(&mut anna, ask(30, 50)).await, "A0001");
    // A long window finds an empty spot for as long as there is one.
    assert_eq!(given(&mut anna, ask(10, 600)).await, "A0003");
    assert_eq!(given(&mut anna, ask(10, 600)).await, "A0004");
    assert_eq!(reason(anna.hold_spot(ask(10, 600)).await), "SOLD_OUT");
    town.world.stop().await;
}

#[tokio::test]
async fn a_compact_lot_is_filled_floor_by_floor_unless_a_driver_likes_another() {
    let town = compact(2).await;
    let mut operator = town.world.operator("op").await;
    let lot_id = &town.place.lot.lot_id;
    let below = operator.create_floor(new_floor(lot_id, -1)).await.unwrap().into_inner();
    let below = below.floor.unwrap().floor_id;
    operator.batch_create_spots(new_spots(&below, "B", 1)).await.unwrap();
    let mut anna = town.driver("anna").await;
    let street = town.place.floor.floor_id.clone();
    assert_eq!(given(&mut anna, any(&town, (60, 120), &street)).await, "A0001");
    assert_eq!(given(&mut anna, any(&town, (60, 120), "")).await, "B0001");
    // The liked floor is full: another is given before a refusal.
    assert_eq!(given(&mut anna, any(&town, (60, 120), &below)).await, "A0002");
    assert_eq!(reason(anna.hold_spot(any(&town, (60, 120), &below)).await), "SOLD_OUT");
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_a_compact_lot_gets_every_place_and_nobody_is_told_full_before() {
    let town = compact(12).await;
    let mut calls = Vec::new();
    for number in 0..60 {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        let request = any(&town, (60, 120), "");
        calls.push(async move { crate::booking_world::insist(&mut driver, request).await });
    }
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 12);
    for answer in answers.into_iter().filter(Result::is_err) {
        assert_eq!(reason(answer), "SOLD_OUT");
    }
    assert_eq!((town.double_bookings().await, town.deadlocks().await), (0, 0));
    town.world.stop().await;
}

/// Claims a spot for windows from that second on, as the search of another replica does. Whether it could.
async fn claim(other: &mut sqlx::PgConnection, spot: &proto::Spot, start: i64) -> bool {
    let spot_id: uuid::Uuid = spot.spot_id.parse().unwrap();
    let claim = sqlx::query_scalar("SELECT pg_try_advisory_lock(uuid_hash_extended($1, $2))");
    claim.bind(spot_id).bind(start).fetch_one(other).await.unwrap()
}

fn start_of(wish: &proto::HoldSpotRequest) -> i64 {
    wish.window.unwrap().start_time.unwrap().seconds
}

#[tokio::test]
async fn what_others_try_for_is_not_sold_out_and_is_had_once_they_let_go() {
    let town = Town::with(1, false).await;
    let wish = any(&town, (60, 120), "");
    let (spot, start) = (&town.place.spots[0], start_of(&wish));
    let mut other = town.world.pool.acquire().await.unwrap();
    assert!(claim(&mut other, spot, start).await);
    let mut anna = town.driver("anna").await;
    assert_eq!(reason(anna.hold_spot(wish.clone()).await), "STORE_BUSY", "not SOLD_OUT");
    other.close().await.unwrap();
    assert_eq!(given(&mut anna, wish).await, "A0001");
    // The claim of the group ended with it.
    let mut other = town.world.pool.acquire().await.unwrap();
    assert!(claim(&mut other, spot, start).await);
    other.close().await.unwrap();
    town.world.stop().await;
}

#[tokio::test]
async fn who_picks_by_chance_does_not_take_what_a_search_has_claimed() {
    let town = Town::with(12, false).await;
    let mut anna = town.driver("anna").await;
    // From now on the pool is known, and a lone ask picks of it.
    given(&mut anna, any(&town, (200, 260), "")).await;
    let wish = any(&town, (60, 120), "");
    let mut other = town.world.pool.acquire().await.unwrap();
    let (left, claimed) = town.place.spots.split_first().unwrap();
    for spot in claimed {
        assert!(claim(&mut other, spot, start_of(&wish)).await);
    }
    assert_eq!(given(&mut anna, wish).await, left.spot_number);
    other.close().await.unwrap();
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_while_it_is_searched_for_costs_nobody_their_turn() {
    const HELD: usize = 5;
    let town = Town::with(HELD + 3, false).await;
    set_policy(&town, proto::LotPolicy { max_holds_per_user: 100, ..Default::default() }).await;
    let [zero, first, second] =
        [town.driver("zero").await, town.driver("first").await, town.driver("second").await];
    // A search now takes a while for each hold that it finds in its way.
    let slow = "CREATE OR REPLACE FUNCTION park_now() RETURNS timestamptz LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_sleep(0.02);
            RETURN clock_timestamp() + coalesce(nullif(current_setting(
                'parkmesh.clock_offset_ms', true), ''), '0')::bigint * interval '1 millisecond';
        END $$";
    sqlx::query(slow).execute(&town.world.pool).await.unwrap();
    for round in 0..6 {
        let window = (60 + round * 100, 120 + round * 100);
        let mut holder = town.driver(&format!("holder-{round}")).await;
        for spot in 0..HELD {
            held(holder.hold_spot(town.hold(spot, window.0, window.1)).await);
        }
        let wish = any(&town, window, "");
        // While the first is searched for, the others come, and are then searched for together.
        let begin = tokio::time::Instant::now();
        let ask = |driver: &Bookings, after_ms| {
            let wish = proto::HoldSpotRequest { request_id: request_id(), ..wish.clone() };
            let mut driver = driver.clone();
            async move {
                tokio::time::sleep_until(begin + Duration::from_millis(after_ms)).await;
                driver.hold_spot(wish).await
            }
        };
        let zero = ask(&zero, 0);
        let taken = async {
            let given = held(zero.await).spot_number;
            let free = |spot: &usize| town.place.spots[*spot].spot_number != given;
            let taken = (HELD..HELD + 3).find(free).unwrap();
            held(holder.hold_spot(town.hold(taken, window.0, window.1)).await);
        };
        let ((), first, second) = tokio::join!(taken, ask(&first, 20), ask(&second, 40));
        held(first);
        assert_eq!(reason(second), "SOLD_OUT");
    }
    town.world.stop().await;
}
