//! Another end, another window, another spot: guarded as a new booking, and paid for first.

use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::booking::v1::check_in_request::Key;
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::money::Money;
use parkmesh_testkit::eventually;
use tonic::{Response, Status};
use tonic_types::StatusExt;

use crate::booking_world::{Bookings, Town, confirm, held, reason};
use crate::world::request_id;

pub fn extend(
    town: &Town,
    booking: &proto::Booking,
    end: i64,
    card: &str,
) -> proto::ExtendBookingRequest {
    let end_time = town.window_from(start_of(booking), 0, end).end_time;
    proto::ExtendBookingRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        end_time,
        payment_method: card.to_owned(),
    }
}

fn start_of(booking: &proto::Booking) -> jiff::Timestamp {
    let window = booking.window.unwrap();
    parkmesh_contracts::time::from_proto(&window.start_time.unwrap()).unwrap()
}

fn move_to(
    town: &Town,
    booking: &proto::Booking,
    spot: Option<usize>,
    window: Option<Window>,
) -> proto::MoveBookingRequest {
    let spot = spot.map(|spot| {
        let spot = &town.place.spots[spot];
        proto::SpotChoice { spot_id: spot.spot_id.clone(), spot_version: spot.version }
    });
    proto::MoveBookingRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        spot,
        window,
        disability_permit: false,
        payment_method: String::new(),
    }
}

async fn extended(anna: &mut Bookings, request: proto::ExtendBookingRequest) -> proto::Booking {
    anna.extend_booking(request).await.unwrap().into_inner().booking.unwrap()
}

async fn moved(anna: &mut Bookings, request: proto::MoveBookingRequest) -> proto::Booking {
    anna.move_booking(request).await.unwrap().into_inner().booking.unwrap()
}

fn minor(money: Option<parkmesh_contracts::google::r#type::Money>) -> i64 {
    Money::try_from(&money.unwrap()).unwrap().minor
}

pub async fn check_in(client: &mut Bookings, booking: &proto::Booking) -> proto::Booking {
    let key = Some(Key::BookingId(booking.booking_id.clone()));
    let request = proto::CheckInRequest { request_id: request_id(), key };
    client.check_in(request).await.unwrap().into_inner().booking.unwrap()
}

fn field<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    let status = answer.unwrap_err();
    status.get_details_bad_request().unwrap().field_violations[0].field.clone()
}

#[tokio::test]
async fn an_extension_pays_the_difference_first_and_a_repetition_is_the_same() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let request = extend(&town, &booking, 150, "");
    let longer = extended(&mut anna, request.clone()).await;
    assert_eq!(longer.state(), BookingState::Reserved);
    assert_eq!(longer.window.unwrap().end_time, request.end_time);
    // Half an hour more begins a third hour at 2.50.
    assert_eq!(minor(longer.quote.as_ref().unwrap().amount.clone()), 750);
    assert_eq!(longer.payment_id, booking.payment_id);
    let beside = town.payment.beside();
    assert_eq!((beside.len(), beside[0].0), (1, 500));
    assert_eq!(extended(&mut anna, request).await, longer);
    assert_eq!(town.payment.beside().len(), 1);
    let facts = town.facts_of(&booking.booking_id, 3).await;
    assert_eq!(facts[2], (3, "extended".to_owned()));
    town.world.stop().await;
}

#[tokio::test]
async fn an_extension_within_a_paid_hour_costs_nothing_and_asks_nobody() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 90).await;
    let longer = extended(&mut anna, extend(&town, &booking, 60, "")).await;
    assert_eq!(minor(longer.quote.unwrap().amount), 250);
    assert_eq!(town.payment.asked(), 1);
    town.world.stop().await;
}

