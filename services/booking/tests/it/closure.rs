//! What is closed takes no bookings, whatever happens at the same moment; and those that stand are
//! dealt with as asked.

use std::collections::BTreeSet;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::create_closure_request::Scope;
use parkmesh_contracts::booking::v1::{BookingState, ClosureTreatment};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::fault::{metadata_of, reason_of};
use parkmesh_testkit::eventually;
use tonic::Code;

use crate::booking_world::{Town, held, reason, written_columns};
use crate::world::{Inventory, new_floor, new_spots, request_id};

fn close(town: &Town, scope: Option<Scope>, start: i64, end: i64) -> proto::CreateClosureRequest {
    proto::CreateClosureRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        scope,
        window: Some(town.window(start, end)),
        reason: "The floor is painted".to_owned(),
        treatment: ClosureTreatment::Unspecified.into(),
    }
}

async fn closed(
    operator: &mut Inventory,
    request: proto::CreateClosureRequest,
) -> proto::CreateClosureResponse {
    operator.create_closure(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_closed_spot_floor_or_lot_is_refused_until_it_opens() {
    let town = Town::with(3, true).await;
    let mut operator = town.world.operator("op").await;
    let (mut anna, mut bert) = (town.driver("anna").await, town.driver("bert").await);
    // Known to the process before anything closes.
    held(anna.hold_spot(town.hold(1, 600, 660)).await);
    let spot_id = town.place.spots[0].spot_id.clone();
    let made = closed(&mut operator, close(&town, Some(Scope::SpotId(spot_id)), 60, 120)).await;
    let closure = made.closure.unwrap();
    assert_eq!((made.bookings.len(), made.booking_count), (0, 0));
    let end = closure.window.unwrap().end_time.unwrap();

    let status = anna.hold_spot(town.hold(0, 119, 180)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&status).as_deref(), Some("SPOT_CLOSED"));
    let until = parkmesh_contracts::time::from_proto(&end).unwrap();
    assert_eq!(metadata_of(&status, "closed_until"), Some(until.to_string()));
    // What touches stands, and the neighbours are open.
    held(anna.hold_spot(town.hold(0, 121, 180)).await);
    held(bert.hold_spot(town.hold(1, 60, 120)).await);

    let floor_id = town.place.floor.floor_id.clone();
    closed(&mut operator, close(&town, Some(Scope::FloorId(floor_id)), 200, 260)).await;
    assert_eq!(reason(bert.hold_spot(town.hold(2, 210, 220)).await), "SPOT_CLOSED");
    let lot = closed(&mut operator, close(&town, None, 300, 360)).await.closure.unwrap();
    assert_eq!(reason(bert.hold_spot(town.hold(2, 310, 320)).await), "SPOT_CLOSED");

    let asked = proto::DeleteClosureRequest {
        request_id: request_id(),
        closure_id: lot.closure_id.clone(),
    };
    let gone = operator.delete_closure(asked.clone()).await.unwrap().into_inner();
    assert_eq!(gone.closure, Some(lot));
    assert_eq!(operator.delete_closure(asked.clone()).await.unwrap().into_inner(), gone);
    let again = proto::DeleteClosureRequest { request_id: request_id(), ..asked };
    assert_eq!(reason(operator.delete_closure(again).await), "CLOSURE_NOT_FOUND");
    held(bert.hold_spot(town.hold(2, 310, 320)).await);
    town.world.stop().await;
}

#[tokio::test]
async fn a_pool_gives_what_is_open_and_is_sold_out_when_nothing_is() {
    let town = Town::with(2, true).await;
    let mut operator = town.world.operator("op").await;
    let upper = operator.create_floor(new_floor(&town.place.lot.lot_id, 1)).await.unwrap();
    let upper = upper.into_inner().floor.unwrap().floor_id;
    operator.batch_create_spots(new_spots(&upper, "B", 1)).await.unwrap();
    let floor_id = town.place.floor.floor_id.clone();
    closed(&mut operator, close(&town, Some(Scope::FloorId(floor_id.clone())), 60, 120)).await;
    let mut driver = town.driver("anna").await;
    let pool = |start: i64| {
        let pool = proto::PoolChoice {
            lot_id: town.place.lot.lot_id.clone(),
            spot_type: SpotType::Regular.into(),
            preferred_floor_id: floor_id.clone(),
        };
        let choice = Some(proto::hold_spot_request::Choice::Pool(pool));
        proto::HoldSpotRequest { choice, ..town.hold(0, start, start + 30) }
    };
    let given = held(driver.hold_spot(pool(70)).await);
    assert_eq!(given.spot_number, "B0001");
    assert_eq!(reason(driver.hold_spot(pool(70)).await), "SOLD_OUT");
    assert_eq!(held(driver.hold_spot(pool(130)).await).floor_id, floor_id);
    town.world.stop().await;
}

#[tokio::test]
async fn bookings_that_stand_are_kept_and_listed_or_cancelled_and_told() {
    let town = Town::with(3, true).await;
    let mut operator = town.world.operator("op").await;
    let (mut anna, mut bert) = (town.driver("anna").await, town.driver("bert").await);
    let reserved = town.reserve(&mut anna, 0, 60, 120).await;
    let on_hold = held(bert.hold_spot(town.hold(1, 90, 150)).await);
    town.reserve(&mut bert, 2, 200, 260).await;
    let expected: BTreeSet<String> =
        [reserved.booking_id.clone(), on_hold.booking_id.clone()].into();

    let request = close(&town, None, 100, 110);
    let kept = closed(&mut operator, request.clone()).await;
    let ids: BTreeSet<String> = kept.bookings.iter().map(|met| met.booking_id.clone()).collect();
    assert_eq!((&ids, kept.booking_count), (&expected, 2));
    assert!(kept.bookings.iter().all(|met| met.window.is_some() && !met.spot_id.is_empty()));
    assert_eq!(closed(&mut operator, request).await, kept);
    let asked = proto::GetBookingRequest { booking_id: reserved.booking_id.clone() };
    let still = anna.get_booking(asked).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(still.state(), BookingState::Reserved);

    let request = proto::CreateClosureRequest {
        treatment: ClosureTreatment::Cancel.into(),
        ..close(&town, None, 100, 110)
    };
    let cancelled = closed(&mut operator, request.clone()).await;
    let ids: BTreeSet<String> = cancelled.bookings.iter().map(|m| m.booking_id.clone()).collect();
    assert_eq!(ids, expected);
    assert!(cancelled.bookings.iter().all(|met| met.state() == BookingState::Cancelled));
    // Again: the same answer, though they are live no more.
    assert_eq!(closed(&mut operator, request).await, cancelled);
    let facts = town.facts_of(&reserved.booking_id, 3).await;
    assert_eq!(facts.last().unwrap(), &(3, "cancelled".to_owned()));
    town.world.stop().await;
}

#[tokio::test]
async fn a_session_that_goes_on_is_kept_even_when_all_are_to_be_cancelled() {
    let town = Town::with(1, true).await;
    let mut operator = town.world.operator("op").await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    let key = proto::check_in_request::Key::BookingId(booking.booking_id.clone());
    let arrive = proto::CheckInRequest { request_id: request_id(), key: Some(key) };
    anna.check_in(arrive).await.unwrap();
    let request = proto::CreateClosureRequest {
        treatment: ClosureTreatment::Cancel.into(),
        ..close(&town, None, 10, 20)
    };
    let answer = closed(&mut operator, request).await;
    assert_eq!(answer.bookings[0].state(), BookingState::Active);
    town.world.stop().await;
}

#[tokio::test]
async fn a_hold_that_began_before_the_closure_and_ends_after_it_is_in_the_answer() {
    let town = Town::with(3, true).await;
    let operator = town.world.operator("op").await;
    let mut anna = town.driver("anna").await;
    let other = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    // Somebody is about to take the spot, and anna's statement waits to see whether it comes about.
    let mut blocking = town.world.pool.acquire().await.unwrap();
    let mut blocking = sqlx::Connection::begin(&mut *blocking).await.unwrap();
    let spot_id: uuid::Uuid = town.place.spots[0].spot_id.parse().unwrap();
    let columns = written_columns(&town.world.pool, "booking").await;
    let text = format!(
        "INSERT INTO booking ({columns}) SELECT {columns} FROM (
             SELECT (jsonb_populate_record(b, jsonb_build_object(
                 'booking_id', gen_random_uuid(), 'code', 'BLOCKING', 'spot_id', $2::uuid,
                 'user_id', 'bert'))).* FROM booking AS b WHERE booking_id = $1) AS another"
    );
    sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(other.booking_id.parse::<uuid::Uuid>().unwrap())
        .bind(spot_id)
        .execute(&mut *blocking)
        .await
        .unwrap();
    let (request, mut driver) = (town.hold(0, 60, 120), anna.clone());
    let holding = async move { driver.hold_spot(request).await };
    let closing = async {
        // Not before the hold's statement is under way, with its picture of the table.
        eventually("the hold waits", || async {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&town.world.pool)
            .await
            .unwrap();
            (waiting > 0).then_some(())
        })
        .await;
        let mut operator = operator.clone();
        let request = close(&town, None, 60, 120);
        let answer = async move { operator.create_closure(request).await.unwrap().into_inner() };
        let freeing = async {
            eventually("the closure stands", || async {
                let closures: i64 = sqlx::query_scalar("SELECT count(*) FROM closure")
                    .fetch_one(&town.world.pool)
                    .await
                    .unwrap();
                (closures == 1).then_some(())
            })
            .await;
            blocking.rollback().await.unwrap();
        };
        tokio::join!(answer, freeing).0
    };
    let (holding, answer) = tokio::join!(holding, closing);
    let late = held(holding);
    let ids: BTreeSet<String> = answer.bookings.iter().map(|met| met.booking_id.clone()).collect();
    assert_eq!(ids, BTreeSet::from([other.booking_id, late.booking_id]));
    assert_eq!(reason(anna.hold_spot(town.hold(2, 60, 120)).await), "SPOT_CLOSED");
    town.world.stop().await;
}

