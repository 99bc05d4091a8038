//! Plates that cameras read at the gates: cars come and go by them, and the gate may open.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::common::v1::GateDirection::{self, Entry, Exit};
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox;
use parkmesh_testkit::eventually;
use prost::Message;
use uuid::Uuid;

use crate::booking_relocate::read;
use crate::booking_sensor::{becomes, occupied};
use crate::booking_world::{Bookings, Town, confirm, held};
use crate::pools::set_policy;
use crate::timeline::{line, story};

/// Writes a fact, and waits until booking has acted on it.
async fn told<F: Fact>(town: &Town, plate_read_id: Uuid, version: i64, fact: &F) {
    let world = &town.world;
    let row = outbox::Row::of(&world.ids, world.clock.now(), plate_read_id, version, fact);
    let fact_id = row.fact_id;
    let mut connection = world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[row]).await.unwrap();
    drop(connection);
    eventually("booking's acting on the fact", || async {
        let known: Option<i32> = sqlx::query_scalar("SELECT 1 FROM inbox WHERE fact_id = $1")
            .bind(fact_id.as_uuid())
            .fetch_optional(&world.pool)
            .await
            .unwrap();
        known.map(drop)
    })
    .await;
}

/// The barrier says that it opened.
async fn acknowledged(town: &Town, plate_read_id: Uuid) {
    let fact = sensor::PassageAcknowledged {
        lot_id: town.place.lot.lot_id.clone(),
        version: 2,
        plate_read_id: plate_read_id.to_string(),
        gate_id: "north".to_owned(),
        opened: true,
        acknowledge_time: None,
    };
    told(town, plate_read_id, 2, &fact).await;
}

/// The fact that this plate was read then, as sensor tells it, once booking has acted on it.
async fn passes_at(town: &Town, plate: &str, direction: GateDirection, at: Timestamp) -> Uuid {
    let world = &town.world;
    let plate_read_id: Uuid = world.ids.next();
    let marks = PlateKey::default().marks(plate).unwrap();
    let fact = sensor::PlateRead {
        lot_id: town.place.lot.lot_id.clone(),
        version: 1,
        plate_read_id: plate_read_id.to_string(),
        gate_id: "north".to_owned(),
        direction: direction.into(),
        exact_mark: marks.exact.to_vec(),
        shape_mark: marks.shape.to_vec(),
        near_marks: marks.near.iter().map(|mark| mark.to_vec()).collect(),
        confidence_percent: Some(80),
        read_time: Some(to_proto(at)),
    };
    told(town, plate_read_id, 1, &fact).await;
    plate_read_id
}

async fn passes(town: &Town, plate: &str, direction: GateDirection) -> Uuid {
    passes_at(town, plate, direction, town.world.clock.now()).await
}

/// Whether the gate may open for this reading, and for whose car.
async fn granted(town: &Town, plate_read_id: Uuid) -> Option<proto::PassageGranted> {
    let body: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT body FROM outbox WHERE aggregate_id = $1 AND fact_type = $2")
            .bind(plate_read_id)
            .bind(proto::PassageGranted::TYPE)
            .fetch_optional(&town.world.pool)
            .await
            .unwrap();
    body.map(|body| proto::PassageGranted::decode(body.as_slice()).unwrap())
}

async fn reserve(
    town: &Town,
    driver: &mut Bookings,
    (spot, start, end): (usize, i64, i64),
    plate: &str,
) -> proto::Booking {
    let hold = proto::HoldSpotRequest { plate: plate.to_owned(), ..town.hold(spot, start, end) };
    let booking = held(driver.hold_spot(hold).await);
    let confirmed = driver.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    confirmed.into_inner().booking.unwrap()
}

#[tokio::test]
async fn a_car_comes_and_goes_by_its_plate_and_both_gates_may_open() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = reserve(&town, &mut anna, (0, 10, 130), "B-PM 123").await;
    let in_time = town.world.clock.now();
    let entry = passes_at(&town, "b pm 123", Entry, in_time).await;
    let there = read(&mut anna, &booking).await;
    assert_eq!((there.state(), there.arrive_time), (BookingState::Active, Some(to_proto(in_time))));
    let opened = granted(&town, entry).await.unwrap();
    assert_eq!(
        (opened.booking_id.clone(), opened.gate_id.as_str(), opened.direction()),
        (booking.booking_id.clone(), "north", Entry)
    );
    // The sensor of the spot agrees, and a second look of the camera opens again.
    occupied(&town, 0, 1, town.world.clock.now()).await;
    let again = passes(&town, "B-PM 123", Entry).await;
    assert!(granted(&town, again).await.is_some());
    town.advance(55);
    let out_time = town.world.clock.now();
    let exit = passes_at(&town, "B-PM 123", Exit, out_time).await;
    let ended = read(&mut anna, &booking).await;
    assert_eq!(
        (ended.state(), ended.leave_time),
        (BookingState::Completed, Some(to_proto(out_time)))
    );
    assert_eq!(Money::try_from(&ended.final_amount.unwrap()).unwrap().minor, 250);
    assert_eq!(granted(&town, exit).await.unwrap().direction(), Exit);
    acknowledged(&town, exit).await;
    let told = story(&mut anna, &booking.booking_id).await;
    let expected = [
        line("activated", Cause::Plate, ""),
        line("passage_granted", Cause::Plate, ""),
        line("passage_granted", Cause::Plate, ""),
        line("completed", Cause::Plate, ""),
        line("passage_granted", Cause::Plate, ""),
        line("passage_acknowledged", Cause::Plate, ""),
    ];
    assert_eq!(told[2..], expected);
    town.world.stop().await;
}