#[tokio::test]
async fn a_session_is_extended_until_the_next_booking_and_not_into_it() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    check_in(&mut anna, &booking).await;
    town.reserve(&mut ben, 0, 120, 180).await;
    let answer = anna.extend_booking(extend(&town, &booking, 121, "")).await.unwrap_err();
    assert_eq!(reason::<()>(Err(answer)), "SPOT_TAKEN");
    let longer = extended(&mut anna, extend(&town, &booking, 120, "")).await;
    assert_eq!(longer.state(), BookingState::Active);
    assert_eq!(town.payment.beside().len(), 1, "nothing was set aside for what was refused");
    // Its session ends with the new window, not with the old one.
    town.advance(110);
    let read = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    let now = anna.get_booking(read).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(now.state(), BookingState::Active);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn who_is_refused_before_arrival_is_told_what_else_is_free_for_the_whole_window() {
    let town = Town::with(2, true).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    town.reserve(&mut ben, 0, 120, 180).await;
    let status = anna.extend_booking(extend(&town, &booking, 90, "")).await.unwrap_err();
    let details = String::from_utf8_lossy(status.details()).into_owned();
    assert!(details.contains(&town.place.spots[1].spot_id), "{status:?}");
    assert_eq!(reason::<()>(Err(status)), "SPOT_TAKEN");
    town.world.stop().await;
}

#[tokio::test]
async fn a_lapsed_hold_is_in_nobodys_way_with_the_clockwork_off() {
    let town = Town::with(3, false).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let after = held(ben.hold_spot(town.hold(0, 120, 180)).await);
    held(ben.hold_spot(town.hold(1, 60, 180)).await);
    town.advance(16);
    let longer = extended(&mut anna, extend(&town, &booking, 120, "")).await;
    moved(&mut anna, move_to(&town, &longer, Some(1), None)).await;
    let facts = town.facts_of(&after.booking_id, 2).await;
    assert_eq!(facts[1], (2, "expired".to_owned()));
    town.world.stop().await;
}

#[tokio::test]
async fn a_declined_difference_changes_nothing_and_another_card_may_pay() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let request = extend(&town, &booking, 120, "declined");
    for _again in 0..2 {
        assert_eq!(reason(anna.extend_booking(request.clone()).await), "PAYMENT_DECLINED");
    }
    let read = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    let now = anna.get_booking(read).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(now, booking);
    extended(&mut anna, extend(&town, &booking, 120, "ok")).await;
    town.world.stop().await;
}

#[tokio::test]
async fn a_silent_payment_is_asked_again_by_the_same_id_and_no_other_change_comes_between() {
    let town = Town::with(3, false).await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let request = extend(&town, &booking, 120, "lost");
    assert_eq!(reason(anna.extend_booking(request.clone()).await), "PAYMENT_UNKNOWN");
    let other = anna.extend_booking(extend(&town, &booking, 180, "ok")).await;
    assert_eq!(reason(other), "PAYMENT_UNKNOWN");
    extended(&mut anna, request).await;
    let asked = town.payment.till.asked.lock().unwrap().clone();
    assert_eq!(asked[1], asked[2]);
    assert_eq!(asked.len(), 3);
    assert!(town.payment.voided().is_empty());
    town.world.stop().await;
}

