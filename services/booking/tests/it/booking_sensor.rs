//! Cars that the sensors see: they arrive and leave without a tap.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox;
use parkmesh_testkit::eventually;

use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::pools::any;

/// A sensor's fact, to be published; the relay of booking carries any.
pub fn row<F: Fact>(town: &Town, spot: usize, version: i64, fact: &F) -> outbox::Row {
    let world = &town.world;
    let spot_id: SpotId = town.place.spots[spot].spot_id.parse().unwrap();
    outbox::Row::of(&world.ids, world.clock.now(), spot_id.into(), version, fact)
}

/// Publishes facts at once.
pub async fn publish_all(town: &Town, rows: &[outbox::Row]) {
    let mut connection = town.world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, rows).await.unwrap();
}

/// Publishes a sensor's fact.
pub async fn publish<F: Fact>(town: &Town, spot: usize, version: i64, fact: &F) {
    publish_all(town, &[row(town, spot, version, fact)]).await;
}

pub async fn occupied(town: &Town, spot: usize, version: i64, since: Timestamp) {
    publish(town, spot, version, &occupation(town, spot, version, since)).await;
}

pub fn occupation(
    town: &Town,
    spot: usize,
    version: i64,
    since: Timestamp,
) -> sensor::SpotOccupied {
    sensor::SpotOccupied {
        lot_id: town.place.lot.lot_id.clone(),
        version,
        spot_id: town.place.spots[spot].spot_id.clone(),
        floor_id: town.place.floor.floor_id.clone(),
        change_time: Some(to_proto(since)),
        receive_time: None,
    }
}

pub async fn vacated(town: &Town, spot: usize, version: i64, since: Timestamp) {
    vacated_by(town, spot, version, since, sensor::SuspicionCause::Unspecified).await;
}

/// By a sensor that is not to be trusted for this reason.
pub async fn vacated_by(
    town: &Town,
    spot: usize,
    version: i64,
    since: Timestamp,
    why: sensor::SuspicionCause,
) {
    publish(town, spot, version, &vacation(town, spot, version, since, why)).await;
}

pub fn vacation(
    town: &Town,
    spot: usize,
    version: i64,
    since: Timestamp,
    why: sensor::SuspicionCause,
) -> sensor::SpotVacated {
    sensor::SpotVacated {
        lot_id: town.place.lot.lot_id.clone(),
        version,
        spot_id: town.place.spots[spot].spot_id.clone(),
        floor_id: town.place.floor.floor_id.clone(),
        change_time: Some(to_proto(since)),
        receive_time: None,
        suspicion: why.into(),
    }
}

/// Waits until booking has taken in this version of the spot's reality.
pub async fn known(town: &Town, spot: usize, version: i64) {
    let spot_id: SpotId = town.place.spots[spot].spot_id.parse().unwrap();
    eventually("the spot's reality", || async {
        let known: Option<i64> =
            sqlx::query_scalar("SELECT version FROM spot_reality WHERE spot_id = $1")
                .bind(spot_id.as_uuid())
                .fetch_optional(&town.world.pool)
                .await
                .unwrap();
        (known >= Some(version)).then_some(())
    })
    .await;
}

async fn read(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    client.get_booking(asked).await.unwrap().into_inner().booking.unwrap()
}

pub async fn becomes(
    client: &Bookings,
    booking: &proto::Booking,
    state: BookingState,
) -> proto::Booking {
    eventually("the booking's state", || async {
        let now = read(&mut client.clone(), booking).await;
        (now.state() == state).then_some(now)
    })
    .await
}

#[tokio::test]
async fn a_car_that_the_sensor_sees_arrives_and_leaves_by_itself() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 30, 240).await;
    town.advance(32);
    let came = town.world.clock.now();
    occupied(&town, 0, 1, came).await;
    let active = becomes(&anna, &booking, BookingState::Active).await;
    assert_eq!(active.arrive_time, Some(to_proto(came)));
    town.advance(65);
    let left = town.world.clock.now();
    vacated(&town, 0, 2, left).await;
    let ended = becomes(&anna, &booking, BookingState::Completed).await;
    assert_eq!(ended.leave_time, Some(to_proto(left)));
    assert_eq!(ended.final_amount.unwrap().units, 5);
    town.world.stop().await;
}

