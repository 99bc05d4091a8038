//! Bookings that come again: each occurrence stands or falls by itself, and the answer says which.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parkmesh_booking::Config;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::create_booking_series_request::Choice;
use parkmesh_contracts::booking::v1::{BookingState, Weekday};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::time::{from_proto, to_proto};
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_world::{Bookings, Town, held, reason};
use crate::world::request_id;

/// Spoils a rule.
type Change = fn(&mut proto::SeriesRule);

/// The day so many days after today, where the lot is.
fn day(town: &Town, days: i64) -> Date {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    town.world.clock.now().to_zoned(zone).date().checked_add(days.days()).unwrap()
}

/// Every day from `first` to `last` days after today, from 8 to 18.
fn daily(town: &Town, spot: usize, first: i64, last: i64) -> proto::CreateBookingSeriesRequest {
    let spot_id = town.place.spots[spot].spot_id.clone();
    proto::CreateBookingSeriesRequest {
        request_id: request_id(),
        choice: Some(Choice::Spot(proto::SpotChoice { spot_id, spot_version: 0 })),
        rule: Some(proto::SeriesRule {
            weekdays: (1..=7).collect(),
            start_minute: 480,
            end_minute: 1_080,
            first_date: day(town, first).to_string(),
            last_date: day(town, last).to_string(),
        }),
        plate: "b-se 1".to_owned(),
        disability_permit: false,
        payment_method: "ok".to_owned(),
    }
}

async fn book(
    driver: &mut Bookings,
    request: &proto::CreateBookingSeriesRequest,
) -> Vec<proto::SeriesOccurrence> {
    // A busy machine may need longer than a call lives: the same request goes on where it stopped.
    for _again in 0..10 {
        match driver.create_booking_series(request.clone()).await {
            Err(status) if status.code() == Code::DeadlineExceeded => {}
            answer => return answer.unwrap().into_inner().occurrences,
        }
    }
    panic!("no answer in ten calls")
}

fn reasons(occurrences: &[proto::SeriesOccurrence]) -> Vec<&str> {
    occurrences.iter().map(|one| one.reason.as_str()).collect()
}

async fn live(town: &Town) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM booking WHERE state IN (1, 2, 3)")
        .fetch_one(&town.world.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_occurrence_stands_or_fails_by_itself_and_the_answer_says_why() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let at = |days: i64, hour| {
        let wall = day(&town, days).at(hour, 0, 0, 0).in_tz("Europe/Berlin").unwrap();
        Some(to_proto(wall.timestamp()))
    };
    let window =
        parkmesh_contracts::common::v1::Window { start_time: at(3, 17), end_time: at(3, 20) };
    let stranger = held(ben.hold_spot(town.hold_in(0, window)).await);
    let request = daily(&town, 0, 2, 5);
    let told = book(&mut anna, &request).await;
    assert_eq!(reasons(&told), ["", "SPOT_TAKEN", "", ""]);
    for (one, days) in told.iter().zip(2..) {
        assert_eq!(one.date, day(&town, days).to_string());
        let window = one.window.unwrap();
        assert_eq!((window.start_time, window.end_time), (at(days, 8), at(days, 18)));
        if let Some(booking) = &one.booking {
            assert_eq!((booking.state(), booking.window), (BookingState::Reserved, one.window));
            assert_eq!((booking.user_id.as_str(), booking.plate.as_str()), ("anna", "B-SE 1"));
        }
    }
    assert!(told[1].message.contains("taken") && told[1].booking.is_none());
    assert_eq!(town.payment.asked(), 3);

    // What has become free since is not booked by the same request.
    let cancel =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: stranger.booking_id };
    ben.cancel_booking(cancel).await.unwrap();
    assert_eq!(book(&mut anna, &request).await, told);
    assert_eq!((live(&town).await, town.payment.asked()), (3, 3));
    let other = proto::CreateBookingSeriesRequest { plate: "OTHER".to_owned(), ..request };
    assert_eq!(reason(anna.create_booking_series(other).await), "REQUEST_ID_REUSED");
    town.world.stop().await;
}

