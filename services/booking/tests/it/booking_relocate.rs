//! Spots that are kept from their booking, cars that stay, and cars that nobody knows.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause, SpotBlock};
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::money::Money;
use prost::Message;
use uuid::Uuid;

use crate::booking_change::check_in;
use crate::booking_sensor::{becomes, known, occupied, vacated};
use crate::booking_world::{Bookings, Town};

async fn read(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    client.get_booking(asked).await.unwrap().into_inner().booking.unwrap()
}

/// The first fact of this type about a booking, once it is written.
pub async fn fact_of<F: Fact + Message + Default>(town: &Town, booking: &proto::Booking) -> F {
    let body = parkmesh_testkit::eventually(F::TYPE, || async {
        let row: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT body FROM outbox WHERE aggregate_id = $1 AND fact_type = $2",
        )
        .bind(Uuid::parse_str(&booking.booking_id).unwrap())
        .bind(F::TYPE)
        .fetch_optional(&town.world.pool)
        .await
        .unwrap();
        row
    })
    .await;
    F::decode(body.as_slice()).unwrap()
}

async fn out_of_service(town: &Town, spot: usize) {
    sqlx::query("UPDATE spot SET out_of_service = true WHERE spot_id = $1")
        .bind(Uuid::parse_str(&town.place.spots[spot].spot_id).unwrap())
        .execute(&town.world.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_booking_gets_another_spot_when_its_own_is_out_of_service_and_the_start_nears() {
    let town = Town::with(3, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 30, 90).await;
    town.reserve(&mut ben, 1, 40, 60).await;
    out_of_service(&town, 0).await;
    town.advance(15);
    assert_eq!(read(&mut anna, &booking).await, booking, "there is time");
    town.advance(6);
    let told: proto::BookingRelocated = fact_of(&town, &booking).await;
    assert_eq!(
        (told.previous_spot_id.clone(), told.block()),
        (booking.spot_id.clone(), SpotBlock::OutOfService)
    );
    let there = read(&mut anna, &booking).await;
    // The nearest is somebody else's for a part of the window.
    assert_eq!(there.spot_id, town.place.spots[2].spot_id);
    assert_eq!((there.window, there.quote.clone()), (booking.window, booking.quote.clone()));
    assert_eq!(town.payment.asked(), 2, "a relocation costs nothing");
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn where_no_other_spot_is_free_the_booking_is_given_up_without_a_fee() {
    let town = Town::with(2, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 30, 90).await;
    town.reserve(&mut ben, 1, 60, 120).await;
    out_of_service(&town, 0).await;
    town.advance(21);
    let gone = becomes(&anna, &booking, BookingState::Cancelled).await;
    assert_eq!(gone.final_amount, None);
    let told: proto::BookingCancelled = fact_of(&town, &booking).await;
    assert_eq!(told.cause(), Cause::SpotBlocked);
    assert_eq!(told.payment_id, booking.payment_id);
    town.world.stop().await;
}

#[tokio::test]
async fn a_car_in_the_way_has_until_the_start_to_leave_where_no_other_spot_is_free() {
    let town = Town::with(1, true).await;
    let mut anna = town.driver("anna").await;
    let now = town.world.clock.now();
    occupied(&town, 0, 1, now).await;
    known(&town, 0, 1).await;
    let booking = town.reserve(&mut anna, 0, 30, 90).await;
    let other = town.reserve(&mut anna, 0, 100, 190).await;
    town.advance(25);
    vacated(&town, 0, 2, town.world.clock.now()).await;
    known(&town, 0, 2).await;
    town.advance(10);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.advance(30);
    // Another one comes long before the next booking, and stays.
    occupied(&town, 0, 3, town.world.clock.now()).await;
    known(&town, 0, 3).await;
    town.advance(34);
    assert_eq!(read(&mut anna, &other).await.state(), BookingState::Reserved);
    town.advance(2);
    becomes(&anna, &other, BookingState::Cancelled).await;
    town.world.stop().await;
}

#[tokio::test]
async fn the_next_booking_of_an_overstayed_spot_is_relocated_and_the_car_pays_when_it_leaves() {
    let town = Town::with(2, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let stay = town.reserve(&mut anna, 0, 0, 60).await;
    let next = town.reserve(&mut ben, 0, 90, 150).await;
    occupied(&town, 0, 1, town.world.clock.now()).await;
    becomes(&anna, &stay, BookingState::Active).await;
    town.advance(76);
    becomes(&anna, &stay, BookingState::Completed).await;
    assert_eq!(read(&mut anna, &stay).await.overstay_amount, None);
    assert_eq!(read(&mut ben, &next).await, next, "there is time");
    town.advance(5);
    let told: proto::BookingRelocated = fact_of(&town, &next).await;
    assert_eq!(told.block(), SpotBlock::Occupied);
    town.advance(40);
    vacated(&town, 0, 2, town.world.clock.now()).await;
    let told: proto::BookingOverstayed = fact_of(&town, &stay).await;
    // 61 minutes past the window: two started hours at 2.50.
    assert_eq!(Money::try_from(&told.amount.unwrap()).unwrap().minor, 500);
    let over = read(&mut anna, &stay).await;
    assert_eq!(over.state(), BookingState::Completed);
    assert_eq!(Money::try_from(&over.overstay_amount.unwrap()).unwrap().minor, 500);
    assert_eq!(Money::try_from(&over.final_amount.unwrap()).unwrap().minor, 250);
    town.world.stop().await;
}

#[tokio::test]
async fn a_car_that_stays_by_right_is_in_nobodys_way_until_its_window_ends() {
    let town = Town::with(2, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let stay = town.reserve(&mut anna, 0, 0, 60).await;
    let next = town.reserve(&mut ben, 0, 60, 120).await;
    occupied(&town, 0, 1, town.world.clock.now()).await;
    becomes(&anna, &stay, BookingState::Active).await;
    town.advance(56);
    assert_eq!(read(&mut ben, &next).await, next);
    town.advance(6);
    let told: proto::BookingRelocated = fact_of(&town, &next).await;
    assert_eq!(told.block(), SpotBlock::Occupied);
    town.world.stop().await;
}

#[tokio::test]
async fn a_driver_is_asked_about_a_car_that_nobody_knows_when_only_their_own_is_due() {
    let town = Town::with(4, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 10, 70).await;
    let later = town.reserve(&mut ben, 1, 200, 260).await;
    occupied(&town, 3, 1, town.world.clock.now()).await;
    let asked: proto::BookingClaimAsked = fact_of(&town, &booking).await;
    assert_eq!(
        (asked.spot_id, asked.spot_number),
        (town.place.spots[3].spot_id.clone(), town.place.spots[3].spot_number.clone())
    );
    assert_eq!(read(&mut ben, &later).await, later);
    let there = check_in(&mut anna, &booking).await;
    assert_eq!(there.state(), BookingState::Active);
    town.world.stop().await;
}

#[tokio::test]
async fn nobody_is_asked_when_two_are_due_or_the_only_one_is_where_they_should_be() {
    let town = Town::with(4, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let first = town.reserve(&mut anna, 0, 10, 70).await;
    let second = town.reserve(&mut ben, 1, 10, 70).await;
    occupied(&town, 3, 1, town.world.clock.now()).await;
    known(&town, 3, 1).await;
    assert_eq!(read(&mut anna, &first).await, first);
    assert_eq!(read(&mut ben, &second).await, second);
    occupied(&town, 0, 1, town.world.clock.now() - SignedDuration::from_secs(1)).await;
    becomes(&anna, &first, BookingState::Active).await;
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relocation_and_an_arrival_at_once_leave_the_booking_in_one_place() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 20, 80).await;
    out_of_service(&town, 0).await;
    town.advance(10);
    let arrived = check_in(&mut anna, &booking).await;
    let now = read(&mut anna, &booking).await;
    assert_eq!((arrived.state(), now.state()), (BookingState::Active, BookingState::Active));
    assert_eq!(arrived.spot_id, now.spot_id, "nobody is moved after they have arrived");
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}