#[tokio::test]
async fn money_for_a_change_that_nobody_finished_is_given_back_and_the_change_does_not_come() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let request = extend(&town, &booking, 120, "lost");
    assert_eq!(reason(anna.extend_booking(request.clone()).await), "PAYMENT_UNKNOWN");
    town.advance(1);
    eventually("the money to come back", || async {
        (town.payment.voided().len() == 1).then_some(())
    })
    .await;
    assert_eq!(town.payment.voided()[0], town.payment.beside()[0].1);
    assert_eq!(reason(anna.extend_booking(request.clone()).await), "CHANGE_LAPSED");
    extended(&mut anna, extend(&town, &booking, 120, "ok")).await;
    // Nobody is advised to ask anew for what has ended meanwhile.
    let booking_id = booking.booking_id.clone();
    let cancel = proto::CancelBookingRequest { request_id: request_id(), booking_id };
    anna.cancel_booking(cancel).await.unwrap();
    assert_eq!(reason(anna.extend_booking(request).await), "BOOKING_STATE_WRONG");
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_made_while_payment_thinks_wins_and_the_money_goes_back() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let extending = {
        let (mut anna, request) = (anna.clone(), extend(&town, &booking, 120, "gate"));
        async move { anna.extend_booking(request).await }
    };
    let holding = async {
        eventually("payment is asked", || async { (town.payment.asked() == 2).then_some(()) })
            .await;
        held(ben.hold_spot(town.hold(0, 130, 200)).await);
        town.payment.gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(extending, holding);
    assert_eq!(reason(answer), "SPOT_TAKEN");
    eventually("the money to come back", || async {
        (town.payment.voided().len() == 1).then_some(())
    })
    .await;
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_that_is_cancelled_while_payment_thinks_stays_cancelled() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let moving = {
        let mut request = move_to(&town, &booking, Some(1), Some(town.window(60, 180)));
        request.payment_method = "gate".to_owned();
        let mut anna = anna.clone();
        async move { anna.move_booking(request).await }
    };
    let cancelling = async {
        eventually("payment is asked", || async { (town.payment.asked() == 2).then_some(()) })
            .await;
        let booking_id = booking.booking_id.clone();
        let request = proto::CancelBookingRequest { request_id: request_id(), booking_id };
        anna.cancel_booking(request).await.unwrap();
        town.payment.gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(moving, cancelling);
    assert_eq!(reason(answer), "BOOKING_STATE_WRONG");
    eventually("the money to come back", || async {
        (town.payment.voided().len() == 1).then_some(())
    })
    .await;
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_extension_and_a_hold_behind_it_exactly_one_wins() {
    let town = Town::with(1, false).await;
    let (mut anna, ben) = (town.driver("anna").await, town.driver("ben").await);
    for round in 0..12_i64 {
        let zero = round * 300 + 60;
        let booking = town.reserve(&mut anna, 0, zero, zero + 30).await;
        // Within the paid hour: payment is not asked, and both are one transaction.
        let extending = {
            let (mut anna, request) = (anna.clone(), extend(&town, &booking, 60, ""));
            async move { anna.extend_booking(request).await.map(drop) }
        };
        let holding = {
            let (mut ben, request) = (ben.clone(), town.hold(0, zero + 31, zero + 90));
            async move { ben.hold_spot(request).await }
        };
        let (extended, held) = tokio::join!(extending, holding);
        assert!(extended.is_ok() != held.is_ok(), "{round}: {extended:?} {held:?}");
        if let Ok(held) = held {
            let booking_id = held.into_inner().booking.unwrap().booking_id;
            let request = proto::CancelBookingRequest { request_id: request_id(), booking_id };
            ben.clone().cancel_booking(request).await.unwrap();
        } else {
            assert_eq!(reason(held), "SPOT_TAKEN");
        }
    }
    assert_eq!((town.double_bookings().await, town.deadlocks().await), (0, 0));
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_crowd_that_moves_to_one_spot_one_gets_there_without_a_deadlock() {
    let town = Town::with(9, false).await;
    let mut bookings = Vec::new();
    for driver in 0..8 {
        let mut client = town.driver(&format!("driver{driver}")).await;
        let booking = town.reserve(&mut client, driver, 60, 120).await;
        bookings.push((client, booking));
    }
    let moves = bookings.iter().map(|(client, booking)| {
        let (mut client, request) = (client.clone(), move_to(&town, booking, Some(8), None));
        async move { client.move_booking(request).await }
    });
    let answers = futures_util::future::join_all(moves).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter(Result::is_err) {
        assert_eq!(reason(refused), "SPOT_TAKEN");
    }
    assert_eq!((town.double_bookings().await, town.deadlocks().await), (0, 0));
    town.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_and_a_cancellation_at_once_leave_one_free_spot_or_two() {
    let town = Town::with(2, false).await;
    let mut anna = town.driver("anna").await;
    for round in 0..8_i64 {
        let zero = round * 200 + 60;
        let booking = town.reserve(&mut anna, 0, zero, zero + 60).await;
        let moving = {
            let (mut anna, request) = (anna.clone(), move_to(&town, &booking, Some(1), None));
            async move { anna.move_booking(request).await }
        };
        let booking_id = booking.booking_id.clone();
        let request = proto::CancelBookingRequest { request_id: request_id(), booking_id };
        let (moved, cancelled) = tokio::join!(moving, anna.cancel_booking(request));
        let cancelled = cancelled.unwrap().into_inner().booking.unwrap();
        assert_eq!(cancelled.state(), BookingState::Cancelled);
        let spot = if moved.is_ok() { 1 } else { 0 };
        assert_eq!(cancelled.spot_id, town.place.spots[spot].spot_id);
        if moved.is_err() {
            assert_eq!(reason(moved), "BOOKING_STATE_WRONG");
        }
        let mut ben = town.driver("ben").await;
        for spot in 0..2 {
            let free = held(ben.hold_spot(town.hold(spot, zero, zero + 60)).await);
            let booking_id = free.booking_id;
            let request = proto::CancelBookingRequest { request_id: request_id(), booking_id };
            ben.cancel_booking(request).await.unwrap();
        }
    }
    town.world.stop().await;
}

#[tokio::test]
async fn a_move_frees_the_old_spot_and_takes_the_new_one_for_its_window() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let request = move_to(&town, &booking, Some(1), Some(town.window(90, 210)));
    let there = moved(&mut anna, request.clone()).await;
    assert_eq!(there.spot_id, town.place.spots[1].spot_id);
    assert_eq!((there.window, there.code.clone()), (request.window, booking.code.clone()));
    assert_eq!(town.payment.beside()[0].0, 250);
    held(ben.hold_spot(town.hold(0, 60, 120)).await);
    assert_eq!(reason(ben.hold_spot(town.hold(1, 200, 230)).await), "SPOT_TAKEN");
    // Overlapping its own old window, on the same spot.
    moved(&mut anna, move_to(&town, &there, None, Some(town.window(120, 240)))).await;
    let facts = town.facts_of(&booking.booking_id, 4).await;
    assert_eq!((facts[2].1.as_str(), facts[3].1.as_str()), ("moved", "moved"));
    assert_eq!(moved(&mut anna, request).await, there, "a repetition is the first answer");
    town.world.stop().await;
}

#[tokio::test]
async fn the_turnaround_of_a_booking_moves_with_it() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    sqlx::query("UPDATE lot SET turnaround_seconds = 600").execute(&town.world.pool).await.unwrap();
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    sqlx::query("UPDATE lot SET turnaround_seconds = 0").execute(&town.world.pool).await.unwrap();
    town.reserve(&mut ben, 0, 185, 240).await;
    assert_eq!(reason(anna.extend_booking(extend(&town, &booking, 116, "")).await), "SPOT_TAKEN");
    extended(&mut anna, extend(&town, &booking, 114, "")).await;
    town.world.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_field_or_reason() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let earlier = anna.extend_booking(extend(&town, &booking, 60, "")).await;
    assert_eq!(reason(earlier.as_ref().map_err(Clone::clone)), "WINDOW_INVALID");
    assert_eq!(field(earlier), "end_time");
    let month = extend(&town, &booking, 31 * 24 * 60, "");
    assert_eq!(field(anna.extend_booking(month).await), "window");
    assert_eq!(field(anna.move_booking(move_to(&town, &booking, None, None)).await), "spot");
    let past = move_to(&town, &booking, None, Some(town.window(-30, 60)));
    assert_eq!(reason(anna.move_booking(past).await), "WINDOW_PAST");
    let mut stale = move_to(&town, &booking, Some(1), None);
    stale.spot.as_mut().unwrap().spot_version += 1;
    assert_eq!(reason(anna.move_booking(stale).await), "SPOT_VERSION_STALE");
    // Somebody else's booking is not there.
    let others = ben.move_booking(move_to(&town, &booking, Some(1), None)).await;
    assert_eq!(reason(others), "BOOKING_NOT_FOUND");
    // Only what is reserved moves; a hold is held anew.
    let hold = held(anna.hold_spot(town.hold(2, 60, 120)).await);
    let refused = anna.move_booking(move_to(&town, &hold, Some(3), None)).await;
    assert_eq!(reason(refused), "BOOKING_STATE_WRONG");
    let reused = extend(&town, &booking, 90, "");
    extended(&mut anna, reused.clone()).await;
    let mut other = reused;
    other.end_time = town.window(0, 600).end_time;
    assert_eq!(reason(anna.extend_booking(other).await), "REQUEST_ID_REUSED");
    town.world.stop().await;
}

#[tokio::test]
async fn an_extension_goes_on_when_its_caller_goes_away() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    let mut request = tonic::Request::new(extend(&town, &booking, 120, "gate"));
    request.set_timeout(Duration::from_millis(300));
    anna.extend_booking(request).await.unwrap_err();
    town.payment.gate.add_permits(1);
    let facts = town.facts_of(&booking.booking_id, 3).await;
    assert_eq!(facts[2].1, "extended");
    assert!(town.payment.voided().is_empty());
    let again = anna.confirm_booking(confirm(&booking, "ok")).await;
    assert_eq!(reason(again), "BOOKING_STATE_WRONG");
    town.world.stop().await;
}
