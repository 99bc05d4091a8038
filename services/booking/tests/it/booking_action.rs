//! Cards whose bank wants its owner to act first: the hold waits, and goes on by itself.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::payment::v1::PaymentActionFinished;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_testkit::eventually;

use crate::booking_relocate::{fact_of, read};
use crate::booking_world::{Acted, Bookings, Town, confirm, held, reason};

fn act(town: &Town, acted: Acted) {
    town.payment.till.acts.lock().unwrap().1 = acted;
}

/// Waits until the booking stands so.
pub async fn comes_to(
    client: &Bookings,
    booking: &proto::Booking,
    wanted: impl Fn(&proto::Booking) -> bool,
) -> proto::Booking {
    eventually("the booking", || async {
        Some(read(&mut client.clone(), booking).await).filter(&wanted)
    })
    .await
}

/// The next look at payment is due.
fn soon(town: &Town) {
    town.world.clock.advance(SignedDuration::from_secs(6));
}

/// A hold whose driver is at their bank's page, and the request that led there.
async fn waiting(
    town: &Town,
    anna: &mut Bookings,
    spot: usize,
) -> (proto::Booking, proto::ConfirmBookingRequest, proto::ConfirmBookingResponse) {
    let booking = held(anna.hold_spot(town.hold(spot, 60, 120)).await);
    let request = confirm(&booking, "acts");
    let answer = anna.confirm_booking(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.booking.as_ref().unwrap().state(), BookingState::Held);
    (booking, request, answer)
}

#[tokio::test]
async fn a_driver_who_accepts_has_the_spot_reserved_without_calling_again() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let (booking, request, first) = waiting(&town, &mut anna, 0).await;
    let action = first.payment_action.clone().unwrap();
    assert_eq!(action.action_url, "https://bank.example/act");
    assert_eq!(anna.confirm_booking(request.clone()).await.unwrap().into_inner(), first);
    soon(&town);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Held);
    act(&town, Acted::Accepted);
    soon(&town);
    let reserved = comes_to(&anna, &booking, |now| now.state() == BookingState::Reserved).await;
    assert!(!reserved.payment_id.is_empty());
    let facts = town.facts_of(&booking.booking_id, 2).await;
    assert_eq!(
        facts.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
        ["held", "reserved"]
    );
    assert_eq!(anna.confirm_booking(request).await.unwrap().into_inner(), first, "to the byte");
    assert_eq!(reason(anna.confirm_booking(confirm(&booking, "ok")).await), "BOOKING_STATE_WRONG");
    assert!(town.payment.voided().is_empty());
    town.world.stop().await;
}

#[tokio::test]
async fn payments_fact_has_the_booking_go_on_at_once() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let (booking, ..) = waiting(&town, &mut anna, 0).await;
    act(&town, Acted::Accepted);
    let payment_id = town.world.ids.next::<uuid::Uuid>();
    let fact = PaymentActionFinished {
        lot_id: booking.lot_id.clone(),
        version: 2,
        payment_id: payment_id.to_string(),
        booking_id: booking.booking_id.clone(),
    };
    let row = Row::of(&town.world.ids, town.world.clock.now(), payment_id, 2, &fact);
    let mut connection = town.world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[row]).await.unwrap();
    comes_to(&anna, &booking, |now| now.state() == BookingState::Reserved).await;
    town.world.stop().await;
}

