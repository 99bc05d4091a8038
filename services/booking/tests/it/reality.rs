//! What the ground says against what the books say: the table "sensors and reality", row by row. What is
//! plain arrival and departure is in `booking_sensor`, what is plain relocation in `booking_relocate`.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause, SpotBlock};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::sensor::v1::SuspicionCause;
use parkmesh_contracts::time::to_proto;
use parkmesh_testkit::eventually;

use crate::booking_change::check_in;
use crate::booking_claim::{claim, claimed};
use crate::booking_relocate::{fact_of, out_of_service, read};
use crate::booking_sensor::{
    becomes, known, occupation, occupied, publish, publish_all, row, vacated, vacated_by, vacation,
};
use crate::booking_world::{Bookings, Town};
use crate::pools::set_policy;
use crate::timeline::{line, story};
use crate::world::request_id;

/// A sensor that is not to be trusted says that the car is gone.
async fn doubtful(town: &Town, spot: usize, version: i64, why: SuspicionCause) -> Timestamp {
    let since = town.world.clock.now();
    vacated_by(town, spot, version, since, why).await;
    known(town, spot, version).await;
    since
}

async fn silent(town: &Town, spot: usize, version: i64) {
    let fact = sensor::SensorSilent {
        lot_id: town.place.lot.lot_id.clone(),
        version,
        spot_id: town.place.spots[spot].spot_id.clone(),
        floor_id: town.place.floor.floor_id.clone(),
        sensor_id: request_id(),
        last_seen_time: None,
    };
    publish(town, spot, version, &fact).await;
    known(town, spot, version).await;
}

/// A session that the sensor of spot 0 has seen begin; version 1 of the ground.
async fn staying(town: &Town, driver: &mut Bookings) -> proto::Booking {
    let booking = town.reserve(driver, 0, 0, 120).await;
    occupied(town, 0, 1, town.world.clock.now()).await;
    becomes(driver, &booking, BookingState::Active).await
}

/// The booking once its version is this.
async fn at_version(driver: &Bookings, booking: &proto::Booking, version: i64) -> proto::Booking {
    eventually("the booking's version", || async {
        let now = read(&mut driver.clone(), booking).await;
        (now.version >= version).then_some(now)
    })
    .await
}

#[tokio::test]
async fn the_driver_who_is_asked_claims_the_spot_and_the_own_one_is_free() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 10, 70).await;
    occupied(&town, 3, 1, town.world.clock.now()).await;
    let asked: proto::BookingClaimAsked = fact_of(&town, &booking).await;
    assert_eq!(asked.spot_id, town.place.spots[3].spot_id);
    let there = claimed(&mut anna, claim(&town, &booking, 3)).await;
    assert_eq!((there.state(), there.spot_id), (BookingState::Active, asked.spot_id));
    // A car on the spot that was hers is nobody's arrival: hers is elsewhere.
    occupied(&town, 0, 1, town.world.clock.now()).await;
    known(&town, 0, 1).await;
    town.reserve(&mut anna, 0, 20, 80).await;
    let told = story(&mut anna, &booking.booking_id).await;
    let expected = [
        line("held", Cause::Driver, ""),
        line("reserved", Cause::Driver, ""),
        line("claim_asked", Cause::Sensor, ""),
        line("moved", Cause::Driver, ""),
        line("activated", Cause::Driver, ""),
    ];
    assert_eq!(told, expected);
    town.world.stop().await;
}

#[tokio::test]
async fn what_comes_in_one_burst_counts_in_its_order() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    occupied(&town, 0, 1, town.world.clock.now()).await;
    known(&town, 0, 1).await;
    town.advance(46);
    let now = town.world.clock.now();
    // While her own spot is taken nobody asks her about a car elsewhere; once it is free, somebody does.
    let none = SuspicionCause::Unspecified;
    let burst = [
        row(&town, 1, 1, &occupation(&town, 1, 1, now)),
        row(&town, 1, 2, &vacation(&town, 1, 2, now, none)),
        row(&town, 2, 1, &occupation(&town, 2, 1, now)),
        row(&town, 0, 2, &vacation(&town, 0, 2, now, none)),
        row(&town, 3, 1, &occupation(&town, 3, 1, now)),
    ];
    publish_all(&town, &burst).await;
    let asked: proto::BookingClaimAsked = fact_of(&town, &booking).await;
    assert_eq!(asked.spot_id, town.place.spots[3].spot_id);
    for (spot, version) in [(0, 2), (1, 2), (2, 1), (3, 1)] {
        known(&town, spot, version).await;
    }
    town.world.stop().await;
}

#[tokio::test]
async fn nobody_is_asked_about_a_car_that_was_there_before_they_could_have_come() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 10, 70).await;
    let yesterday = town.world.clock.now() - SignedDuration::from_hours(24);
    let heard_again = sensor::SensorRecovered {
        lot_id: town.place.lot.lot_id.clone(),
        version: 2,
        spot_id: town.place.spots[3].spot_id.clone(),
        floor_id: town.place.floor.floor_id.clone(),
        occupied: true,
        change_time: Some(to_proto(yesterday)),
        ..Default::default()
    };
    publish(&town, 3, 2, &heard_again).await;
    known(&town, 3, 2).await;
    assert_eq!(read(&mut anna, &booking).await, booking);
    town.world.stop().await;
}

