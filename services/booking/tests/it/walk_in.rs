//! Cars that have not booked: a kiosk, an operator or the driver lets them in, and they pay like all.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::start_walk_in_request::Choice;
use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::time::{from_proto, to_proto};
use prost_types::FieldMask;

use crate::booking_sensor::{becomes, known, occupied, vacated};
use crate::booking_world::{Bookings, Town, held, reason};
use crate::world::request_id;

fn at_spot(town: &Town, spot: usize, payment_method: &str) -> proto::StartWalkInRequest {
    let spot_id = town.place.spots[spot].spot_id.clone();
    proto::StartWalkInRequest {
        request_id: request_id(),
        choice: Some(Choice::Spot(proto::SpotChoice { spot_id, spot_version: 0 })),
        plate: "b-wi 7".to_owned(),
        payment_method: payment_method.to_owned(),
        ..Default::default()
    }
}

fn anywhere(town: &Town) -> proto::StartWalkInRequest {
    let pool = proto::PoolChoice {
        lot_id: town.place.lot.lot_id.clone(),
        spot_type: SpotType::Regular.into(),
        ..Default::default()
    };
    proto::StartWalkInRequest { choice: Some(Choice::Pool(pool)), ..at_spot(town, 0, "ok") }
}

async fn start(client: &mut Bookings, request: proto::StartWalkInRequest) -> proto::Booking {
    client.start_walk_in(request).await.unwrap().into_inner().booking.unwrap()
}

async fn kiosk(town: &Town) -> Bookings {
    let lot_id: LotId = town.place.lot.lot_id.parse().unwrap();
    town.client(&town.world.tokens.kiosk(lot_id)).await
}

/// Changes the policy of the lot as the mask says.
async fn policy(town: &Town, path: &str, policy: proto::LotPolicy) {
    let request = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        policy: Some(policy),
        update_mask: Some(FieldMask { paths: vec![format!("policy.{path}")] }),
        ..Default::default()
    };
    town.world.operator("op").await.update_lot(request).await.unwrap();
}

#[tokio::test]
async fn a_walk_in_is_active_at_once_paid_and_leaves_like_any_other() {
    let town = Town::start().await;
    let mut kiosk = kiosk(&town).await;
    let begin = town.world.clock.now();
    let request = at_spot(&town, 0, "ok");
    let booking = start(&mut kiosk, request.clone()).await;
    assert_eq!((booking.state(), booking.plate.as_str()), (BookingState::Active, "B-WI 7"));
    assert!(!booking.payment_id.is_empty() && booking.code.len() == 8);
    let window = booking.window.unwrap();
    let [from, to] = [window.start_time, window.end_time].map(|t| from_proto(&t.unwrap()).unwrap());
    assert_eq!(to.duration_since(from), SignedDuration::from_hours(2), "as long as the lot says");
    assert!(from >= begin && from.duration_since(begin) < SignedDuration::from_mins(1));
    assert_eq!(booking.quote.as_ref().unwrap().amount.as_ref().unwrap().units, 5);
    assert_eq!(town.payment.asked(), 1);
    // Repeated, also when its time is long over, it has the effect and the answer of one.
    assert_eq!(start(&mut kiosk, request.clone()).await, booking);
    let other = proto::StartWalkInRequest { plate: "ANOTHER".to_owned(), ..request.clone() };
    assert_eq!(reason(kiosk.start_walk_in(other).await), "REQUEST_ID_REUSED");
    // Others see that it is taken.
    let mut anna = town.driver("anna").await;
    assert_eq!(reason(anna.hold_spot(town.hold(0, 0, 30)).await), "SPOT_TAKEN");
    assert_eq!(reason(kiosk.start_walk_in(at_spot(&town, 0, "ok")).await), "SPOT_TAKEN");

    town.advance(61);
    let left = town.world.clock.now();
    vacated(&town, 0, 1, left).await;
    let ended = becomes(&kiosk, &booking, BookingState::Completed).await;
    assert_eq!(ended.final_amount.unwrap().units, 5);
    assert_eq!(start(&mut kiosk, request).await, booking);
    let facts = town.facts_of(&booking.booking_id, 3).await;
    let facts: Vec<&str> = facts.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(facts, ["held", "activated", "completed"]);
    let asked =
        proto::ListBookingTimelineRequest { booking_id: booking.booking_id, ..Default::default() };
    let story = kiosk.list_booking_timeline(asked).await.unwrap().into_inner().entries;
    assert_eq!(story[1].cause(), Cause::Kiosk);
    town.world.stop().await;
}

