//! A person who is erased: what they booked stays, and nothing tells who it was.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::UserErased;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::notification::v1 as notification;
use parkmesh_contracts::payment::v1 as payment;
use parkmesh_eventbus::outbox;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::{eventually, recorded};
use sqlx::Row;
use uuid::Uuid;

use crate::booking_world::{Bookings, Town, held, reason};
use crate::waitlist_world::{join, leave, reserve_in};
use crate::world::{make_place, request_id};

fn erase(user_id: &str) -> proto::EraseUserRequest {
    proto::EraseUserRequest { request_id: request_id(), user_id: user_id.to_owned() }
}

async fn end(town: &Town, driver: &mut Bookings, booking: &proto::Booking) {
    let key = proto::check_in_request::Key::BookingId(booking.booking_id.clone());
    let asked = proto::CheckInRequest { request_id: request_id(), key: Some(key) };
    driver.check_in(asked).await.unwrap();
    town.advance(20);
    let booking_id = booking.booking_id.clone();
    let asked = proto::EndSessionRequest { request_id: request_id(), booking_id };
    driver.end_session(asked).await.unwrap();
}

async fn steps(client: &mut Bookings, erasure_id: &str) -> Vec<(String, bool)> {
    let asked = proto::GetErasureRequest { erasure_id: erasure_id.to_owned() };
    let erasure = client.get_erasure(asked).await.unwrap().into_inner().erasure.unwrap();
    let step = |step: proto::ErasureStep| (step.service, step.done_time.is_some());
    let mut steps: Vec<_> = erasure.steps.into_iter().map(step).collect();
    steps.sort();
    steps
}

/// Publishes a service's word; the relay of booking carries any.
async fn answer<F: Fact>(town: &Town, fact: &F) {
    let world = &town.world;
    let row = outbox::Row::of(&world.ids, world.clock.now(), world.ids.next(), 1, fact);
    let mut connection = world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[row]).await.unwrap();
}

#[tokio::test]
async fn what_was_booked_stays_and_nothing_tells_who_booked_it() {
    let town = Town::start().await;
    let mut anna = town.driver("anna-k").await;
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    let status = anna.erase_user(erase("")).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("USER_HAS_LIVE_BOOKINGS"));
    end(&town, &mut anna, &booking).await;
    // A hold that lapsed and that nobody has ended yet is no live booking.
    held(anna.hold_spot(town.hold(1, 60, 120)).await);
    assert_eq!(reason(anna.erase_user(erase("")).await), "USER_HAS_LIVE_BOOKINGS");
    town.advance(11);

    let request = erase("");
    let first = anna.erase_user(request.clone()).await.unwrap().into_inner();
    let erasure = first.erasure.clone().unwrap();
    assert_eq!(anna.erase_user(request).await.unwrap().into_inner(), first);
    let kept: Vec<String> = sqlx::query_scalar("SELECT to_jsonb(b)::text FROM booking AS b")
        .fetch_all(&town.world.pool)
        .await
        .unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|row| !row.contains("anna-k") && !row.contains("B-PM 1")));
    assert!(kept.iter().all(|row| row.contains("erased:")));
    let told: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM timeline AS t WHERE to_jsonb(t)::text LIKE '%anna-k%'",
    )
    .fetch_one(&town.world.pool)
    .await
    .unwrap();
    assert_eq!(told, 0);
    let answers: Vec<String> = sqlx::query("SELECT method FROM request WHERE subject = 'anna-k'")
        .fetch_all(&town.world.pool)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(answers, ["EraseUser"], "it is swept like all");
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    assert_eq!(reason(anna.get_booking(asked).await), "BOOKING_NOT_FOUND");

    // The operator still sees the booking and its story, and who it was not.
    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let asked = proto::ListBookingTimelineRequest {
        booking_id: booking.booking_id.clone(),
        ..Default::default()
    };
    let story = operator.list_booking_timeline(asked).await.unwrap().into_inner().entries;
    assert_eq!(story.len(), 4);
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id };
    let seen = operator.get_booking(asked).await.unwrap().into_inner().booking.unwrap();
    assert!(seen.user_id.starts_with("erased:") && seen.plate.is_empty());
    assert!(seen.final_amount.is_some());

    let facts = eventually("the fact", || async {
        let facts = recorded(&town.world.bus, "BOOKING").await;
        facts.into_iter().find(|fact| fact.fact_type == UserErased::TYPE)
    });
    let fact: UserErased = facts.await.decode().unwrap();
    assert_eq!((fact.user_id.as_str(), &fact.erasure_id), ("anna-k", &erasure.erasure_id));
    assert_eq!(fact.pseudonym, seen.user_id);
    // Who comes back is somebody new.
    town.reserve(&mut anna, 3, 0, 60).await;
    town.world.stop().await;
}

