//! Where ground and books say different things: told, listed with their age, and closed when they end.

use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::DiscrepancyKind::{
    self, CarWithoutSession, GroundUnknown, SessionWithoutCar,
};
use parkmesh_contracts::sensor::v1::OccupancyState;
use parkmesh_eventbus::outbox;
use parkmesh_testkit::{eventually, recorded};
use tonic::Code;
use uuid::Uuid;

use crate::world::{Placed, World, kinds, with};

pub async fn publish<F: Fact>(world: &World, booking_id: Uuid, version: i64, fact: &F) {
    let row = outbox::Row::of(&world.ids, world.clock.now(), booking_id, version, fact);
    let mut connection = world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[row]).await.unwrap();
}

fn summary(
    world: &World,
    spot: &Placed,
    booking_id: Uuid,
    version: i64,
) -> booking::BookingSummary {
    booking::BookingSummary {
        booking_id: booking_id.to_string(),
        lot_id: world.lot.to_string(),
        spot_id: spot.spot_id.to_string(),
        version,
        ..Default::default()
    }
}

/// Waits until sensor has taken in that the books say this of the spot.
async fn heard(world: &World, spot: &Placed, booking_id: Uuid, in_session: bool) {
    eventually("what the books say", || async {
        let found: Option<bool> = sqlx::query_scalar(
            "SELECT in_session FROM spot_books WHERE spot_id = $1 AND booking_id = $2",
        )
        .bind(spot.spot_id)
        .bind(booking_id)
        .fetch_optional(&world.pool)
        .await
        .unwrap();
        (found == Some(in_session)).then_some(())
    })
    .await;
}

async fn began(world: &World, spot: &Placed, booking_id: Uuid) {
    began_by(world, spot, booking_id, Cause::Sensor).await;
}

async fn began_by(world: &World, spot: &Placed, booking_id: Uuid, cause: Cause) {
    let fact = booking::BookingActivated {
        lot_id: world.lot.to_string(),
        version: 3,
        booking: Some(summary(world, spot, booking_id, 3)),
        cause: cause.into(),
        ..Default::default()
    };
    publish(world, booking_id, 3, &fact).await;
    heard(world, spot, booking_id, true).await;
}

async fn ended(world: &World, spot: &Placed, booking_id: Uuid) {
    let fact = booking::BookingCompleted {
        lot_id: world.lot.to_string(),
        version: 4,
        booking: Some(summary(world, spot, booking_id, 4)),
        ..Default::default()
    };
    publish(world, booking_id, 4, &fact).await;
    heard(world, spot, booking_id, false).await;
}

async fn page(
    world: &World,
    include_closed: bool,
    page_token: String,
) -> proto::ListDiscrepanciesResponse {
    let lot_id = world.lot.to_string();
    let asked =
        proto::ListDiscrepanciesRequest { lot_id, include_closed, page_size: 2, page_token };
    let mut client = world.client.clone();
    client.list_discrepancies(with(&world.admin(), asked)).await.unwrap().into_inner()
}

/// All pages.
async fn listed(world: &World, include_closed: bool) -> Vec<proto::Discrepancy> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(world, include_closed, token).await;
        all.extend(page.discrepancies);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

