//! The waitlist: what becomes free goes to the line before anybody else, in the order of joining.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{
    BookingState, WaitlistEndReason, WaitlistPassedReason, WaitlistState,
};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_platform::fault::find_detail;
use parkmesh_testkit::eventually;
use prost_types::FieldMask;
use tonic::Code;

use crate::booking_change::extend;
use crate::booking_world::{Town, confirm, held, reason};
use crate::waitlist_world::{
    any, cancel, entry_of, join, leave, once, reserve_in, standing, waits, wish,
};
use crate::world::{new_spots, request_id};

async fn booking(town: &Town, user: &str, booking_id: &str) -> proto::Booking {
    let asked = proto::GetBookingRequest { booking_id: booking_id.to_owned() };
    let mut driver = town.driver(user).await;
    driver.get_booking(asked).await.unwrap().into_inner().booking.unwrap()
}

#[tokio::test]
async fn a_line_is_for_what_is_sold_out_and_everybody_sees_the_own_place() {
    let town = Town::with(2, true).await;
    let window = town.window(60, 120);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    reserve_in(&town, &mut full, 0, window).await;
    let refused = anna.join_waitlist(wish(&town, window)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let free: proto::Alternatives = find_detail(&refused).unwrap();
    assert_eq!(free.alternatives[0].spot_number, "A0002");
    assert_eq!(reason::<()>(Err(refused)), "WAITLIST_NOT_NEEDED");
    reserve_in(&town, &mut full, 1, window).await;

    let request = wish(&town, window);
    let first = entry_of(anna.join_waitlist(request.clone()).await);
    assert_eq!((first.state(), first.place), (WaitlistState::Waiting, 1));
    assert_eq!((first.user_id.as_str(), first.plate.as_str()), ("anna", "B-PM 1"));
    assert_eq!(join(&town, &mut ben, window).await.place, 2);
    // The same request is the same entry, and the first answer.
    assert_eq!(entry_of(anna.join_waitlist(request.clone()).await), first);
    let other = proto::JoinWaitlistRequest { plate: "other".to_owned(), ..request };
    assert_eq!(reason(anna.join_waitlist(other).await), "REQUEST_ID_REUSED");
    assert_eq!(standing(&mut anna).await, first);

    let lot_id = town.place.lot.lot_id.clone();
    let of_lot = proto::ListWaitlistRequest { lot_id, page_size: 1, ..Default::default() };
    let mut operator = town.client(&town.world.tokens.operator("op", [])).await;
    let page = operator.list_waitlist(of_lot.clone()).await.unwrap().into_inner();
    assert_eq!((page.entries[0].user_id.as_str(), page.entries[0].place), ("ben", 2));
    let next = proto::ListWaitlistRequest { page_token: page.next_page_token, ..of_lot.clone() };
    let page = operator.list_waitlist(next).await.unwrap().into_inner();
    assert_eq!((page.entries[0].user_id.as_str(), page.next_page_token.as_str()), ("anna", ""));
    let mut stranger = town.client(&town.world.tokens.operator("other", [])).await;
    assert_eq!(reason(stranger.list_waitlist(of_lot).await), "LOT_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn what_is_given_back_is_held_for_the_first_in_line_who_confirms_it() {
    let town = Town::with(1, true).await;
    let window = town.window(60, 120);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    let taken = reserve_in(&town, &mut full, 0, window).await;
    let first = join(&town, &mut anna, window).await;
    join(&town, &mut ben, window).await;
    cancel(&mut full, &taken.booking_id).await;

    let offered = once(&anna, WaitlistState::Offered).await;
    let offer = booking(&town, "anna", &offered.booking_id).await;
    assert_eq!((offer.state(), offer.spot_number.as_str()), (BookingState::Held, "A0001"));
    assert_eq!((&offer.waitlist_entry_id, &offer.plate), (&first.entry_id, &first.plate));
    assert_eq!((offer.window, offer.hold_expire_time), (Some(window), offered.offer_expire_time));
    let (until, made) = (offer.hold_expire_time.unwrap(), offer.create_time.unwrap());
    assert_eq!(until.seconds - made.seconds, 600);
    let facts = town.facts_of(&offer.booking_id, 2).await;
    assert_eq!(facts, [(1, "held".to_owned()), (1, "waitlist_offered".to_owned())]);
    let second = standing(&mut ben).await;
    assert_eq!((second.state(), second.place), (WaitlistState::Waiting, 1));
    assert_eq!(second.last_passed_time, None);

    anna.confirm_booking(confirm(&offer, "ok")).await.unwrap();
    let done = standing(&mut anna).await;
    assert_eq!((done.state(), done.place), (WaitlistState::Taken, 0));
    assert_eq!(reason(anna.leave_waitlist(leave(&first)).await), "WAITLIST_STATE_WRONG");
    assert_eq!(standing(&mut ben).await.state(), WaitlistState::Waiting);
    town.world.stop().await;
}

#[tokio::test]
async fn an_offer_that_lapses_or_is_left_is_the_next_ones() {
    let town = Town::with(1, true).await;
    let window = town.window(60, 120);
    let mut full = town.driver("full").await;
    let taken = reserve_in(&town, &mut full, 0, window).await;
    let mut drivers = Vec::new();
    for name in ["anna", "ben", "cleo", "dora"] {
        let mut driver = town.driver(name).await;
        join(&town, &mut driver, window).await;
        drivers.push(driver);
    }
    cancel(&mut full, &taken.booking_id).await;
    once(&drivers[0], WaitlistState::Offered).await;
    town.advance(11);
    let lapsed = once(&drivers[0], WaitlistState::Expired).await;
    assert_eq!(lapsed.end_reason(), WaitlistEndReason::OfferLapsed);

    let offered = once(&drivers[1], WaitlistState::Offered).await;
    let request = leave(&offered);
    let left = drivers[1].leave_waitlist(request.clone()).await.unwrap().into_inner();
    let entry = left.entry.clone().unwrap();
    assert_eq!(entry.state(), WaitlistState::Left);
    assert_eq!(entry.end_reason(), WaitlistEndReason::OfferDeclined);
    assert_eq!(drivers[1].leave_waitlist(request).await.unwrap().into_inner(), left);
    assert_eq!(booking(&town, "ben", &offered.booking_id).await.state(), BookingState::Cancelled);

    // Giving the hold back is the same.
    let offered = once(&drivers[2], WaitlistState::Offered).await;
    cancel(&mut drivers[2], &offered.booking_id).await;
    let left = standing(&mut drivers[2]).await;
    assert_eq!(left.end_reason(), WaitlistEndReason::OfferDeclined);
    once(&drivers[3], WaitlistState::Offered).await;
    town.world.stop().await;
}

#[tokio::test]
async fn who_does_not_fit_is_passed_over_keeps_the_place_and_learns_why() {
    let town = Town::with(1, true).await;
    let now = town.world.clock.now();
    let at = |start, end| town.window_from(now, start, end);
    let mut full = town.driver("full").await;
    let early = reserve_in(&town, &mut full, 0, at(60, 120)).await;
    let late = reserve_in(&town, &mut full, 0, at(120, 180)).await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    join(&town, &mut anna, at(60, 180)).await;
    join(&town, &mut ben, at(60, 120)).await;
    cancel(&mut full, &early.booking_id).await;
    let offered = once(&ben, WaitlistState::Offered).await;
    let passed = standing(&mut anna).await;
    assert_eq!((passed.state(), passed.place), (WaitlistState::Waiting, 1));
    assert_eq!(passed.last_passed_reason(), WaitlistPassedReason::WindowBlocked);
    assert!(passed.last_passed_time.is_some());

    cancel(&mut full, &late.booking_id).await;
    cancel(&mut ben, &offered.booking_id).await;
    once(&anna, WaitlistState::Offered).await;
    town.world.stop().await;
}

#[tokio::test]
async fn nobody_overtakes_the_line_with_the_clockwork_dead() {
    let town = Town::with(2, false).await;
    let now = town.world.clock.now();
    let at = |start, end| town.window_from(now, start, end);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    let taken = reserve_in(&town, &mut full, 0, at(60, 120)).await;
    // A hold, which lapses by itself.
    held(full.hold_spot(town.hold_in(1, at(60, 120))).await);
    join(&town, &mut anna, at(60, 120)).await;
    cancel(&mut full, &taken.booking_id).await;
    // Also who wants only a part of it, or the spot by its number.
    assert_eq!(reason(ben.hold_spot(town.hold_in(0, at(110, 130))).await), "SPOT_TAKEN");
    let offered = standing(&mut anna).await;
    assert_eq!(offered.state(), WaitlistState::Offered);
    assert_eq!(reason(ben.hold_spot(any(&town, at(60, 120))).await), "SOLD_OUT");

    let mut cleo = town.driver("cleo").await;
    let second = entry_of(cleo.join_waitlist(wish(&town, at(100, 140))).await);
    assert_eq!(second.place, 1);
    // The hold of the other spot lapses: whoever asks would end it and take its place.
    town.advance(11);
    assert_eq!(reason(ben.hold_spot(town.hold_in(1, at(90, 110))).await), "SPOT_TAKEN");
    assert_eq!(standing(&mut cleo).await.state(), WaitlistState::Offered);
    // Offers that have lapsed block nobody, and their drivers are in no line any more.
    assert_eq!(standing(&mut anna).await.end_reason(), WaitlistEndReason::OfferLapsed);
    held(ben.hold_spot(town.hold_in(0, at(60, 120))).await);
    town.advance(11);
    held(ben.hold_spot(any(&town, at(100, 140))).await);
    assert_eq!(town.double_bookings().await, 0);
    town.world.stop().await;
}

#[tokio::test]
async fn what_fits_nobody_in_line_is_for_everybody() {
    let town = Town::with(1, true).await;
    let now = town.world.clock.now();
    let at = |start, end| town.window_from(now, start, end);
    let mut operator = town.world.operator("op").await;
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    let early = reserve_in(&town, &mut full, 0, at(60, 120)).await;
    let late = reserve_in(&town, &mut full, 0, at(120, 180)).await;
    join(&town, &mut anna, at(60, 180)).await;
    // The rest of the window is taken.
    cancel(&mut full, &early.booking_id).await;
    let bens = held(ben.hold_spot(town.hold_in(0, at(60, 120))).await);
    cancel(&mut ben, &bens.booking_id).await;
    cancel(&mut full, &late.booking_id).await;
    let offered = once(&anna, WaitlistState::Offered).await;
    cancel(&mut anna, &offered.booking_id).await;

    // The lot takes such windows no more.
    let mut cleo = town.driver("cleo").await;
    let taken = reserve_in(&town, &mut full, 0, at(60, 120)).await;
    join(&town, &mut cleo, at(60, 180)).await;
    let mut update = proto::UpdateLotRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        policy: Some(proto::LotPolicy { longest_window_seconds: 3_600, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["policy.longest_window_seconds".to_owned()] }),
        ..Default::default()
    };
    operator.update_lot(update.clone()).await.unwrap();
    cancel(&mut full, &taken.booking_id).await;
    let bens = held(ben.hold_spot(any(&town, at(60, 120))).await);
    let passed = standing(&mut cleo).await;
    assert_eq!((passed.state(), passed.place), (WaitlistState::Waiting, 1));
    assert_eq!(passed.last_passed_reason(), WaitlistPassedReason::LotRules);
    cancel(&mut ben, &bens.booking_id).await;
    // It takes them again, and nothing else happens.
    update.request_id = request_id();
    update.policy = Some(proto::LotPolicy::default());
    operator.update_lot(update).await.unwrap();
    once(&cleo, WaitlistState::Offered).await;
    town.world.stop().await;
}

#[tokio::test]
async fn waits_are_limited_and_belong_to_their_driver() {
    let town = Town::with(1, true).await;
    let now = town.world.clock.now();
    let at = |start, end| town.window_from(now, start, end);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    reserve_in(&town, &mut full, 0, at(60, 600)).await;
    let first = join(&town, &mut anna, at(60, 120)).await;
    join(&town, &mut anna, at(120, 180)).await;
    join(&town, &mut anna, at(180, 240)).await;
    let refused = anna.join_waitlist(wish(&town, at(240, 300))).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason::<()>(Err(refused)), "TOO_MANY_WAITS");
    assert_eq!(reason(ben.leave_waitlist(leave(&first)).await), "WAITLIST_ENTRY_NOT_FOUND");
    assert!(waits(&mut ben).await.is_empty());
    let left = anna.leave_waitlist(leave(&first)).await.unwrap().into_inner().entry.unwrap();
    assert_eq!(left.end_reason(), WaitlistEndReason::LeftLine);
    assert_eq!(reason(anna.leave_waitlist(leave(&first)).await), "WAITLIST_STATE_WRONG");
    join(&town, &mut anna, at(240, 300)).await;

    let mut accessible = wish(&town, at(60, 120));
    accessible.pool.as_mut().unwrap().spot_type = SpotType::Accessible.into();
    assert_eq!(reason(ben.join_waitlist(accessible.clone()).await), "PERMIT_REQUIRED");
    accessible.disability_permit = true;
    accessible.request_id = request_id();
    assert_eq!(entry_of(ben.join_waitlist(accessible).await).place, 1);
    assert_eq!(reason(ben.join_waitlist(wish(&town, at(-60, 60))).await), "WINDOW_PAST");

    // Who waited until the window began waits no more.
    town.advance(126);
    let states: Vec<_> = waits(&mut anna).await.iter().map(|entry| entry.end_reason()).collect();
    let begun = WaitlistEndReason::WindowBegun;
    let waiting = WaitlistEndReason::Unspecified;
    assert_eq!(states, [waiting, waiting, begun, WaitlistEndReason::LeftLine]);
    let lot_forgets = eventually("nobody waits", || async {
        let still: bool = sqlx::query_scalar("SELECT bool_or(has_waiting) FROM lot")
            .fetch_one(&town.world.pool)
            .await
            .unwrap();
        (!still).then_some(())
    });
    town.advance(600);
    lot_forgets.await;
    town.world.stop().await;
}

