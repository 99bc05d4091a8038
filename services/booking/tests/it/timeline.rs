//! Every fact of a spot and of a booking is kept with its time, cause and actor, and stays.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{Cause, ClosureTreatment};
use sqlx::Row;

use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::world::request_id;

/// Fact, cause and actor of a booking's story, oldest first.
pub async fn story(client: &mut Bookings, booking_id: &str) -> Vec<(String, Cause, String)> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = proto::ListBookingTimelineRequest {
            booking_id: booking_id.to_owned(),
            page_size: 2,
            page_token,
        };
        let page = client.list_booking_timeline(asked).await.unwrap().into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(entries.iter().all(|entry| entry.booking_id == booking_id));
    let told = |entry: proto::TimelineEntry| (entry.fact.clone(), entry.cause(), entry.actor);
    entries.into_iter().rev().map(told).collect()
}

pub fn line(fact: &str, cause: Cause, actor: &str) -> (String, Cause, String) {
    (fact.to_owned(), cause, actor.to_owned())
}

#[tokio::test]
async fn a_bookings_story_tells_each_step_with_its_cause() {
    let town = Town::with(4, true).await;
    let mut anna = town.driver("anna").await;
    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let id = |booking: &proto::Booking| booking.booking_id.clone();

    let stayed = town.reserve(&mut anna, 0, 0, 60).await;
    let key = proto::check_in_request::Key::BookingId(id(&stayed));
    let arrive = proto::CheckInRequest { request_id: request_id(), key: Some(key) };
    operator.check_in(arrive).await.unwrap();
    let leave = proto::EndSessionRequest { request_id: request_id(), booking_id: id(&stayed) };
    anna.end_session(leave).await.unwrap();
    let expected = [
        line("held", Cause::Driver, ""),
        line("reserved", Cause::Driver, ""),
        line("activated", Cause::Operator, "op"),
        line("completed", Cause::Driver, ""),
    ];
    assert_eq!(story(&mut anna, &id(&stayed)).await, expected);
    assert_eq!(story(&mut operator, &id(&stayed)).await, expected);

    let given_back = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    let cancel =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: id(&given_back) };
    anna.cancel_booking(cancel).await.unwrap();
    let told = story(&mut anna, &id(&given_back)).await;
    assert_eq!(told.last().unwrap(), &line("cancelled", Cause::Driver, ""));

    let withdrawn = held(anna.hold_spot(town.hold(1, 60, 120)).await);
    let cancel =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: id(&withdrawn) };
    operator.cancel_booking(cancel).await.unwrap();
    let told = story(&mut anna, &id(&withdrawn)).await;
    assert_eq!(told.last().unwrap(), &line("cancelled", Cause::Operator, "op"));

    let closed = held(anna.hold_spot(town.hold(2, 60, 120)).await);
    let close = proto::CreateClosureRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        scope: None,
        window: Some(town.window(60, 120)),
        reason: "Painting".to_owned(),
        treatment: ClosureTreatment::Cancel.into(),
    };
    town.world.operator("op").await.create_closure(close).await.unwrap();
    let told = story(&mut anna, &id(&closed)).await;
    assert_eq!(told.last().unwrap(), &line("cancelled", Cause::Operator, "op"));

    let lapsed = held(anna.hold_spot(town.hold(3, 200, 260)).await);
    town.advance(11);
    town.facts_of(&id(&lapsed), 2).await;
    let told = story(&mut anna, &id(&lapsed)).await;
    assert_eq!(told.last().unwrap(), &line("expired", Cause::Deadline, ""));
    assert_eq!(reason(anna.confirm_booking(confirm(&lapsed, "ok")).await), "HOLD_EXPIRED");

    let asked = proto::ListBookingTimelineRequest { booking_id: id(&stayed), ..Default::default() };
    let bert = town.driver("bert").await.list_booking_timeline(asked.clone()).await;
    assert_eq!(reason(bert), "BOOKING_NOT_FOUND");
    let mut eve = town.client(&town.world.tokens.operator("eve", [])).await;
    assert_eq!(reason(eve.list_booking_timeline(asked).await), "BOOKING_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn a_spots_story_holds_its_own_facts_the_grounds_and_those_of_its_bookings() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let spot = town.place.spots[0].clone();
    let close = proto::SetSpotStatusRequest {
        spot_id: spot.spot_id.clone(),
        out_of_service: true,
        version: 0,
    };
    let mut inventory = town.world.operator("op").await;
    inventory.set_spot_status(close.clone()).await.unwrap();
    let open = proto::SetSpotStatusRequest { out_of_service: false, ..close };
    inventory.set_spot_status(open).await.unwrap();
    let hold = proto::HoldSpotRequest {
        choice: Some(proto::hold_spot_request::Choice::Spot(proto::SpotChoice {
            spot_id: spot.spot_id.clone(),
            spot_version: 0,
        })),
        ..town.hold(0, 60, 120)
    };
    let booking = held(anna.hold_spot(hold).await);
    held(town.driver("bert").await.hold_spot(town.hold(1, 60, 120)).await);
    sqlx::query(
        "INSERT INTO spot_reality (spot_id, lot_id, occupied, version, change_time)
         VALUES ($1, $2, true, 1, now())",
    )
    .bind(spot.spot_id.parse::<uuid::Uuid>().unwrap())
    .bind(spot.lot_id.parse::<uuid::Uuid>().unwrap())
    .execute(&town.world.pool)
    .await
    .unwrap();

    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let asked =
        proto::ListSpotTimelineRequest { spot_id: spot.spot_id.clone(), ..Default::default() };
    let entries = operator.list_spot_timeline(asked.clone()).await.unwrap().into_inner().entries;
    let told: Vec<(&str, Cause, &str)> =
        entries.iter().map(|e| (e.fact.as_str(), e.cause(), e.actor.as_str())).collect();
    let expected = [
        ("spot_occupied", Cause::Sensor, ""),
        ("held", Cause::Driver, ""),
        ("spot_state_changed", Cause::Operator, "op"),
        ("spot_state_changed", Cause::Operator, "op"),
        ("spot_state_changed", Cause::Operator, "op"),
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[1].booking_id, booking.booking_id);
    assert_eq!((entries[2].booking_id.as_str(), entries[2].version), ("", 3));

    let mut eve = town.client(&town.world.tokens.operator("eve", [])).await;
    assert_eq!(reason(eve.list_spot_timeline(asked.clone()).await), "SPOT_NOT_FOUND");
    assert_eq!(reason(anna.list_spot_timeline(asked).await), "OPERATOR_REQUIRED");
    town.world.stop().await;
}

#[tokio::test]
async fn the_timeline_has_every_fact_and_lets_nobody_change_it() {
    let town = Town::with(3, true).await;
    let mut anna = town.driver("anna").await;
    town.reserve(&mut anna, 0, 60, 120).await;
    held(anna.hold_spot(town.hold(1, 60, 120)).await);
    let missing = sqlx::query(
        "SELECT count(*) FROM outbox WHERE fact_type NOT LIKE '%inventory_changed'
           AND NOT EXISTS (SELECT FROM timeline WHERE timeline.aggregate_id = outbox.aggregate_id
             AND timeline.version = outbox.version AND timeline.fact_type = outbox.fact_type)",
    );
    let missing: i64 = missing.fetch_one(&town.world.pool).await.unwrap().get(0);
    assert_eq!(missing, 0);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM timeline WHERE cause > 0")
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
    // Three spots, two holds, a reservation.
    assert_eq!(kept, 6);
    for statement in
        ["UPDATE timeline SET actor = 'eve'", "DELETE FROM timeline", "TRUNCATE timeline"]
    {
        let refused = sqlx::query(statement).execute(&town.world.pool).await.unwrap_err();
        let code = refused.as_database_error().and_then(|told| told.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
    }
    town.world.stop().await;
}
