//! Lots that promise capacity and give the spot later: what drivers are told when, and how bookings are packed anew meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, SpotPromise};
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_contracts::time::from_proto;
use parkmesh_testkit::eventually;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use prost::Message;
use uuid::Uuid;

use crate::booking_world::{Bookings, Town, confirm, held, insist, reason};
use crate::pools::{any, set_policy};
use crate::world::request_id;

fn late() -> proto::LotPolicy {
    proto::LotPolicy {
        spot_promise: SpotPromise::OnArrival.into(),
        max_holds_per_user: 100,
        unpaid_holds_per_hour: 1_000_000,
        hold_ttl_seconds: 3_600,
        ..Default::default()
    }
}

async fn town(spots: usize) -> Town {
    let town = Town::with(spots, true).await;
    set_policy(&town, late()).await;
    town
}

/// A request for any spot, in minutes from `zero`.
fn ask(town: &Town, zero: Timestamp, (start, end): (i64, i64)) -> proto::HoldSpotRequest {
    let window = Some(town.window_from(zero, start, end));
    proto::HoldSpotRequest { window, ..any(town, (start, end), "") }
}

async fn reserve(driver: &mut Bookings, request: proto::HoldSpotRequest) -> proto::Booking {
    let booking = held(driver.hold_spot(request).await);
    let confirmed = driver.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    confirmed.into_inner().booking.unwrap()
}

async fn check_in(
    driver: &mut Bookings,
    booking: &proto::Booking,
) -> Result<proto::Booking, tonic::Status> {
    let key = Some(proto::check_in_request::Key::BookingId(booking.booking_id.clone()));
    let request = proto::CheckInRequest { request_id: request_id(), key };
    Ok(driver.check_in(request).await?.into_inner().booking.unwrap())
}

async fn cancel(driver: &mut Bookings, booking_id: &str) {
    let booking_id = booking_id.to_owned();
    let request = proto::CancelBookingRequest { request_id: request_id(), booking_id };
    driver.cancel_booking(request).await.unwrap();
}

async fn read(driver: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let booking_id = booking.booking_id.clone();
    let answer = driver.get_booking(proto::GetBookingRequest { booking_id }).await;
    answer.unwrap().into_inner().booking.unwrap()
}

/// Where a booking stands provisionally: the place of its spot in the town. Nobody but the database knows.
async fn provisional(town: &Town, booking: &proto::Booking) -> usize {
    let spot_id: Uuid = sqlx::query_scalar("SELECT spot_id FROM booking WHERE booking_id = $1")
        .bind(Uuid::parse_str(&booking.booking_id).unwrap())
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
    let is_it = |spot: &proto::Spot| spot.spot_id == spot_id.to_string();
    town.place.spots.iter().position(is_it).expect("a spot of the lot")
}

async fn set_service(town: &Town, spot: usize, out_of_service: bool) {
    let request = proto::SetSpotStatusRequest {
        spot_id: town.place.spots[spot].spot_id.clone(),
        out_of_service,
        ..Default::default()
    };
    town.world.operator("op").await.set_spot_status(request).await.unwrap();
}

/// Puts a car on a spot, as the sensors would tell.
async fn occupy(town: &Town, spot: usize) {
    sqlx::query(
        "INSERT INTO spot_reality (spot_id, lot_id, occupied, version, change_time)
         VALUES ($1, $2, true, 1, park_now())",
    )
    .bind(Uuid::parse_str(&town.place.spots[spot].spot_id).unwrap())
    .bind(Uuid::parse_str(&town.place.lot.lot_id).unwrap())
    .execute(&town.world.pool)
    .await
    .unwrap();
}

/// Two bookings of one hour each, one after the other, on different spots of two.
async fn scattered(town: &Town, driver: &mut Bookings, zero: Timestamp) -> [proto::Booking; 2] {
    let first = held(driver.hold_spot(ask(town, zero, (60, 120))).await);
    let there = provisional(town, &first).await;
    let window = town.window_from(zero, 120, 180);
    let between = held(driver.hold_spot(town.hold_in(there, window)).await);
    let second = held(driver.hold_spot(ask(town, zero, (120, 180))).await);
    cancel(driver, &between.booking_id).await;
    assert_ne!(provisional(town, &second).await, there);
    [first, second]
}