#[tokio::test]
async fn an_intruders_spot_is_left_to_him_and_the_coming_booking_goes_elsewhere_in_time() {
    let town = Town::with(3, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    // Others that are occupied, or that nobody knows about, are no help.
    occupied(&town, 0, 1, town.world.clock.now()).await;
    silent(&town, 1, 1).await;
    known(&town, 0, 1).await;
    town.advance(45);
    assert_eq!(read(&mut anna, &booking).await, booking, "there is time");
    town.advance(6);
    let told: proto::BookingRelocated = fact_of(&town, &booking).await;
    assert_eq!(told.block(), SpotBlock::Occupied);
    let there = read(&mut anna, &booking).await;
    assert_eq!(there.spot_id, town.place.spots[2].spot_id);
    assert_eq!(there.window, booking.window, "and it has not begun");
    let story = story(&mut anna, &booking.booking_id).await;
    assert_eq!(story.last().unwrap(), &line("relocated", Cause::SpotBlocked, ""));
    town.world.stop().await;
}

#[tokio::test]
async fn a_spot_that_an_unknown_car_has_left_is_as_good_as_any() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 30, 90).await;
    occupied(&town, 1, 1, town.world.clock.now()).await;
    known(&town, 1, 1).await;
    vacated(&town, 1, 2, town.world.clock.now()).await;
    known(&town, 1, 2).await;
    out_of_service(&town, 0).await;
    town.advance(21);
    let told: proto::BookingRelocated = fact_of(&town, &booking).await;
    assert_eq!(told.booking.unwrap().spot_id, town.place.spots[1].spot_id);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.world.stop().await;
}

#[tokio::test]
async fn a_silent_sensor_ends_no_session_and_takes_no_booking_away() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    let later = town.reserve(&mut anna, 0, 300, 360).await;
    silent(&town, 0, 2).await;
    town.advance(60);
    assert_eq!(read(&mut anna, &stay).await, stay);
    town.advance(232);
    becomes(&anna, &stay, BookingState::Completed).await;
    town.advance(10);
    // Nobody knows what stands there; the driver may come and see.
    let there = check_in(&mut anna, &later).await;
    assert_eq!((there.state(), there.spot_id), (BookingState::Active, later.spot_id));
    town.world.stop().await;
}

#[tokio::test]
async fn the_word_of_a_flapping_sensor_ends_a_session_only_when_it_has_stood() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    town.advance(30);
    doubtful(&town, 0, 2, SuspicionCause::Flapping).await;
    let away = at_version(&anna, &stay, stay.version + 1).await;
    assert_eq!(away.state(), BookingState::Active);
    town.advance(5);
    occupied(&town, 0, 3, town.world.clock.now()).await;
    let back = at_version(&anna, &stay, stay.version + 2).await;
    assert_eq!((back.state(), back.depart_time), (BookingState::Active, None));
    town.advance(20);
    assert_eq!(read(&mut anna, &stay).await, back, "what was taken back has no end");
    let left = doubtful(&town, 0, 4, SuspicionCause::Flapping).await;
    at_version(&anna, &stay, stay.version + 3).await;
    town.advance(11);
    let ended = becomes(&anna, &stay, BookingState::Completed).await;
    assert_eq!(ended.leave_time, Some(to_proto(left)));
    let told = story(&mut anna, &stay.booking_id).await;
    let expected = [
        line("departed", Cause::Sensor, ""),
        line("returned", Cause::Sensor, ""),
        line("departed", Cause::Sensor, ""),
        line("completed", Cause::Sensor, ""),
    ];
    assert_eq!(told[3..], expected);
    town.world.stop().await;
}

#[tokio::test]
async fn a_sensor_that_says_it_is_wrong_ends_no_session() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    let suspect = sensor::SensorSuspect {
        lot_id: town.place.lot.lot_id.clone(),
        version: 1,
        spot_id: town.place.spots[0].spot_id.clone(),
        floor_id: town.place.floor.floor_id.clone(),
        sensor_id: request_id(),
        cause: SuspicionCause::Faulty.into(),
        suspect_time: Some(to_proto(town.world.clock.now())),
    };
    // Of another aggregate than the spot; its order among the spot's own facts is kept by the stream.
    publish(&town, 1, 1, &suspect).await;
    doubtful(&town, 0, 2, SuspicionCause::Faulty).await;
    town.advance(100);
    assert_eq!(read(&mut anna, &stay).await, stay);
    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let spot_id = town.place.spots[0].spot_id.clone();
    let asked = proto::ListSpotTimelineRequest { spot_id, ..Default::default() };
    let entries = operator.list_spot_timeline(asked).await.unwrap().into_inner().entries;
    let told: Vec<(&str, Cause)> =
        entries.iter().take(2).map(|entry| (entry.fact.as_str(), entry.cause())).collect();
    assert_eq!(told, [("spot_vacated", Cause::Sensor), ("sensor_suspect", Cause::Sensor)]);
    assert_eq!(entries[1].booking_id, "", "it is the spot's own story");
    town.world.stop().await;
}

