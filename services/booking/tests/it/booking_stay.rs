//! Arriving, staying, leaving, giving back; and who may see and do it.

use std::time::Duration;

use parkmesh_booking::{Config, WatchLimits};
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::booking::v1::check_in_request::Key;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::fault::reason_of;
use tonic::Code;
use tonic_types::StatusExt;

use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::world::request_id;

pub fn check_in(booking: &proto::Booking) -> proto::CheckInRequest {
    let key = Some(Key::BookingId(booking.booking_id.clone()));
    proto::CheckInRequest { request_id: request_id(), key }
}

fn by_code(booking: &proto::Booking) -> proto::CheckInRequest {
    let key = Some(Key::Code(booking.code.to_lowercase()));
    proto::CheckInRequest { request_id: request_id(), key }
}

fn end(booking: &proto::Booking) -> proto::EndSessionRequest {
    let booking_id = booking.booking_id.clone();
    proto::EndSessionRequest { request_id: request_id(), booking_id }
}

fn cancel(booking: &proto::Booking) -> proto::CancelBookingRequest {
    let booking_id = booking.booking_id.clone();
    proto::CancelBookingRequest { request_id: request_id(), booking_id }
}

async fn read(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    client.get_booking(asked).await.unwrap().into_inner().booking.unwrap()
}

#[tokio::test]
async fn a_stay_goes_from_check_in_to_the_amount_by_started_hours() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 240).await;
    town.advance(61);
    let request = check_in(&booking);
    let first = anna.check_in(request.clone()).await.unwrap().into_inner();
    let active = first.booking.clone().unwrap();
    assert_eq!(active.state(), BookingState::Active);
    assert_eq!(anna.check_in(request).await.unwrap().into_inner(), first);
    // A second tap is no mistake.
    let tapped = anna.check_in(check_in(&booking)).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(tapped, active);
    town.advance(70);
    let ended = anna.end_session(end(&booking)).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(ended.state(), BookingState::Completed);
    let amount = ended.final_amount.unwrap();
    assert_eq!((amount.units, amount.nanos), (5, 0));
    let facts = town.facts_of(&booking.booking_id, 4).await;
    let names: Vec<_> = facts.iter().map(|(version, name)| (*version, name.as_str())).collect();
    assert_eq!(names, [(1, "held"), (2, "reserved"), (3, "activated"), (4, "completed")]);
    town.world.stop().await;
}

#[tokio::test]
async fn an_early_car_gets_in_when_the_spot_is_free_and_waits_when_it_is_not() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let window = |start, end| town.window_from(now, start, end);
    let free = held(anna.hold_spot(town.hold_in(0, window(60, 120))).await);
    anna.confirm_booking(confirm(&free, "ok")).await.unwrap();
    let blocked = held(anna.hold_spot(town.hold_in(1, window(60, 120))).await);
    anna.confirm_booking(confirm(&blocked, "ok")).await.unwrap();
    let before = held(ben.hold_spot(town.hold_in(1, window(0, 60))).await);
    ben.confirm_booking(confirm(&before, "ok")).await.unwrap();
    ben.check_in(check_in(&before)).await.unwrap();

    assert_eq!(reason(anna.check_in(check_in(&free)).await), "ARRIVAL_TOO_EARLY");
    town.advance(50);
    let early = anna.check_in(check_in(&free)).await.unwrap().into_inner().booking.unwrap();
    let kept = early.window.unwrap();
    assert_eq!(kept.start_time, early.arrive_time);
    assert_eq!(kept.end_time, window(60, 120).end_time);
    assert_eq!(early.quote.unwrap().window, free.window);
    let status = anna.check_in(check_in(&blocked)).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("ARRIVAL_TOO_EARLY"));
    assert!(status.get_details_error_info().unwrap().metadata.contains_key("from"));
    // The spot is free as soon as the other one has left.
    ben.end_session(end(&before)).await.unwrap();
    anna.check_in(check_in(&blocked)).await.unwrap();
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn a_kiosk_and_an_operator_of_the_lot_check_in_by_code_and_nobody_else() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let lot: LotId = town.place.lot.lot_id.parse().unwrap();
    let tokens = &town.world.tokens;
    let mut kiosk = town.client(&tokens.kiosk(lot)).await;
    let elsewhere = town.world.ids.next();
    let mut foreign_kiosk = town.client(&tokens.kiosk(elsewhere)).await;
    let mut operator = town.client(&tokens.operator("op", [lot])).await;
    let mut foreign_operator = town.client(&tokens.operator("other", [])).await;
    let mut ben = town.driver("ben").await;
    let one = town.reserve(&mut anna, 0, 5, 120).await;
    let two = town.reserve(&mut anna, 1, 5, 120).await;
    for stranger in [&mut ben, &mut foreign_kiosk, &mut foreign_operator] {
        assert_eq!(reason(stranger.check_in(by_code(&one)).await), "BOOKING_NOT_FOUND");
        assert_eq!(reason(stranger.check_in(check_in(&one)).await), "BOOKING_NOT_FOUND");
        let asked = proto::GetBookingRequest { booking_id: one.booking_id.clone() };
        let status = stranger.get_booking(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(reason(stranger.cancel_booking(cancel(&one)).await), "BOOKING_NOT_FOUND");
        assert_eq!(
            reason(stranger.confirm_booking(confirm(&one, "ok")).await),
            "BOOKING_NOT_FOUND"
        );
    }
    kiosk.check_in(by_code(&one)).await.unwrap();
    operator.check_in(by_code(&two)).await.unwrap();
    assert_eq!(read(&mut operator, &one).await.state(), BookingState::Active);
    let facts = town.facts_of(&two.booking_id, 3).await;
    assert_eq!(facts[2].1, "activated");
    town.world.stop().await;
}