#[tokio::test]
async fn a_promise_of_capacity_names_no_spot_until_the_driver_checks_in() {
    let town = town(3).await;
    let mut anna = town.driver("anna").await;
    let zero = town.world.clock.now();
    let booking = reserve(&mut anna, ask(&town, zero, (10, 120))).await;
    assert_eq!(booking.state(), BookingState::Reserved);
    assert!(booking.spot_pending && booking.spot_id.is_empty() && booking.spot_number.is_empty());
    assert_eq!((booking.floor_id.as_str(), booking.spot_type()), ("", SpotType::Regular));
    let there = provisional(&town, &booking).await;
    town.advance(12);
    let active = check_in(&mut anna, &booking).await.unwrap();
    assert_eq!(active.state(), BookingState::Active);
    assert_eq!(active.spot_number, town.place.spots[there].spot_number);
    assert!(!active.spot_pending && !active.spot_id.is_empty() && !active.floor_id.is_empty());
    let facts = town.facts_of(&booking.booking_id, 4).await;
    let facts: Vec<_> = facts.iter().map(|(version, name)| (*version, name.as_str())).collect();
    assert_eq!(facts, [(1, "held"), (2, "reserved"), (3, "spot_assigned"), (4, "activated")]);
    // No fact before the third tells a spot, and the third does.
    let bodies: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, body FROM outbox WHERE aggregate_id = $1 ORDER BY version")
            .bind(Uuid::parse_str(&booking.booking_id).unwrap())
            .fetch_all(&town.world.pool)
            .await
            .unwrap();
    for (version, body) in bodies {
        let told = proto::BookingSpotAssigned::decode(body.as_slice()).unwrap().booking.unwrap();
        assert_eq!(told.spot_pending, version < 3, "version {version}");
        assert_eq!(told.spot_id == active.spot_id, version >= 3, "version {version}");
        assert_eq!(told.spot_type(), SpotType::Regular);
    }
    let asked = proto::ListBookingTimelineRequest {
        booking_id: booking.booking_id.clone(),
        ..Default::default()
    };
    let story = anna.list_booking_timeline(asked).await.unwrap().into_inner().entries;
    let story: Vec<_> =
        story.iter().rev().map(|entry| (entry.fact.as_str(), &entry.spot_id)).collect();
    let (none, spot_id) = (&String::new(), &active.spot_id);
    let expected =
        [("held", none), ("reserved", none), ("spot_assigned", spot_id), ("activated", spot_id)];
    assert_eq!(story, expected);
    town.world.stop().await;
}

#[tokio::test]
async fn the_spot_is_told_before_the_start_where_the_lot_says_so_and_a_chosen_one_at_once() {
    let town = town(3).await;
    set_policy(&town, proto::LotPolicy { assign_before_seconds: 1_800, ..late() }).await;
    let mut anna = town.driver("anna").await;
    let zero = town.world.clock.now();
    let chosen = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    assert!(!chosen.spot_pending && chosen.spot_number == "A0002");
    let booking = reserve(&mut anna, ask(&town, zero, (60, 120))).await;
    let only_held = held(anna.hold_spot(ask(&town, zero, (60, 120))).await);
    town.advance(31);
    let given = eventually("a spot", || async {
        let now = read(&mut anna.clone(), &booking).await;
        (!now.spot_pending).then_some(now)
    })
    .await;
    assert_eq!((given.state(), given.version), (BookingState::Reserved, 3));
    assert!(!given.spot_id.is_empty());
    assert!(read(&mut anna, &only_held).await.spot_pending, "what is not paid for gets no spot");
    town.world.stop().await;
}