#[tokio::test]
async fn a_crowd_that_books_while_its_lot_closes_is_listed_or_refused() {
    let town = Town::with(40, true).await;
    let mut operator = town.world.operator("op").await;
    let mut drivers = Vec::new();
    for number in 0..40 {
        drivers.push(town.driver(&format!("driver-{number}")).await);
    }
    let holds = drivers.into_iter().enumerate().map(|(spot, mut driver)| {
        let request = town.hold(spot, 60, 120);
        async move { driver.hold_spot(request).await }
    });
    let closing = closed(&mut operator, close(&town, None, 60, 120));
    let (answers, closing) = tokio::join!(futures_util::future::join_all(holds), closing);
    let mut made = BTreeSet::new();
    for answer in answers {
        match answer {
            Ok(answer) => {
                made.insert(answer.into_inner().booking.unwrap().booking_id);
            }
            Err(status) => assert_eq!(reason_of(&status).as_deref(), Some("SPOT_CLOSED")),
        }
    }
    let listed: BTreeSet<String> =
        closing.bookings.iter().map(|met| met.booking_id.clone()).collect();
    assert_eq!(listed, made);
    town.world.stop().await;
}

#[tokio::test]
async fn closures_are_listed_told_and_kept_to_their_operator() {
    let town = Town::with(1, true).await;
    let mut operator = town.world.operator("op").await;
    for start in [300, 100, 200] {
        closed(&mut operator, close(&town, None, start, start + 10)).await;
    }
    let mut driver = town.world.driver("anna").await;
    let (mut starts, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = proto::ListClosuresRequest {
            lot_id: town.place.lot.lot_id.clone(),
            page_size: 2,
            page_token,
            include_ended: false,
        };
        let page = driver.list_closures(asked).await.unwrap().into_inner();
        starts.extend(page.closures.iter().map(|c| c.window.unwrap().start_time.unwrap().seconds));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(starts.len(), 3);
    assert!(starts.is_sorted());
    let facts = town.world.facts(6).await;
    let fact: proto::InventoryChanged = facts[5].decode().unwrap();
    assert_eq!((fact.version, fact.lot.unwrap().closures.len()), (5, 3));

    let eve = town.world.operator("eve").await;
    let other: LotId = town.world.ids.next();
    let bound = town.world.inventory(&town.world.tokens.operator("op", [other])).await;
    let asked =
        proto::ListClosuresRequest { lot_id: town.place.lot.lot_id.clone(), ..Default::default() };
    let known = operator.list_closures(asked).await.unwrap().into_inner().closures;
    for mut stranger in [eve, bound] {
        let answer = stranger.create_closure(close(&town, None, 10, 20)).await;
        assert_eq!(reason(answer), "LOT_NOT_FOUND");
        let delete = proto::DeleteClosureRequest {
            request_id: request_id(),
            closure_id: known[0].closure_id.clone(),
        };
        assert_eq!(reason(stranger.delete_closure(delete).await), "CLOSURE_NOT_FOUND");
    }
    let past = operator.create_closure(close(&town, None, -20, -10)).await;
    assert_eq!(reason(past), "WINDOW_INVALID");
    let nowhere = Some(Scope::SpotId(request_id()));
    let nowhere = operator.create_closure(close(&town, nowhere, 10, 20)).await;
    assert_eq!(reason(nowhere), "SPOT_NOT_FOUND");
    town.world.stop().await;
}