#[tokio::test]
async fn a_refusal_leaves_a_hold_for_another_card_and_gives_back_what_one_call_took() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let (booking, ..) = waiting(&town, &mut anna, 0).await;
    let hold = town.hold(1, 60, 120);
    let proto::hold_spot_request::Choice::Spot(spot) = hold.choice.unwrap() else { panic!() };
    let create = proto::CreateBookingRequest {
        request_id: hold.request_id,
        choice: Some(proto::create_booking_request::Choice::Spot(spot)),
        window: hold.window,
        plate: hold.plate,
        payment_method: "acts".to_owned(),
        ..Default::default()
    };
    let made = anna.create_booking(create.clone()).await.unwrap().into_inner();
    assert!(made.payment_action.is_some());
    act(&town, Acted::Refused);
    soon(&town);
    let refused = comes_to(&anna, &booking, |now| !now.decline_code.is_empty()).await;
    assert_eq!(
        (refused.state(), &*refused.decline_code),
        (BookingState::Held, "authentication_failed")
    );
    let created = made.booking.clone().unwrap();
    let gone = comes_to(&anna, &created, |now| now.state() == BookingState::Cancelled).await;
    assert_eq!(gone.decline_code, "authentication_failed");
    assert_eq!(anna.create_booking(create).await.unwrap().into_inner(), made, "as the first time");
    let paid = anna.confirm_booking(confirm(&booking, "ok")).await.unwrap().into_inner();
    assert_eq!(paid.booking.unwrap().state(), BookingState::Reserved);
    town.world.stop().await;
}

#[tokio::test]
async fn whoever_watches_learns_that_the_bank_said_no() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let (booking, ..) = waiting(&town, &mut anna, 0).await;
    // The hold lives on the time that was given for acting alone.
    town.advance(9);
    let booking_id = booking.booking_id.clone();
    let asked = proto::WatchBookingRequest { booking_id, after_version: booking.version };
    let mut watch = anna.watch_booking(asked).await.unwrap().into_inner();
    act(&town, Acted::Refused);
    soon(&town);
    let told = loop {
        let next = watch.message().await.unwrap().unwrap();
        // The rest are heartbeats.
        if let Some(told) = next.booking {
            break told;
        }
    };
    assert_eq!((told.state(), &*told.decline_code), (BookingState::Held, "authentication_failed"));
    assert_eq!(told.version, booking.version + 1);
    let facts = town.facts_of(&booking.booking_id, 2).await;
    assert_eq!(facts, [(1, "held".to_owned()), (2, "payment_declined".to_owned())]);
    let told: proto::BookingPaymentDeclined = fact_of(&town, &booking).await;
    assert_eq!(told.decline_code, "authentication_failed");
    assert!(told.hold_expire_time.is_some());
    town.world.stop().await;
}

#[tokio::test]
async fn a_hold_is_kept_for_its_driver_to_act_and_for_no_longer() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = held(anna.hold_spot(town.hold(0, 60, 120)).await);
    // Nine of the ten minutes are over; the bank waits for ten more.
    town.advance(9);
    let until = town.world.clock.now() + SignedDuration::from_mins(10);
    town.payment.till.acts.lock().unwrap().0 = until;
    let answer = anna.confirm_booking(confirm(&booking, "acts")).await.unwrap().into_inner();
    let told = answer.payment_action.unwrap().expire_time;
    assert_eq!(told, Some(to_proto(until)));
    town.advance(9);
    let mut ben = town.driver("ben").await;
    assert_eq!(reason(ben.hold_spot(town.hold(0, 60, 120)).await), "SPOT_TAKEN");
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Held);
    town.advance(2);
    comes_to(&anna, &booking, |now| now.state() == BookingState::Expired).await;
    ben.hold_spot(town.hold(0, 60, 120)).await.unwrap();
    act(&town, Acted::Accepted);
    soon(&town);
    eventually("what came too late is given back", || async {
        (!town.payment.voided().is_empty()).then_some(())
    })
    .await;
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Expired);
    town.world.stop().await;
}

#[tokio::test]
async fn another_card_takes_the_place_of_one_whose_driver_has_not_acted() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let (booking, ..) = waiting(&town, &mut anna, 0).await;
    let paid = anna.confirm_booking(confirm(&booking, "ok")).await.unwrap().into_inner();
    let paid = paid.booking.unwrap();
    assert_eq!(paid.state(), BookingState::Reserved);
    act(&town, Acted::Refused);
    soon(&town);
    eventually("nothing waits any more", || async {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_action")
            .fetch_one(&town.world.pool)
            .await
            .unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    assert_eq!(read(&mut anna, &booking).await, paid);
    assert!(town.payment.voided().is_empty());
    town.world.stop().await;
}