#[tokio::test]
async fn a_window_that_no_single_spot_has_free_is_held_after_others_have_moved_aside() {
    let town = town(2).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let [first, second] = scattered(&town, &mut anna, zero).await;
    let whole = held(ben.hold_spot(ask(&town, zero, (60, 180))).await);
    let (one, other) = (provisional(&town, &first).await, provisional(&town, &second).await);
    assert_eq!(one, other, "they share a spot now");
    assert_ne!(provisional(&town, &whole).await, one);
    // Nobody notices that they have moved: no version, no fact.
    assert_eq!(read(&mut anna, &first).await, first);
    assert_eq!(town.facts_of(&first.booking_id, 1).await.len(), 1);
    assert_eq!(reason(ben.hold_spot(ask(&town, zero, (90, 100))).await), "SOLD_OUT");
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn a_lapsed_hold_is_no_obstacle_to_those_who_move() {
    let town = Town::with(2, false).await;
    set_policy(&town, late()).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let [first, second] = scattered(&town, &mut anna, zero + SignedDuration::from_hours(2)).await;
    for booking in [&first, &second] {
        anna.confirm_booking(confirm(booking, "ok")).await.unwrap();
    }
    // Both hours that are free now are held by somebody who goes away.
    let zero = zero + SignedDuration::from_hours(2);
    held(ben.hold_spot(ask(&town, zero, (60, 120))).await);
    held(ben.hold_spot(ask(&town, zero, (120, 180))).await);
    assert_eq!(reason(ben.hold_spot(ask(&town, zero, (60, 180))).await), "SOLD_OUT");
    town.advance(61);
    let mut cleo = town.driver("cleo").await;
    held(cleo.hold_spot(ask(&town, zero, (60, 180))).await);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn a_spot_that_is_only_kept_provisionally_can_be_chosen_while_another_is_free() {
    let town = town(2).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let booking = held(anna.hold_spot(ask(&town, zero, (60, 120))).await);
    let there = provisional(&town, &booking).await;
    let window = town.window_from(zero, 60, 120);
    let chosen = held(ben.hold_spot(town.hold_in(there, window)).await);
    assert_eq!(chosen.spot_number, town.place.spots[there].spot_number);
    let there = provisional(&town, &booking).await;
    assert_ne!(town.place.spots[there].spot_number, chosen.spot_number);
    // Now nothing can give way.
    assert_eq!(reason(ben.hold_spot(town.hold_in(there, window)).await), "SPOT_TAKEN");
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn a_spot_out_of_service_breaks_no_promise_while_another_is_free() {
    let town = town(2).await;
    let mut anna = town.driver("anna").await;
    let zero = town.world.clock.now();
    let booking = reserve(&mut anna, ask(&town, zero, (60, 120))).await;
    let there = provisional(&town, &booking).await;
    set_service(&town, there, true).await;
    let other = provisional(&town, &booking).await;
    assert_ne!(other, there);
    // No place is left to go to: the promise stays where it is, until one is.
    set_service(&town, other, true).await;
    assert_eq!(provisional(&town, &booking).await, other);
    assert_eq!(reason(anna.hold_spot(ask(&town, zero, (60, 120))).await), "SOLD_OUT");
    set_service(&town, there, false).await;
    // The clockwork looks again.
    tokio::time::timeout(Duration::from_secs(40), async {
        eventually("the closed spot to be left", || async {
            (provisional(&town, &booking).await == there).then_some(())
        })
        .await;
    })
    .await
    .unwrap();
    town.world.stop().await;
}

#[tokio::test]
async fn a_closure_names_only_promises_that_find_no_other_spot() {
    let town = town(2).await;
    let mut anna = town.driver("anna").await;
    let zero = town.world.clock.now();
    let booking = held(anna.hold_spot(ask(&town, zero, (60, 120))).await);
    let there = provisional(&town, &booking).await;
    let close = |spot: usize, window: Window| proto::CreateClosureRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        scope: Some(proto::create_closure_request::Scope::SpotId(
            town.place.spots[spot].spot_id.clone(),
        )),
        window: Some(window),
        reason: "paint".to_owned(),
        ..Default::default()
    };
    let mut operator = town.world.operator("op").await;
    let closed = operator.create_closure(close(there, town.window_from(zero, 0, 90))).await;
    assert_eq!(closed.unwrap().into_inner().booking_count, 0);
    let other = provisional(&town, &booking).await;
    assert_ne!(other, there);
    let closed = operator.create_closure(close(other, town.window_from(zero, 0, 90))).await;
    let closed = closed.unwrap().into_inner();
    assert_eq!((closed.booking_count, closed.bookings.len()), (1, 1));
    assert_eq!(closed.bookings[0].booking_id, booking.booking_id);
    town.world.stop().await;
}

#[tokio::test]
async fn nobody_is_sent_to_a_spot_on_which_a_car_stands() {
    let town = town(3).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let booking = reserve(&mut anna, ask(&town, zero, (10, 120))).await;
    let coming = reserve(&mut ben, ask(&town, zero, (60, 180))).await;
    let there = provisional(&town, &booking).await;
    // The only other empty spot is kept for Ben, who gives way: he need not come yet.
    let bens = provisional(&town, &coming).await;
    let third = 3 - there - bens;
    occupy(&town, there).await;
    occupy(&town, third).await;
    town.advance(11);
    let active = check_in(&mut anna, &booking).await.unwrap();
    assert_eq!(active.spot_number, town.place.spots[bens].spot_number);
    assert_ne!(provisional(&town, &coming).await, bens);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn an_early_car_gets_a_spot_that_is_free_until_its_start() {
    let town = town(2).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let booking = reserve(&mut anna, ask(&town, zero, (30, 120))).await;
    let there = provisional(&town, &booking).await;
    // Somebody has its spot until then: it comes to stand on the other.
    held(ben.hold_spot(town.hold_in(there, town.window_from(zero, 2, 30))).await);
    town.advance(20);
    let active = check_in(&mut anna, &booking).await.unwrap();
    assert_ne!(active.spot_number, town.place.spots[there].spot_number);
    let window = active.window.unwrap();
    assert!(
        window.start_time.unwrap().seconds < booking.window.unwrap().start_time.unwrap().seconds
    );
    town.world.stop().await;
}

fn ends(booking: &proto::Booking) -> (Timestamp, Timestamp) {
    let window = booking.window.as_ref().unwrap();
    let at = |time: &Option<prost_types::Timestamp>| from_proto(time.as_ref().unwrap()).unwrap();
    (at(&window.start_time), at(&window.end_time))
}

/// Whether at some instant of the window as many of these stand as there are spots.
fn is_full(
    standing: &[(String, Timestamp, Timestamp)],
    window: (Timestamp, Timestamp),
    spots: usize,
) -> bool {
    let mut instants: Vec<Timestamp> = standing.iter().map(|(_, start, _)| *start).collect();
    instants.push(window.0);
    instants.into_iter().filter(|at| window.0 <= *at && *at < window.1).any(|at| {
        standing.iter().filter(|(_, start, end)| *start <= at && at < *end).count() >= spots
    })
}

#[tokio::test]
async fn who_is_in_the_way_of_those_in_the_way_moves_too() {
    let town = town(2).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let zero = town.world.clock.now();
    let hours = |from: i64, to: i64| (from * 60, to * 60);
    let before = held(anna.hold_spot(ask(&town, zero, hours(1, 4))).await);
    let one = provisional(&town, &before).await;
    held(anna.hold_spot(ask(&town, zero, hours(3, 5))).await);
    let window = town.window_from(zero, 5 * 60, 8 * 60);
    let between = held(anna.hold_spot(town.hold_in(1 - one, window)).await);
    let late = held(anna.hold_spot(ask(&town, zero, hours(5, 8))).await);
    assert_eq!(provisional(&town, &late).await, one);
    cancel(&mut anna, &between.booking_id).await;
    let after = held(anna.hold_spot(ask(&town, zero, hours(7, 10))).await);
    assert_eq!(provisional(&town, &after).await, 1 - one);
    // Neither of the two that it meets can change the spot unless another one does, which it does not meet.
    held(ben.hold_spot(ask(&town, zero, hours(4, 6))).await);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn sold_out_is_said_just_when_an_instant_of_the_window_is_full() {
    const SPOTS: usize = 4;
    let town = town(SPOTS).await;
    let zero = town.world.clock.now();
    let mut runner = TestRunner::default();
    let drawn = (0_u8..4, 0_i64..20, 1_i64..9);
    let mut standing: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    let (mut refused, mut packed) = (0, 0);
    let mut anna = town.driver("anna").await;
    for turn in 0..160 {
        let (act, start, length) = drawn.new_tree(&mut runner).unwrap().current();
        if act == 0 && !standing.is_empty() {
            let (booking_id, ..) = standing.swap_remove(turn % standing.len());
            cancel(&mut anna, &booking_id).await;
            continue;
        }
        let hours = (60 + start * 30, 60 + (start + length) * 30);
        let window = town.window_from(zero, hours.0, hours.1);
        let at = |time: Option<prost_types::Timestamp>| from_proto(&time.unwrap()).unwrap();
        let full = is_full(&standing, (at(window.start_time), at(window.end_time)), SPOTS);
        match anna.hold_spot(ask(&town, zero, hours)).await {
            Ok(answer) => {
                assert!(!full, "turn {turn}: held beyond capacity");
                let booking = answer.into_inner().booking.unwrap();
                let (start, end) = ends(&booking);
                standing.push((booking.booking_id, start, end));
                packed += 1;
            }
            Err(status) => {
                assert_eq!(reason(Err::<(), _>(status)), "SOLD_OUT");
                assert!(
                    full,
                    "turn {turn}: sold out although every instant has room: {standing:?}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 10 && packed > 10, "{refused} refused, {packed} held");
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_holds_cancels_chooses_and_closes_never_breaks_the_capacity() {
    const SPOTS: usize = 6;
    let town = town(SPOTS).await;
    let zero = town.world.clock.now();
    let crowd = (0..24_i64).map(|number| {
        let town = &town;
        async move {
            let mut driver = town.driver(&format!("driver-{number}")).await;
            let mut mine = Vec::new();
            for turn in 0..8_i64 {
                let start = 60 + (number * 37 + turn * 53) % 240;
                let hours = (start, start + 30 + (number * 13 + turn * 29) % 150);
                let window = town.window_from(zero, hours.0, hours.1);
                let chosen = usize::try_from(number + turn).unwrap() % SPOTS;
                let request = match (number + turn) % 5 {
                    0 => town.hold_in(chosen, window),
                    _ => ask(town, zero, hours),
                };
                match insist(
                    &mut driver,
                    proto::HoldSpotRequest { choice: request.choice.map(unseen), ..request },
                )
                .await
                {
                    Ok(answer) => mine.push(answer.into_inner().booking.unwrap()),
                    Err(status) => {
                        let why = reason(Err::<(), _>(status));
                        let known = [
                            "SOLD_OUT",
                            "SPOT_TAKEN",
                            "SPOT_OUT_OF_SERVICE",
                            "STORE_BUSY",
                            "DEADLINE_EXCEEDED",
                        ];
                        assert!(known.contains(&why.as_str()), "{why}");
                    }
                }
                if turn % 3 == 2 && !mine.is_empty() {
                    let booking: proto::Booking = mine.swap_remove(0);
                    cancel(&mut driver, &booking.booking_id).await;
                }
                if number == 0 {
                    set_service(town, chosen, turn % 2 == 0).await;
                }
            }
            mine
        }
    });
    let mut standing: Vec<proto::Booking> = join_all(crowd).await.into_iter().flatten().collect();
    for spot in 0..SPOTS {
        set_service(&town, spot, false).await;
    }
    assert_eq!((town.double_bookings().await, town.deadlocks().await), (0, 0));
    // Everybody who was told of a hold still has it, at no instant more than there are spots.
    let mut anna = town.driver("anna").await;
    let mut windows = Vec::new();
    for booking in &mut standing {
        let (start, end) = ends(booking);
        windows.push((booking.booking_id.clone(), start, end));
    }
    for (booking_id, start, end) in &windows {
        let state: i16 = sqlx::query_scalar("SELECT state FROM booking WHERE booking_id = $1")
            .bind(Uuid::parse_str(booking_id).unwrap())
            .fetch_one(&town.world.pool)
            .await
            .unwrap();
        assert_eq!(state, 1);
        let others: Vec<_> =
            windows.iter().filter(|other| other.0 != *booking_id).cloned().collect();
        assert!(!is_full(&others, (*start, *end), SPOTS));
    }
    // On no spot that does not exist.
    let lost: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM booking LEFT JOIN spot USING (spot_id) WHERE spot.spot_id IS NULL",
    )
    .fetch_one(&town.world.pool)
    .await
    .unwrap();
    assert_eq!(lost, 0);
    held(anna.hold_spot(ask(&town, zero, (900, 960))).await);
    town.world.stop().await;
}

/// The spot as it is, whatever its version.
fn unseen(choice: proto::hold_spot_request::Choice) -> proto::hold_spot_request::Choice {
    use proto::hold_spot_request::Choice;
    match choice {
        Choice::Spot(spot) => Choice::Spot(proto::SpotChoice { spot_version: 0, ..spot }),
        other => other,
    }
}