#[tokio::test]
async fn a_declined_card_or_none_leaves_nothing_behind() {
    let town = Town::start().await;
    let mut kiosk = kiosk(&town).await;
    let request = at_spot(&town, 0, "declined");
    assert_eq!(reason(kiosk.start_walk_in(request.clone()).await), "PAYMENT_DECLINED");
    assert_eq!(reason(kiosk.start_walk_in(request).await), "PAYMENT_DECLINED");
    assert_eq!(reason(kiosk.start_walk_in(at_spot(&town, 0, "")).await), "ARGUMENT_INVALID");
    let live: i64 = sqlx::query_scalar("SELECT count(*) FROM booking WHERE state IN (1, 2, 3)")
        .fetch_one(&town.world.pool)
        .await
        .unwrap();
    assert_eq!(live, 0);
    // An answer that got lost is asked for again under the same key.
    let lost = at_spot(&town, 0, "lost");
    let again = kiosk.start_walk_in(lost.clone()).await;
    let booking = match again {
        Ok(answer) => answer.into_inner().booking.unwrap(),
        Err(_) => start(&mut kiosk, lost).await,
    };
    assert_eq!(booking.state(), BookingState::Active);
    assert_eq!(town.payment.voided().len(), 0);
    town.world.stop().await;
}

#[tokio::test]
async fn the_sensor_may_have_seen_the_car_before_or_sees_it_after() {
    let town = Town::with(3, true).await;
    let mut kiosk = kiosk(&town).await;
    let now = town.world.clock.now();
    // The car stands there already, and the operator's other spots too but one.
    occupied(&town, 0, 1, now).await;
    occupied(&town, 1, 1, now).await;
    known(&town, 0, 1).await;
    known(&town, 1, 1).await;
    let before = start(&mut kiosk, at_spot(&town, 0, "ok")).await;
    let pooled = start(&mut kiosk, anywhere(&town)).await;
    assert_eq!(pooled.spot_id, town.place.spots[2].spot_id, "no car may stand on it");
    assert_eq!(reason(kiosk.start_walk_in(anywhere(&town)).await), "SOLD_OUT");
    occupied(&town, 2, 1, town.world.clock.now()).await;
    known(&town, 2, 1).await;
    for booking in [&before, &pooled] {
        let stands = becomes(&kiosk, booking, BookingState::Active).await;
        assert_eq!(stands.version, booking.version, "the sensor only agrees");
    }
    town.advance(10);
    vacated(&town, 0, 2, town.world.clock.now()).await;
    becomes(&kiosk, &before, BookingState::Completed).await;
    town.world.stop().await;
}

#[tokio::test]
async fn a_driver_drives_up_only_where_the_lot_allows_it_and_staff_only_at_their_own() {
    let town = Town::start().await;
    let (mut anna, tokens) = (town.driver("anna").await, &town.world.tokens);
    assert_eq!(reason(anna.start_walk_in(at_spot(&town, 0, "ok")).await), "DRIVE_UP_NOT_ALLOWED");
    let mut stranger = town.client(&tokens.kiosk(request_id().parse().unwrap())).await;
    assert_eq!(reason(stranger.start_walk_in(anywhere(&town)).await), "LOT_NOT_FOUND");
    let mut other = town.client(&tokens.operator("other", [])).await;
    assert_eq!(reason(other.start_walk_in(anywhere(&town)).await), "LOT_NOT_FOUND");
    let mut operator = town.client(&tokens.operator("op", [])).await;
    let staffs = start(&mut operator, anywhere(&town)).await.spot_id;

    let allowed = proto::LotPolicy { drive_up_allowed: true, ..Default::default() };
    policy(&town, "drive_up_allowed", allowed).await;
    let end = town.world.clock.now() + SignedDuration::from_mins(30);
    let request = proto::StartWalkInRequest { end_time: Some(to_proto(end)), ..anywhere(&town) };
    let booking = start(&mut anna, request.clone()).await;
    assert_eq!(booking.user_id, "anna");
    assert_eq!(booking.window.unwrap().end_time, Some(to_proto(end)));
    let past = proto::StartWalkInRequest {
        request_id: request_id(),
        end_time: Some(to_proto(end - SignedDuration::from_hours(1))),
        ..request
    };
    assert_eq!(reason(anna.start_walk_in(past).await), "ARGUMENT_INVALID");
    // It keeps to the rules of the lot like any booking, and to what is booked already.
    let longest = proto::LotPolicy { longest_window_seconds: 3_600, ..Default::default() };
    policy(&town, "longest_window_seconds", longest).await;
    assert_eq!(reason(anna.start_walk_in(anywhere(&town)).await), "WINDOW_INVALID");
    let shorter = proto::LotPolicy { walk_in_seconds: 3_600, ..Default::default() };
    policy(&town, "walk_in_seconds", shorter).await;
    let free =
        |spot: &usize| ![&staffs, &booking.spot_id].contains(&&town.place.spots[*spot].spot_id);
    let taken = (0..10).find(free).unwrap();
    held(town.driver("ben").await.hold_spot(town.hold(taken, 59, 100)).await);
    assert_eq!(reason(anna.start_walk_in(at_spot(&town, taken, "ok")).await), "SPOT_TAKEN");
    town.world.stop().await;
}