#[tokio::test]
async fn new_spots_and_those_that_open_again_are_offered() {
    let town = Town::with(1, true).await;
    let window = town.window(60, 120);
    let mut operator = town.world.operator("op").await;
    let mut full = town.driver("full").await;
    reserve_in(&town, &mut full, 0, window).await;
    let mut drivers = Vec::new();
    for name in ["anna", "ben", "cleo"] {
        let mut driver = town.driver(name).await;
        join(&town, &mut driver, window).await;
        drivers.push(driver);
    }
    let made = new_spots(&town.place.floor.floor_id, "B", 1);
    let made = operator.batch_create_spots(made).await.unwrap().into_inner().spots.remove(0);
    once(&drivers[0], WaitlistState::Offered).await;

    let status = |out_of_service| proto::SetSpotStatusRequest {
        spot_id: made.spot_id.clone(),
        out_of_service,
        version: 0,
    };
    operator.set_spot_status(status(true)).await.unwrap();
    // What the operator takes back leaves the driver in line.
    let offered = standing(&mut drivers[0]).await;
    let mut withdrawing = town.client(&town.world.tokens.operator("op", [])).await;
    cancel(&mut withdrawing, &offered.booking_id).await;
    let back = standing(&mut drivers[0]).await;
    assert_eq!((back.state(), back.place), (WaitlistState::Waiting, 1));
    assert_eq!(back.last_passed_reason(), WaitlistPassedReason::OfferWithdrawn);
    operator.set_spot_status(status(false)).await.unwrap();
    let again = once(&drivers[0], WaitlistState::Offered).await;
    assert_ne!(again.booking_id, offered.booking_id);

    let closing = proto::CreateClosureRequest {
        request_id: request_id(),
        lot_id: town.place.lot.lot_id.clone(),
        scope: Some(proto::create_closure_request::Scope::SpotId(made.spot_id.clone())),
        window: Some(window),
        reason: "painted".to_owned(),
        treatment: proto::ClosureTreatment::Cancel.into(),
    };
    let closure = operator.create_closure(closing).await.unwrap().into_inner().closure.unwrap();
    assert_eq!(once(&drivers[0], WaitlistState::Waiting).await.place, 1);
    let opening =
        proto::DeleteClosureRequest { request_id: request_id(), closure_id: closure.closure_id };
    operator.delete_closure(opening).await.unwrap();
    once(&drivers[0], WaitlistState::Offered).await;
    town.world.stop().await;
}

