//! Tickets of an allotment: each number once, the lowest free one first, and every last one sold.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_platform::fault::reason_of;
use tonic::Status;

use crate::booking_world::{Bookings, Town};
use crate::tariffs::euros;
use crate::world::request_id;

async fn allot(town: &Town, capacity: i32) -> proto::Allotment {
    let now = town.world.clock.now();
    let request = proto::CreateAllotmentRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        name: "Concert".to_owned(),
        window: Some(town.window_from(now, 600, 900)),
        capacity,
        ticket_price: euros(900),
    };
    let mut operator = town.world.operator("op").await;
    let made = operator.create_allotment(request.clone()).await.unwrap().into_inner();
    let again = operator.create_allotment(request).await.unwrap().into_inner();
    assert_eq!(made, again, "the same request makes the same allotment");
    made.allotment.unwrap()
}

fn ask(allotment: &proto::Allotment) -> proto::ReserveTicketRequest {
    proto::ReserveTicketRequest {
        request_id: request_id(),
        allotment_id: allotment.allotment_id.clone(),
        plate: String::new(),
    }
}

async fn buy(
    driver: &mut Bookings,
    allotment: &proto::Allotment,
) -> Result<proto::Booking, Status> {
    let answer = driver.reserve_ticket(ask(allotment)).await?;
    Ok(answer.into_inner().booking.unwrap())
}

async fn taken(town: &Town, allotment: &proto::Allotment) -> i32 {
    let request = proto::GetAllotmentRequest { allotment_id: allotment.allotment_id.clone() };
    let mut operator = town.world.operator("op").await;
    operator.get_allotment(request).await.unwrap().into_inner().allotment.unwrap().taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_tickets_are_sold_to_a_crowd_each_number_once() {
    let town = Town::start().await;
    let allotment = allot(&town, 120).await;
    let mut drivers = Vec::new();
    for number in 0..200 {
        drivers.push(town.driver(&format!("driver-{number}")).await);
    }
    let calls = drivers.iter_mut().map(|driver| buy(driver, &allotment));
    let answers = join_all(calls).await;
    let numbers: Vec<i32> = answers.iter().flatten().map(|ticket| ticket.ticket_number).collect();
    assert_eq!(numbers.len(), 120);
    assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), (1..=120).collect());
    for status in answers.into_iter().filter_map(Result::err) {
        assert_eq!(reason_of(&status).as_deref(), Some("SOLD_OUT"), "{status:?}");
    }
    assert_eq!(taken(&town, &allotment).await, 120);
    town.world.stop().await;
}

#[tokio::test]
async fn numbers_ascend_and_what_is_given_back_is_sold_again() {
    let town = Town::start().await;
    let allotment = allot(&town, 2).await;
    let mut drivers = Vec::new();
    for name in ["anna", "ben", "cleo"] {
        drivers.push(town.driver(name).await);
    }
    let first = buy(&mut drivers[0], &allotment).await.unwrap();
    let second = buy(&mut drivers[1], &allotment).await.unwrap();
    assert_eq!((first.ticket_number, second.ticket_number), (1, 2));
    assert_eq!(first.state(), BookingState::Held);
    assert_eq!((first.spot_id.as_str(), first.quote.unwrap().amount), ("", euros(900)));
    let refused = buy(&mut drivers[2], &allotment).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("SOLD_OUT"));
    let back = proto::CancelBookingRequest {
        request_id: request_id(),
        booking_id: first.booking_id.clone(),
    };
    drivers[0].cancel_booking(back).await.unwrap();
    assert_eq!(buy(&mut drivers[2], &allotment).await.unwrap().ticket_number, 1);
    town.world.stop().await;
}

#[tokio::test]
async fn a_lapsed_ticket_blocks_nobody_with_the_clockwork_off_and_a_repetition_is_the_same_ticket()
{
    let town = Town::with(1, false).await;
    let allotment = allot(&town, 1).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let request = ask(&allotment);
    let first = anna.reserve_ticket(request.clone()).await.unwrap().into_inner();
    assert_eq!(anna.reserve_ticket(request.clone()).await.unwrap().into_inner(), first);
    town.advance(30);
    let second = buy(&mut ben, &allotment).await.unwrap();
    assert_eq!(second.ticket_number, 1);
    assert_eq!(anna.reserve_ticket(request).await.unwrap().into_inner(), first);
    assert_eq!(town.facts_of(&first.booking.unwrap().booking_id, 2).await[1].1, "expired");
    town.world.stop().await;
}

#[tokio::test]
async fn a_ticket_is_paid_used_and_ended_like_a_spot() {
    let town = Town::start().await;
    let allotment = allot(&town, 5).await;
    let mut anna = town.driver("anna").await;
    let ticket = buy(&mut anna, &allotment).await.unwrap();
    let booking_id = ticket.booking_id;
    let confirm = proto::ConfirmBookingRequest {
        request_id: request_id(),
        booking_id: booking_id.clone(),
        payment_method: "ok".to_owned(),
    };
    let reserved = anna.confirm_booking(confirm).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(reserved.state(), BookingState::Reserved);
    town.advance(610);
    let key = proto::check_in_request::Key::BookingId(booking_id.clone());
    let arrived = proto::CheckInRequest { request_id: request_id(), key: Some(key) };
    anna.check_in(arrived).await.unwrap();
    let end = proto::EndSessionRequest { request_id: request_id(), booking_id };
    let ended = anna.end_session(end).await.unwrap().into_inner().booking.unwrap();
    assert_eq!((ended.state(), ended.final_amount), (BookingState::Completed, euros(900)));
    town.world.stop().await;
}

#[tokio::test]
async fn allotments_are_made_by_the_lots_operator_and_listed() {
    let town = Town::start().await;
    let (first, second) = (allot(&town, 1).await, allot(&town, 2).await);
    let lot_id = town.place.lot.lot_id.clone();
    let mut operator = town.world.operator("op").await;
    let list = proto::ListAllotmentsRequest { lot_id, page_size: 1, ..Default::default() };
    let page = operator.list_allotments(list.clone()).await.unwrap().into_inner();
    assert_eq!(page.allotments, [second]);
    let next = proto::ListAllotmentsRequest { page_token: page.next_page_token, ..list };
    let page = operator.list_allotments(next).await.unwrap().into_inner();
    assert_eq!((page.allotments, page.next_page_token.as_str()), (vec![first.clone()], ""));
    let stranger = proto::CreateAllotmentRequest {
        request_id: request_id(),
        lot_id: first.lot_id.clone(),
        name: "Mine".to_owned(),
        window: first.window,
        capacity: 1,
        ticket_price: euros(1),
    };
    let mut other = town.world.operator("other").await;
    let refused = other.create_allotment(stranger).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("LOT_NOT_FOUND"));
    town.world.stop().await;
}