#[tokio::test]
async fn a_misread_plate_is_known_again_when_it_can_only_be_one_and_opens_nothing_when_it_may_be_two()
 {
    let town = Town::with(4, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let first = reserve(&town, &mut anna, (0, 10, 130), "B-PM 123").await;
    let alone = passes(&town, "B-PM 128", Entry).await;
    assert!(granted(&town, alone).await.is_some());
    assert_eq!(read(&mut anna, &first).await.state(), BookingState::Active);
    let second = reserve(&town, &mut ben, (1, 10, 130), "B-PM 124").await;
    let third = reserve(&town, &mut ben, (2, 10, 130), "B-PM 126").await;
    let either = passes(&town, "B-PM 12", Entry).await;
    assert_eq!(granted(&town, either).await, None);
    for waiting in [&second, &third] {
        assert_eq!(read(&mut ben, waiting).await.state(), BookingState::Reserved);
    }
    let stranger = passes(&town, "HH-XY 99", Entry).await;
    assert_eq!(granted(&town, stranger).await, None);
    // Nobody's stay ends by a plate with a wrong letter.
    let exit = passes(&town, "B-PM 128", Exit).await;
    assert_eq!(granted(&town, exit).await, None);
    assert_eq!(read(&mut anna, &first).await.state(), BookingState::Active);
    town.world.stop().await;
}

#[tokio::test]
async fn who_is_early_by_hours_is_not_let_in_and_a_reading_of_before_opens_nothing() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = reserve(&town, &mut anna, (0, 60, 130), "B-PM 123").await;
    let early = passes(&town, "B-PM 123", Entry).await;
    assert_eq!(granted(&town, early).await, None);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.advance(65);
    let before = town.world.clock.now() - SignedDuration::from_mins(4);
    let late = passes_at(&town, "B-PM 123", Entry, before).await;
    assert_eq!(granted(&town, late).await, None, "the car is not at the gate any more");
    let there = becomes(&anna, &booking, BookingState::Active).await;
    assert_eq!(there.arrive_time, Some(to_proto(before)));
    town.world.stop().await;
}

#[tokio::test]
async fn who_has_ended_the_stay_gets_out_and_who_left_long_ago_is_not_meant() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = reserve(&town, &mut anna, (0, 0, 60), "B-PM 123").await;
    passes(&town, "B-PM 123", Entry).await;
    let booking_id = booking.booking_id.clone();
    let end = proto::EndSessionRequest { request_id: crate::world::request_id(), booking_id };
    anna.end_session(end).await.unwrap();
    town.advance(5);
    let exit = passes(&town, "B-PM 123", Exit).await;
    assert_eq!(granted(&town, exit).await.unwrap().booking_id, booking.booking_id);
    town.advance(60);
    let later = passes(&town, "B-PM 123", Exit).await;
    assert_eq!(granted(&town, later).await, None);
    town.world.stop().await;
}

#[tokio::test]
async fn where_cars_may_come_and_go_the_gate_lets_them_in_again() {
    let town = Town::with(4, true).await;
    let policy = proto::LotPolicy { in_and_out_allowed: true, ..Default::default() };
    set_policy(&town, policy).await;
    let mut anna = town.driver("anna").await;
    let booking = reserve(&town, &mut anna, (0, 0, 120), "B-PM 123").await;
    passes(&town, "B-PM 123", Entry).await;
    town.advance(20);
    let left = town.world.clock.now();
    passes_at(&town, "B-PM 123", Exit, left).await;
    let away = read(&mut anna, &booking).await;
    assert_eq!((away.state(), away.depart_time), (BookingState::Active, Some(to_proto(left))));
    town.advance(20);
    let back = passes(&town, "B-PM 123", Entry).await;
    assert!(granted(&town, back).await.is_some());
    let there = read(&mut anna, &booking).await;
    assert_eq!((there.state(), there.depart_time), (BookingState::Active, None));
    town.world.stop().await;
}