#[tokio::test]
async fn within_the_grace_a_car_that_comes_back_has_never_left_and_nothing_is_captured() {
    let town = Town::with(2, true).await;
    let policy = proto::LotPolicy { departure_grace_seconds: 180, ..Default::default() };
    set_policy(&town, policy).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    town.advance(30);
    let left = town.world.clock.now();
    vacated(&town, 0, 2, left).await;
    let away = at_version(&anna, &stay, stay.version + 1).await;
    assert_eq!((away.state(), away.depart_time), (BookingState::Active, Some(to_proto(left))));
    town.advance(2);
    occupied(&town, 0, 3, town.world.clock.now()).await;
    at_version(&anna, &stay, stay.version + 2).await;
    town.advance(20);
    let names = town.facts_of(&stay.booking_id, 5).await;
    assert!(names.iter().all(|(_, name)| name != "completed"), "{names:?}");
    let left = town.world.clock.now();
    vacated(&town, 0, 4, left).await;
    at_version(&anna, &stay, stay.version + 3).await;
    town.advance(4);
    let ended = becomes(&anna, &stay, BookingState::Completed).await;
    assert_eq!(ended.leave_time, Some(to_proto(left)));
    // 52 minutes: a started hour.
    assert_eq!(Money::try_from(&ended.final_amount.unwrap()).unwrap().minor, 250);
    town.world.stop().await;
}

#[tokio::test]
async fn a_driver_who_ends_the_session_in_the_grace_pays_until_the_car_was_seen_to_leave() {
    let town = Town::with(2, true).await;
    let policy = proto::LotPolicy { departure_grace_seconds: 600, ..Default::default() };
    set_policy(&town, policy).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    town.advance(59);
    let left = town.world.clock.now();
    vacated(&town, 0, 2, left).await;
    at_version(&anna, &stay, stay.version + 1).await;
    town.advance(5);
    let booking_id = stay.booking_id.clone();
    let end = proto::EndSessionRequest { request_id: request_id(), booking_id };
    let ended = anna.end_session(end).await.unwrap().into_inner().booking.unwrap();
    assert_eq!((ended.state(), ended.leave_time), (BookingState::Completed, Some(to_proto(left))));
    assert_eq!(Money::try_from(&ended.final_amount.unwrap()).unwrap().minor, 250);
    town.world.stop().await;
}

#[tokio::test]
async fn where_cars_may_come_and_go_the_spot_stays_theirs_until_the_window_ends() {
    let town = Town::with(2, true).await;
    let policy = proto::LotPolicy { in_and_out_allowed: true, ..Default::default() };
    set_policy(&town, policy).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let stay = staying(&town, &mut anna).await;
    for (version, minutes) in [(2, 20), (4, 30)] {
        town.advance(minutes);
        vacated(&town, 0, version, town.world.clock.now()).await;
        at_version(&anna, &stay, stay.version + version - 1).await;
        assert_eq!(
            crate::booking_world::reason(ben.hold_spot(town.hold(0, 1, 10)).await),
            "SPOT_TAKEN"
        );
        town.advance(5);
        occupied(&town, 0, version + 1, town.world.clock.now()).await;
        let back = at_version(&anna, &stay, stay.version + version).await;
        assert_eq!((back.state(), back.depart_time), (BookingState::Active, None));
    }
    town.advance(20);
    let left = town.world.clock.now();
    vacated(&town, 0, 6, left).await;
    at_version(&anna, &stay, stay.version + 5).await;
    town.advance(41);
    let ended = becomes(&anna, &stay, BookingState::Completed).await;
    assert_eq!(ended.leave_time, Some(to_proto(left)));
    town.world.stop().await;
}

#[tokio::test]
async fn an_overstay_is_not_charged_on_the_word_of_a_flapping_sensor_before_it_has_stood() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let stay = staying(&town, &mut anna).await;
    town.advance(136);
    becomes(&anna, &stay, BookingState::Completed).await;
    town.advance(30);
    doubtful(&town, 0, 2, SuspicionCause::Flapping).await;
    town.advance(5);
    occupied(&town, 0, 3, town.world.clock.now()).await;
    known(&town, 0, 3).await;
    town.advance(20);
    assert_eq!(read(&mut anna, &stay).await.overstay_amount, None);
    // 195 minutes: 75 past the window.
    town.advance(4);
    doubtful(&town, 0, 4, SuspicionCause::Flapping).await;
    town.advance(11);
    let told: proto::BookingOverstayed = fact_of(&town, &stay).await;
    assert_eq!(Money::try_from(&told.amount.unwrap()).unwrap().minor, 500);
    town.world.stop().await;
}