/// Kind and spot of those that stand, once there are so many.
async fn standing(world: &World, count: usize) -> Vec<(DiscrepancyKind, String)> {
    let found = eventually("discrepancies", || async {
        let found = listed(world, false).await;
        (found.len() == count).then_some(found)
    })
    .await;
    let mut told: Vec<_> = found.iter().map(|one| (one.kind(), one.spot_id.clone())).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_without_a_session_a_session_without_a_car_and_a_silent_sensor_are_told() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 5, 0).await;
    let [stranger, absent, agreed, free, quiet] = spots.as_slice() else { panic!("five") };
    let mut feed = world.bridge().await;
    let says = |spot, occupied| world.says(spot, occupied);
    feed.send(vec![says(stranger, true), says(absent, false), says(agreed, true)]).await;
    feed.send(vec![says(free, false), says(quiet, true)]).await;
    let bookings: Vec<Uuid> = (0..3).map(|_| world.ids.next()).collect();
    began(&world, absent, bookings[0]).await;
    began(&world, agreed, bookings[1]).await;
    began(&world, quiet, bookings[2]).await;
    world.advance(1);
    feed.send(vec![proto::Reading { unreachable: true, occupied: None, ..says(quiet, true) }])
        .await;
    world.advance(200);
    assert_eq!(listed(&world, true).await, [], "it may all be on its way still");
    world.advance(110);
    let mut expected = [
        (CarWithoutSession, stranger.spot_id.to_string()),
        (SessionWithoutCar, absent.spot_id.to_string()),
        (GroundUnknown, quiet.spot_id.to_string()),
    ];
    expected.sort();
    assert_eq!(standing(&world, 3).await, expected);
    world.advance(60);
    let all = listed(&world, false).await;
    let absent = all.iter().find(|one| one.kind() == SessionWithoutCar).unwrap();
    assert!((370..900).contains(&absent.age_seconds), "{}", absent.age_seconds);
    assert_eq!((absent.ground(), absent.in_session), (proto::OccupancyState::Vacant, true));
    assert_eq!(absent.booking_id, bookings[0].to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discrepancy_ends_when_both_agree_and_another_one_is_another() {
    let world = World::without_settling().await;
    let spot = world.place("bay", 1, 0).await.remove(0);
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spot, false)]).await;
    let booking_id: Uuid = world.ids.next();
    began(&world, &spot, booking_id).await;
    world.advance(301);
    standing(&world, 1).await;
    feed.send(vec![world.says(&spot, true)]).await;
    standing(&world, 0).await;
    // The booking ends and the car stays.
    ended(&world, &spot, booking_id).await;
    world.advance(301);
    let told = standing(&world, 1).await;
    assert_eq!(told[0].0, CarWithoutSession);
    let all = listed(&world, true).await;
    assert_eq!(all.len(), 2);
    assert!(all[0].close_time.is_some() && all[1].close_time.is_none());
    assert!((300..600).contains(&all[0].age_seconds), "as it was when it ended");
    world.published().await;
    let facts = recorded(&world.bus, "SENSOR").await;
    let facts: Vec<_> =
        facts.into_iter().filter(|fact| fact.fact_type.contains("discrepancy")).collect();
    let told = ["discrepancy_opened", "discrepancy_closed", "discrepancy_opened"];
    assert_eq!(kinds(&facts), told);
    let closed: proto::DiscrepancyClosed = facts[1].decode().unwrap();
    assert_eq!(
        (closed.kind(), closed.discrepancy_id),
        (SessionWithoutCar, all[0].discrepancy_id.clone())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_books_said_before_changes_nothing_however_late_it_comes() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 2, 0).await;
    let (first, second): (Uuid, Uuid) = (world.ids.next(), world.ids.next());
    let begin = booking::BookingActivated {
        booking: Some(summary(&world, &spots[0], first, 3)),
        ..Default::default()
    };
    let long_ago = outbox::Row::of(&world.ids, world.clock.now(), first, 3, &begin);
    world.advance(60);
    ended(&world, &spots[0], first).await;
    let mut connection = world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[long_ago]).await.unwrap();
    began(&world, &spots[1], second).await;
    heard(&world, &spots[0], first, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lot_that_nobody_books_has_no_books_to_differ_from() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 2, 0).await;
    let mut feed = world.bridge().await;
    feed.send(vec![world.says(&spots[0], true), world.says(&spots[1], true)]).await;
    world.advance(600);
    began(&world, &spots[1], world.ids.next()).await;
    // The other one is told only now that there are books.
    assert_eq!(standing(&world, 1).await, [(CarWithoutSession, spots[0].spot_id.to_string())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_the_discrepancies_of_their_lots_only() {
    let world = World::without_settling().await;
    let asked =
        proto::ListDiscrepanciesRequest { lot_id: world.lot.to_string(), ..Default::default() };
    let mut client = world.client.clone();
    for foreign in world.strangers() {
        let refused = client.list_discrepancies(with(&foreign, asked.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
    let driver = world.tokens.driver("anna");
    let refused = client.list_discrepancies(with(&driver, asked)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

/// How far the sensor of the spot agrees with others, once that is this much.
async fn agrees(world: &World, spot: &Placed, percent: i32) {
    eventually("the sensor's agreement", || async {
        let sensor = world.spot(spot.spot_id).await.sensor.unwrap();
        (sensor.agreement_percent == percent).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_is_judged_by_those_who_have_seen_the_car_and_not_by_its_own_word() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 3, 0).await;
    let [right, wrong, alone] = spots.as_slice() else { panic!("three") };
    let mut feed = world.bridge().await;
    let says = |spot, occupied| world.says(spot, occupied);
    feed.send(vec![says(right, true), says(wrong, false), says(alone, true)]).await;
    began_by(&world, right, world.ids.next(), Cause::Kiosk).await;
    began_by(&world, wrong, world.ids.next(), Cause::Driver).await;
    began_by(&world, alone, world.ids.next(), Cause::Sensor).await;
    world.advance(301);
    agrees(&world, right, 100).await;
    agrees(&world, wrong, 80).await;
    agrees(&world, alone, -1).await;
    let asked = proto::ListSensorsRequest { lot_id: world.lot.to_string(), ..Default::default() };
    let mut client = world.client.clone();
    let listed = client.list_sensors(with(&world.admin(), asked)).await.unwrap().into_inner();
    let told: Vec<i32> = listed.sensors.iter().map(|sensor| sensor.agreement_percent).collect();
    assert_eq!(told, [100, 80, -1]);
}

/// That is known of all six sensors of a floor.
async fn looked(world: &World, column: &str) {
    eventually(column, || async {
        let query = format!("SELECT count({column}) FROM sensor_agreement");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query));
        let found: i64 = query.fetch_one(&world.pool).await.unwrap();
        (found == 6).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sensor_that_never_changes_among_busy_neighbours_is_not_believed() {
    let world = World::without_settling().await;
    let spots = world.place("bay", 6, 0).await;
    let mut feed = world.bridge().await;
    // They are looked at before the first of them has spoken: that word will be no change.
    looked(&world, "look_time").await;
    feed.send(spots.iter().map(|spot| world.says(spot, false)).collect()).await;
    for spot in &spots {
        eventually("the first word", || async {
            (world.state(spot).await.0 == OccupancyState::Vacant).then_some(())
        })
        .await;
    }
    world.advance(3_601);
    looked(&world, "seen_version").await;
    for round in 0..6 {
        world.advance(5);
        let busy = spots.iter().skip(1).map(|spot| world.says(spot, round % 2 == 0));
        feed.send(busy.collect()).await;
    }
    world.advance(3_601);
    looked(&world, "changes_per_day").await;
    agrees(&world, &spots[0], 20).await;
    agrees(&world, &spots[1], 100).await;
}