#[tokio::test]
async fn an_early_car_enlarges_its_window_and_one_before_its_time_is_a_strangers() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let early = town.reserve(&mut anna, 0, 25, 120).await;
    let later = town.reserve(&mut anna, 1, 60, 120).await;
    town.advance(14);
    let came = town.world.clock.now();
    occupied(&town, 0, 1, came).await;
    occupied(&town, 1, 1, came).await;
    let active = becomes(&anna, &early, BookingState::Active).await;
    assert_eq!(active.window.unwrap().start_time, Some(to_proto(came)));
    known(&town, 1, 1).await;
    // The stranger stays past the start: still not the driver's car.
    town.advance(48);
    occupied(&town, 2, 1, came).await;
    known(&town, 2, 1).await;
    let look = SignedDuration::from_secs(3);
    tokio::time::timeout(look.unsigned_abs(), std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(read(&mut anna, &later).await.state(), BookingState::Reserved);
    town.world.stop().await;
}

#[tokio::test]
async fn a_car_that_waited_for_the_window_has_arrived_when_it_opens() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = held(anna.hold_spot(town.hold_in(0, town.window_from(now, 20, 120))).await);
    anna.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    // Somebody holds the minutes before.
    held(ben.hold_spot(town.hold_in(0, town.window_from(now, 6, 20))).await);
    town.world.clock.advance(SignedDuration::from_mins(8));
    occupied(&town, 0, 1, town.world.clock.now()).await;
    known(&town, 0, 1).await;
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.advance(13);
    let active = becomes(&anna, &booking, BookingState::Active).await;
    assert_eq!(active.window, booking.window);
    assert_eq!(active.arrive_time, booking.window.unwrap().start_time);
    town.world.stop().await;
}

#[tokio::test]
async fn whoever_books_any_spot_from_now_on_gets_one_on_which_no_car_stands() {
    let town = Town::with(3, true).await;
    let mut anna = town.driver("anna").await;
    for spot in [0, 1] {
        occupied(&town, spot, 1, town.world.clock.now()).await;
        known(&town, spot, 1).await;
    }
    let booking = held(anna.hold_spot(any(&town, (0, 60), "")).await);
    assert_eq!(booking.spot_id, town.place.spots[2].spot_id, "no car may stand on it");
    assert_eq!(reason(anna.hold_spot(any(&town, (0, 60), "")).await), "SOLD_OUT");
    // By then those may have left.
    held(anna.hold_spot(any(&town, (90, 120), "")).await);
    town.world.stop().await;
}

#[tokio::test]
async fn what_comes_late_or_twice_changes_nothing() {
    let mut town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 5, 240).await;
    town.advance(6);
    let came = town.world.clock.now();
    // The free message of the car before is newer than nothing and older than this arrival.
    anna.check_in(proto::CheckInRequest {
        request_id: crate::world::request_id(),
        key: Some(proto::check_in_request::Key::BookingId(booking.booking_id.clone())),
    })
    .await
    .unwrap();
    vacated(&town, 0, 3, came - SignedDuration::from_secs(30)).await;
    known(&town, 0, 3).await;
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Active);
    town.advance(1);
    occupied(&town, 0, 5, town.world.clock.now()).await;
    known(&town, 0, 5).await;
    // An older word of leaving, delivered late.
    vacated(&town, 0, 4, town.world.clock.now()).await;
    // Restarted, the consumer goes on where it was and acts on nothing twice.
    town.world.restart().await;
    anna = town.driver("anna").await;
    occupied(&town, 1, 1, came).await;
    known(&town, 1, 1).await;
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Active);
    town.advance(10);
    vacated(&town, 0, 6, town.world.clock.now()).await;
    becomes(&anna, &booking, BookingState::Completed).await;
    assert_eq!(town.facts_of(&booking.booking_id, 4).await.len(), 4);
    town.world.stop().await;
}