#[tokio::test]
async fn a_series_in_a_pool_is_as_long_as_it_may_be_and_names_what_is_wrong_with_its_rule() {
    let town = Town::with_config(1, Config::default()).await;
    let mut anna = town.driver("anna").await;
    let pool = proto::PoolChoice {
        lot_id: town.place.lot.lot_id.clone(),
        spot_type: SpotType::Regular.into(),
        ..Default::default()
    };
    let mut request = daily(&town, 0, 1, 60);
    request.choice = Some(Choice::Pool(pool));
    let told = book(&mut anna, &request).await;
    assert_eq!((told.len(), live(&town).await), (60, 60));
    assert!(told.iter().all(|one| one.booking.is_some()));
    let sold_out = proto::CreateBookingSeriesRequest { request_id: request_id(), ..request };
    assert!(book(&mut anna, &sold_out).await.iter().all(|one| one.reason == "SOLD_OUT"));

    let wrongs: [(Change, &str); 5] = [
        (|rule| rule.end_minute = 480, "end_minute"),
        (|rule| rule.last_date = "2026-02-30".to_owned(), "last_date"),
        (|rule| rule.first_date = "tomorrow!!".to_owned(), "first_date"),
        (|rule| rule.weekdays = vec![Weekday::Unspecified.into()], "weekdays[0]"),
        (|rule| rule.weekdays.clear(), "weekdays"),
    ];
    for (change, field) in wrongs {
        let mut wrong = daily(&town, 0, 1, 2);
        change(wrong.rule.as_mut().unwrap());
        let status = anna.create_booking_series(wrong).await.unwrap_err();
        let found = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(found[0].field, format!("rule.{field}"));
    }
    let nowhere = proto::CreateBookingSeriesRequest {
        choice: Some(Choice::Spot(proto::SpotChoice { spot_id: request_id(), spot_version: 0 })),
        ..daily(&town, 0, 1, 2)
    };
    assert_eq!(reason(anna.create_booking_series(nowhere).await), "SPOT_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn a_call_that_dies_in_the_middle_goes_on_where_it_stopped() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    // The provider falls silent at the first occurrence: nobody knows, so the call fails.
    let request = proto::CreateBookingSeriesRequest {
        payment_method: "lost".to_owned(),
        ..daily(&town, 0, 2, 4)
    };
    let mut calls = 0;
    let told = loop {
        calls += 1;
        match anna.create_booking_series(request.clone()).await {
            Ok(answer) => break answer.into_inner().occurrences,
            Err(status) if status.code() == Code::DeadlineExceeded => {}
            Err(status) => assert_eq!(reason::<()>(Err(status)), "PAYMENT_UNKNOWN"),
        }
        assert!(live(&town).await <= 3 && calls < 10);
    };
    assert!(calls > 1, "it failed at least once");
    assert_eq!(reasons(&told), ["", "", ""]);
    assert_eq!(live(&town).await, 3);
    let mut keys = town.payment.till.asked.lock().unwrap().clone();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "one authorisation each, however often it was asked for");
    // As if the process had died before it kept the answer: the same bookings are found again.
    sqlx::query("DELETE FROM request WHERE request_id = $1::uuid")
        .bind(&request.request_id)
        .execute(&town.world.pool)
        .await
        .unwrap();
    assert_eq!(book(&mut anna, &request).await, told);
    assert_eq!(live(&town).await, 3);
    town.world.stop().await;
}

#[tokio::test]
async fn after_a_declined_card_no_further_occurrence_is_tried_and_nothing_stays_behind() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let declined = proto::CreateBookingSeriesRequest {
        payment_method: "declined".to_owned(),
        ..daily(&town, 0, 1, 4)
    };
    let told = book(&mut anna, &declined).await;
    assert_eq!(reasons(&told), ["PAYMENT_DECLINED"; 4]);
    assert_eq!((live(&town).await, town.payment.asked()), (0, 1));
    assert_eq!(book(&mut anna, &declined).await, told);
    // What lies in the past is refused like any window.
    let past = book(&mut anna, &daily(&town, 0, -1, 1)).await;
    assert_eq!(past[0].reason, "WINDOW_PAST");
    assert!(past[2].booking.is_some());
    let start = past[2].window.unwrap().start_time.unwrap();
    assert!(from_proto(&start).unwrap() > town.world.clock.now());
    town.world.stop().await;
}