#[tokio::test]
async fn what_is_cancelled_is_free_again_and_what_has_arrived_cannot_be() {
    let town = Town::start().await;
    let now = town.world.clock.now();
    let window = town.window_from(now, 5, 120);
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = held(anna.hold_spot(town.hold_in(0, window)).await);
    anna.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    let request = cancel(&booking);
    let first = anna.cancel_booking(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.booking.as_ref().unwrap().state(), BookingState::Cancelled);
    assert_eq!(anna.cancel_booking(request).await.unwrap().into_inner(), first);
    assert_eq!(reason(anna.cancel_booking(cancel(&booking)).await), "BOOKING_STATE_WRONG");
    let booking = held(ben.hold_spot(town.hold_in(0, window)).await);
    assert_eq!(reason(ben.check_in(check_in(&booking)).await), "BOOKING_STATE_WRONG");
    ben.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    ben.check_in(check_in(&booking)).await.unwrap();
    assert_eq!(reason(ben.cancel_booking(cancel(&booking)).await), "BOOKING_STATE_WRONG");
    town.world.stop().await;
}

#[tokio::test]
async fn the_clockwork_ends_holds_no_shows_and_sessions_left_open() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let hold = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let waiting = town.reserve(&mut anna, 1, 5, 120).await;
    let staying = town.reserve(&mut anna, 2, 5, 60).await;
    anna.check_in(check_in(&staying)).await.unwrap();
    town.advance(40);
    assert_eq!(town.facts_of(&hold.booking_id, 2).await[1].1, "expired");
    assert_eq!(town.facts_of(&waiting.booking_id, 3).await[2].1, "no_show");
    town.advance(40);
    assert_eq!(town.facts_of(&staying.booking_id, 4).await[3].1, "completed");
    let ended = read(&mut anna, &staying).await;
    // Left at the end and its grace, charged for what was authorised.
    let left = staying.window.unwrap().end_time.unwrap().seconds + 900;
    assert_eq!(ended.leave_time.unwrap().seconds, left);
    assert_eq!(ended.final_amount, staying.quote.unwrap().amount);
    town.world.stop().await;
}