#[tokio::test]
async fn a_longer_stay_and_another_spot_do_not_overtake_the_line() {
    let town = Town::with(2, false).await;
    let now = town.world.clock.now();
    let at = |start, end| town.window_from(now, start, end);
    let (mut anna, mut ben, mut full) =
        (town.driver("anna").await, town.driver("ben").await, town.driver("full").await);
    let bens = reserve_in(&town, &mut ben, 0, at(60, 120)).await;
    let after_ben = reserve_in(&town, &mut full, 0, at(120, 180)).await;
    let beside = reserve_in(&town, &mut full, 1, at(60, 180)).await;
    join(&town, &mut anna, at(120, 180)).await;
    cancel(&mut full, &after_ben.booking_id).await;
    let later = extend(&town, &bens, 90, "ok");
    assert_eq!(reason(ben.extend_booking(later).await), "SPOT_TAKEN");
    let offered = standing(&mut anna).await;
    assert_eq!(offered.state(), WaitlistState::Offered);
    cancel(&mut anna, &offered.booking_id).await;
    // Nobody waits for the time after, and the other spot is for somebody else.
    let mut cleo = town.driver("cleo").await;
    join(&town, &mut cleo, at(60, 120)).await;
    cancel(&mut full, &beside.booking_id).await;
    let later = extend(&town, &bens, 90, "ok");
    ben.extend_booking(later).await.unwrap();
    assert_eq!(standing(&mut cleo).await.state(), WaitlistState::Waiting);
    let choice =
        proto::SpotChoice { spot_id: town.place.spots[1].spot_id.clone(), spot_version: 0 };
    let moving = proto::MoveBookingRequest {
        request_id: request_id(),
        booking_id: bens.booking_id.clone(),
        spot: Some(choice),
        payment_method: "ok".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(ben.move_booking(moving).await), "SPOT_TAKEN");
    assert_eq!(standing(&mut cleo).await.state(), WaitlistState::Offered);
    town.world.stop().await;
}
