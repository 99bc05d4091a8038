//! A lot takes windows within its opening hours and limits, and says what it would take.

use jiff::tz::TimeZone;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::Weekday;
use parkmesh_platform::fault::{metadata_of, reason_of};
use prost_types::FieldMask;
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_relocate::fact_of;
use crate::booking_world::{Town, held, reason};
use crate::snapshot::{availability, snapshot};
use crate::world::{World, new_lot, request_id};

fn span(weekday: Weekday, open_minute: i32, close_minute: i32) -> proto::OpeningSpan {
    proto::OpeningSpan { weekday: weekday.into(), open_minute, close_minute }
}

/// Changes a lot as the mask says.
async fn update(town: &Town, paths: &[&str], request: proto::UpdateLotRequest) -> proto::Lot {
    let request = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        update_mask: Some(FieldMask { paths: paths.iter().map(|p| (*p).to_owned()).collect() }),
        ..request
    };
    let mut operator = town.world.operator("op").await;
    operator.update_lot(request).await.unwrap().into_inner().lot.unwrap()
}

#[tokio::test]
async fn rules_are_set_when_a_lot_is_made_and_read_back() {
    let world = World::start().await;
    let hours = vec![span(Weekday::Monday, 480, 1_200), span(Weekday::Sunday, 1_200, 1_560)];
    let policy = proto::LotPolicy {
        shortest_window_seconds: 1_800,
        turnaround_seconds: 300,
        ..Default::default()
    };
    let request = proto::CreateLotRequest {
        opening_hours: hours.clone(),
        policy: Some(policy),
        ..new_lot("Mall")
    };
    let mut operator = world.operator("op").await;
    let made = operator.create_lot(request.clone()).await.unwrap().into_inner().lot.unwrap();
    let asked = proto::GetLotRequest { lot_id: made.lot_id.clone() };
    let read = operator.get_lot(asked).await.unwrap().into_inner().lot.unwrap();
    assert_eq!(read, made);
    assert_eq!(read.opening_hours, hours);
    let policy = read.policy.unwrap();
    assert_eq!((policy.shortest_window_seconds, policy.longest_window_seconds), (1_800, 2_592_000));
    assert_eq!((policy.booking_ahead_seconds, policy.turnaround_seconds), (31_622_400, 300));

    let impossible = proto::CreateLotRequest {
        request_id: request_id(),
        opening_hours: vec![span(Weekday::Monday, 480, 480)],
        ..new_lot("Mall")
    };
    let status = operator.create_lot(impossible).await.unwrap_err();
    let found = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(found[0].field, "opening_hours[0].close_minute");
    let limits = proto::LotPolicy {
        shortest_window_seconds: 7_200,
        longest_window_seconds: 3_600,
        ..Default::default()
    };
    let impossible = proto::CreateLotRequest { policy: Some(limits), ..new_lot("Mall") };
    let status = operator.create_lot(impossible).await.unwrap_err();
    let found = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(found[0].field, "policy.shortest_window_seconds");
    world.stop().await;
}