#[tokio::test]
async fn bookings_are_listed_newest_first_to_their_owner_and_to_the_operator() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let mut made = Vec::new();
    for spot in 0..5 {
        made.push(town.reserve(&mut anna, spot, 60, 120).await.booking_id);
    }
    town.reserve(&mut ben, 6, 60, 120).await;
    made.reverse();
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = proto::ListBookingsRequest { page_size: 2, page_token, ..Default::default() };
        let page = anna.list_bookings(asked).await.unwrap().into_inner();
        seen.extend(page.bookings.into_iter().map(|booking| booking.booking_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, made);
    let lot_id = town.place.lot.lot_id.clone();
    let of_lot = proto::ListBookingsRequest { lot_id, ..Default::default() };
    let tokens = &town.world.tokens;
    let mut operator = town.client(&tokens.operator("op", [])).await;
    let page = operator.list_bookings(of_lot.clone()).await.unwrap().into_inner();
    assert_eq!(page.bookings.len(), 6);
    let held = proto::ListBookingsRequest { state: BookingState::Held.into(), ..of_lot.clone() };
    assert_eq!(operator.list_bookings(held).await.unwrap().into_inner().bookings.len(), 0);
    let mut other = town.client(&tokens.operator("other", [])).await;
    assert_eq!(reason(other.list_bookings(of_lot).await), "LOT_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn a_quote_keeps_nothing_and_adds_up() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let lot_id = town.place.lot.lot_id.clone();
    let window = Some(town.window(60, 181));
    let asked = proto::QuoteBookingRequest { lot_id, window, ..Default::default() };
    let quote = anna.quote_booking(asked.clone()).await.unwrap().into_inner().quote.unwrap();
    let amount = quote.amount.unwrap();
    assert_eq!((amount.units, amount.nanos, quote.tariff_version), (7, 500_000_000, 1));
    assert_eq!(quote.lines[0].quantity, 3);
    let nowhere = proto::QuoteBookingRequest { lot_id: request_id(), ..asked };
    assert_eq!(reason(anna.quote_booking(nowhere).await), "LOT_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn a_watch_tells_the_booking_and_every_change_of_it() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 5, 120)).await);
    let asked = |after_version| proto::WatchBookingRequest {
        booking_id: booking.booking_id.clone(),
        after_version,
    };
    let mut watch = anna.watch_booking(asked(0)).await.unwrap().into_inner();
    let mut resumed = anna.watch_booking(asked(1)).await.unwrap().into_inner();
    let now = watch.message().await.unwrap().unwrap().booking.unwrap();
    assert_eq!(now, booking);
    anna.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    for watch in [&mut watch, &mut resumed] {
        let next = watch.message().await.unwrap().unwrap().booking.unwrap();
        assert_eq!((next.version, next.state()), (2, BookingState::Reserved));
    }
    anna.check_in(check_in(&booking)).await.unwrap();
    let next = watch.message().await.unwrap().unwrap().booking.unwrap();
    assert_eq!((next.version, next.state()), (3, BookingState::Active));
    let mut ben = town.driver("ben").await;
    assert_eq!(reason(ben.watch_booking(asked(0)).await), "BOOKING_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_tell_each_others_watchers_and_end_each_booking_once() {
    let town = Town::with(30, true).await;
    let other = town.world.replica().await;
    let mut anna = town.driver("anna").await;
    let line = town.world.line_to(&other, &town.world.tokens.driver("anna")).await;
    let mut elsewhere = Bookings::new(line);
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    let booking_id = booking.booking_id.clone();
    let asked = proto::WatchBookingRequest { booking_id, after_version: 1 };
    let mut watch = elsewhere.watch_booking(asked).await.unwrap().into_inner();
    anna.confirm_booking(confirm(&booking, "ok")).await.unwrap();
    let told = watch.message().await.unwrap().unwrap().booking.unwrap();
    assert_eq!(told.state(), BookingState::Reserved);

    let mut holds = Vec::new();
    for number in 1..30 {
        let mut driver = town.driver(&format!("driver-{number}")).await;
        holds.push(held(driver.hold_spot(town.hold(number, 60, 120)).await));
    }
    town.advance(11);
    for hold in &holds {
        let facts = town.facts_of(&hold.booking_id, 2).await;
        assert_eq!(facts, [(1, "held".to_owned()), (2, "expired".to_owned())]);
    }
    drop(watch);
    other.stop().await;
    town.world.stop().await;
}

#[tokio::test]
async fn a_watch_has_a_pulse_and_ends_with_a_reason() {
    let watch = WatchLimits {
        heartbeat_period: Duration::from_millis(50),
        life_max: Duration::from_millis(400),
    };
    let town = Town::with_config(1, Config { watch, ..Config::default() }).await;
    let mut anna = town.driver("anna").await;
    let booking_id = held(anna.hold_spot(town.hold(0, 60, 120)).await).booking_id;
    let asked = proto::WatchBookingRequest { booking_id, after_version: 1 };
    let mut watch = anna.watch_booking(asked).await.unwrap().into_inner();
    let mut heartbeats = 0;
    let ended = loop {
        match watch.message().await {
            Ok(Some(message)) => {
                assert_eq!(message.booking, None);
                heartbeats += 1;
            }
            Ok(None) => panic!("the watch ended without a reason"),
            Err(status) => break status,
        }
    };
    assert!((2..=8).contains(&heartbeats), "{heartbeats}");
    assert_eq!(reason_of(&ended).as_deref(), Some("STREAM_EXPIRED"));
    town.world.stop().await;
}