#[tokio::test]
async fn an_erasure_is_done_when_every_service_has_said_so() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let made = anna.erase_user(erase("anna")).await.unwrap().into_inner().erasure.unwrap();
    let of = |payment, notification| {
        [("booking", true), ("notification", notification), ("payment", payment)]
            .map(|(service, done)| (service.to_owned(), done))
            .to_vec()
    };
    assert_eq!(steps(&mut anna, &made.erasure_id).await, of(false, false));
    let (lot_id, version) = (String::new(), 1);
    let erasure_id = made.erasure_id.clone();
    answer(&town, &payment::UserDataErased { lot_id, version, erasure_id }).await;
    eventually("payment's step", || async {
        (steps(&mut anna.clone(), &made.erasure_id).await == of(true, false)).then_some(())
    })
    .await;
    let (lot_id, erasure_id) = (String::new(), made.erasure_id.clone());
    answer(&town, &notification::UserDataErased { lot_id, version, erasure_id }).await;
    eventually("notification's step", || async {
        (steps(&mut anna.clone(), &made.erasure_id).await == of(true, true)).then_some(())
    })
    .await;
    let asked = proto::GetErasureRequest { erasure_id: Uuid::nil().to_string() };
    assert_eq!(reason(anna.get_erasure(asked).await), "ERASURE_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn nobody_erases_somebody_else_but_the_operator_of_all_their_lots() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 0, 60).await;
    end(&town, &mut anna, &booking).await;
    let tokens = &town.world.tokens;
    let mut operator = town.client(&tokens.operator("op", [])).await;
    let mut other = town.client(&tokens.operator("other", [])).await;
    assert_eq!(reason(ben.erase_user(erase("anna")).await), "USER_NOT_FOUND");
    assert_eq!(reason(other.erase_user(erase("anna")).await), "USER_NOT_FOUND");
    assert_eq!(reason(operator.erase_user(erase("nobody")).await), "USER_NOT_FOUND");
    let mut kiosk = town.client(&tokens.kiosk(town.place.lot.lot_id.parse().unwrap())).await;
    assert_eq!(reason(kiosk.erase_user(erase("")).await), "OPERATOR_REQUIRED");
    // Ben has booked elsewhere too.
    let elsewhere = make_place(&mut town.world.operator("other").await, "Port", 1).await;
    let booking = town.reserve(&mut ben, 1, 0, 60).await;
    end(&town, &mut ben, &booking).await;
    let mut hold = town.hold(2, 30, 60);
    hold.choice = Some(proto::hold_spot_request::Choice::Spot(proto::SpotChoice {
        spot_id: elsewhere.spots[0].spot_id.clone(),
        spot_version: 0,
    }));
    held(ben.hold_spot(hold).await);
    town.advance(11);
    assert_eq!(reason(operator.erase_user(erase("ben")).await), "USER_NOT_FOUND");
    ben.erase_user(erase("")).await.unwrap();
    let made = operator.erase_user(erase("anna")).await.unwrap().into_inner().erasure.unwrap();
    assert_eq!(steps(&mut operator, &made.erasure_id).await.len(), 3);
    let mut guest = town.client(&tokens.guest()).await;
    guest.erase_user(erase("")).await.unwrap();
    town.world.stop().await;
}

#[tokio::test]
async fn who_waits_in_a_line_leaves_it_before_and_is_forgotten_there_too() {
    let town = Town::with(1, true).await;
    let window = town.window(60, 120);
    let (mut anna, mut full) = (town.driver("anna-k").await, town.driver("full").await);
    reserve_in(&town, &mut full, 0, window).await;
    let entry = join(&town, &mut anna, window).await;
    assert_eq!(reason(anna.erase_user(erase("")).await), "USER_HAS_LIVE_BOOKINGS");
    anna.leave_waitlist(leave(&entry)).await.unwrap();
    anna.erase_user(erase("")).await.unwrap();
    let row: String = sqlx::query_scalar("SELECT to_jsonb(e)::text FROM waitlist_entry AS e")
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
    assert!(row.contains("erased:") && !row.contains("anna-k") && !row.contains("B-PM 1"));
    town.world.stop().await;
}