#[tokio::test]
async fn a_window_outside_the_opening_hours_is_refused_with_the_next_opening() {
    let town = Town::with(1, true).await;
    let mut driver = town.driver("anna").await;
    // Known to the process before it changes.
    held(driver.hold_spot(town.hold(0, 0, 30)).await);
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let now = town.world.clock.now().to_zoned(zone);
    // Open on one day a week, three days from now, for its first hour.
    let day = now.date().checked_add(jiff::Span::new().days(3)).unwrap();
    let number = i32::from(day.weekday().to_monday_one_offset());
    let only = span(Weekday::try_from(number).unwrap(), 0, 60);
    let request = proto::UpdateLotRequest { opening_hours: vec![only], ..Default::default() };
    let lot = update(&town, &["opening_hours"], request).await;
    assert_eq!(lot.opening_hours.len(), 1);

    let opens = day.at(0, 0, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let status = driver.hold_spot(town.hold(0, 60, 120)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason_of(&status).as_deref(), Some("WINDOW_OUTSIDE_OPENING_HOURS"));
    assert_eq!(metadata_of(&status, "next_open_time"), Some(opens.to_string()));
    let told = format!("it opens next on {day} at 00:00");
    assert!(status.message().contains(&told), "{}", status.message());
    assert!(status.get_details_precondition_failure().is_some());

    let inside = town.hold_in(0, town.window_from(opens, 0, 60));
    held(driver.hold_spot(inside).await);
    let beyond = town.hold_in(0, town.window_from(opens, 60, 61));
    assert_eq!(reason(driver.hold_spot(beyond).await), "WINDOW_OUTSIDE_OPENING_HOURS");
    town.world.stop().await;
}

#[tokio::test]
async fn limits_of_a_lot_are_told_with_the_limit() {
    let town = Town::with(1, true).await;
    let mut driver = town.driver("anna").await;
    let policy = proto::LotPolicy {
        shortest_window_seconds: 1_800,
        longest_window_seconds: 7_200,
        booking_ahead_seconds: 86_400,
        ..Default::default()
    };
    let request = proto::UpdateLotRequest { policy: Some(policy), ..Default::default() };
    let paths = [
        "policy.shortest_window_seconds",
        "policy.longest_window_seconds",
        "policy.booking_ahead_seconds",
    ];
    let lot = update(&town, &paths, request).await;
    assert_eq!(lot.policy.unwrap().hold_ttl_seconds, 600);
    for (start, end, told) in [
        (60, 80, "window must be at least 30m long in this lot"),
        (60, 181, "window must be at most 2h long in this lot"),
        (1_500, 1_560, "window must begin within the next 24h in this lot"),
    ] {
        let status = driver.hold_spot(town.hold(0, start, end)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason_of(&status).as_deref(), Some("WINDOW_INVALID"));
        assert_eq!(status.message(), told);
    }
    held(driver.hold_spot(town.hold(0, 60, 180)).await);
    town.world.stop().await;
}

#[tokio::test]
async fn a_spot_is_not_booked_again_in_the_turnaround_after_a_booking() {
    let town = Town::with(2, false).await;
    let policy = proto::LotPolicy { turnaround_seconds: 600, ..Default::default() };
    let request = proto::UpdateLotRequest { policy: Some(policy), ..Default::default() };
    update(&town, &["policy.turnaround_seconds"], request).await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let ask = |start, end| town.hold_in(0, town.window_from(now, start, end));
    let first = held(anna.hold_spot(ask(60, 120)).await);
    assert_eq!(first.window, Some(town.window_from(now, 60, 120)), "what was booked is told");
    // The turnaround of the later one counts as well as that of the earlier.
    for (start, end) in [(120, 180), (129, 180), (0, 51)] {
        assert_eq!(reason(ben.hold_spot(ask(start, end)).await), "SPOT_TAKEN");
    }
    held(ben.hold_spot(ask(130, 180)).await);
    held(ben.hold_spot(ask(0, 50)).await);

    // What is booked keeps the turnaround it was made with, through its whole life.
    let policy = proto::LotPolicy { turnaround_seconds: 0, ..Default::default() };
    let request = proto::UpdateLotRequest { policy: Some(policy), ..Default::default() };
    update(&town, &["policy.turnaround_seconds"], request).await;
    let confirm = proto::ConfirmBookingRequest {
        request_id: request_id(),
        booking_id: first.booking_id,
        payment_method: "ok".to_owned(),
    };
    let reserved = anna.confirm_booking(confirm).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(reserved.window, first.window);
    let mut cleo = town.driver("cleo").await;
    assert_eq!(reason(cleo.hold_spot(ask(121, 129)).await), "SPOT_TAKEN");

    // Whoever keeps a picture of the lot is told the same, by facts and by the snapshot.
    let fact: proto::BookingReserved = fact_of(&town, &reserved).await;
    assert_eq!(fact.booking.unwrap().turnaround_seconds, 600);
    let windows = snapshot(&mut availability(&town.world).await, "").await.windows;
    let first = windows.iter().find(|window| window.booking_id == reserved.booking_id).unwrap();
    assert_eq!(first.turnaround_seconds, 600);
    assert_eq!(first.window, reserved.window);
    town.world.stop().await;
}

#[tokio::test]
async fn what_is_quoted_can_be_held_and_what_cannot_be_held_is_not_quoted() {
    let town = Town::with(2, true).await;
    let mut anna = town.driver("anna").await;
    let policy = proto::LotPolicy { longest_window_seconds: 7_200, ..Default::default() };
    let request = proto::UpdateLotRequest { policy: Some(policy), ..Default::default() };
    update(&town, &["policy.longest_window_seconds"], request).await;
    let quote = |spot: Option<usize>, start, end| proto::QuoteBookingRequest {
        lot_id: town.place.lot.lot_id.clone(),
        window: Some(town.window(start, end)),
        spot_id: spot.map(|spot| town.place.spots[spot].spot_id.clone()).unwrap_or_default(),
        ..Default::default()
    };
    for (start, end, told) in [
        (-10, 60, "WINDOW_PAST"),
        (60, 181, "WINDOW_INVALID"),
        (366 * 24 * 60 + 60, 366 * 24 * 60 + 120, "WINDOW_INVALID"),
    ] {
        assert_eq!(reason(anna.quote_booking(quote(None, start, end)).await), told);
        assert_eq!(reason(anna.quote_booking(quote(Some(0), start, end)).await), told);
        assert_eq!(reason(anna.hold_spot(town.hold(0, start, end)).await), told);
    }
    anna.quote_booking(quote(None, 60, 180)).await.unwrap();

    // One spot closed: it is not quoted, but the pool is; both closed: no more the pool.
    let mut operator = town.world.operator("op").await;
    let close = |spot: usize| proto::CreateClosureRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        scope: Some(proto::create_closure_request::Scope::SpotId(
            town.place.spots[spot].spot_id.clone(),
        )),
        window: Some(town.window(60, 120)),
        reason: "Painting".to_owned(),
        ..Default::default()
    };
    operator.create_closure(close(0)).await.unwrap();
    assert_eq!(reason(anna.quote_booking(quote(Some(0), 60, 120)).await), "SPOT_CLOSED");
    anna.quote_booking(quote(Some(1), 60, 120)).await.unwrap();
    anna.quote_booking(quote(None, 60, 120)).await.unwrap();
    operator.create_closure(close(1)).await.unwrap();
    assert_eq!(reason(anna.quote_booking(quote(None, 60, 120)).await), "SOLD_OUT");
    anna.quote_booking(quote(None, 121, 180)).await.unwrap();

    let elsewhere = proto::QuoteBookingRequest { spot_id: request_id(), ..quote(None, 60, 120) };
    assert_eq!(reason(anna.quote_booking(elsewhere).await), "SPOT_NOT_FOUND");
    let shut = proto::SetSpotStatusRequest {
        spot_id: town.place.spots[1].spot_id.clone(),
        out_of_service: true,
        ..Default::default()
    };
    operator.set_spot_status(shut).await.unwrap();
    assert_eq!(reason(anna.quote_booking(quote(Some(1), 130, 180)).await), "SPOT_OUT_OF_SERVICE");
    // Opening hours, as for a hold.
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let day = town.world.clock.now().to_zoned(zone).date().weekday().to_monday_one_offset();
    let yesterday = Weekday::try_from((i32::from(day) + 4) % 7 + 1).unwrap();
    let request = proto::UpdateLotRequest {
        opening_hours: vec![span(yesterday, 0, 60)],
        ..Default::default()
    };
    update(&town, &["opening_hours"], request).await;
    let told = reason(anna.quote_booking(quote(None, 130, 180)).await);
    assert_eq!(told, "WINDOW_OUTSIDE_OPENING_HOURS");
    town.world.stop().await;
}
