//! Somebody without an account: one token, one booking, and nothing of anybody else's.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::booking::v1::check_in_request::Key;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::{Claims, Role};
use parkmesh_platform::fault::reason_of;
use tonic::{Code, Status};

use crate::booking_world::{Town, confirm, held, reason};
use crate::world::request_id;

fn is_denied<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason_of(&status).as_deref(), Some("SCOPE_MISSING"));
}

#[tokio::test]
async fn a_guest_books_pays_arrives_and_leaves_and_a_kiosk_takes_the_code() {
    let town = Town::start().await;
    let mut guest = town.client(&town.world.tokens.guest()).await;
    let booking = town.reserve(&mut guest, 0, 10, 120).await;
    assert!(booking.user_id.starts_with("guest:"));
    let asked = proto::GetBookingRequest { booking_id: booking.booking_id.clone() };
    assert_eq!(guest.get_booking(asked).await.unwrap().into_inner().booking.unwrap(), booking);
    let lot_id: LotId = town.place.lot.lot_id.parse().unwrap();
    let mut kiosk = town.client(&town.world.tokens.kiosk(lot_id)).await;
    let arrived = proto::CheckInRequest {
        request_id: request_id(),
        key: Some(Key::Code(booking.code.clone())),
    };
    kiosk.check_in(arrived).await.unwrap();
    town.advance(30);
    let end = proto::EndSessionRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
    };
    let ended = guest.end_session(end).await.unwrap().into_inner().booking.unwrap();
    assert_eq!(ended.state(), BookingState::Completed);
    // The token stands for that booking, also when it is over.
    assert_eq!(reason(guest.hold_spot(town.hold(1, 60, 120)).await), "GUEST_HAS_BOOKING");
    town.world.stop().await;
}

#[tokio::test]
async fn a_guest_has_one_booking_at_a_time_and_may_try_again_until_one_is_paid_for() {
    let town = Town::start().await;
    let mut guest = town.client(&town.world.tokens.guest()).await;
    let request = town.hold(0, 60, 120);
    let first = held(guest.hold_spot(request.clone()).await);
    assert_eq!(reason(guest.hold_spot(town.hold(1, 60, 120)).await), "GUEST_HAS_BOOKING");
    assert_eq!(held(guest.hold_spot(request).await), first, "a repetition is no second booking");
    town.advance(11);
    let second = held(guest.hold_spot(town.hold(1, 60, 120)).await);
    let cancel =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: second.booking_id };
    guest.cancel_booking(cancel).await.unwrap();
    let third = held(guest.hold_spot(town.hold(2, 60, 120)).await);
    guest.confirm_booking(confirm(&third, "ok")).await.unwrap();
    let cancel = proto::CancelBookingRequest {
        request_id: request_id(),
        booking_id: third.booking_id.clone(),
    };
    guest.cancel_booking(cancel).await.unwrap();
    assert_eq!(reason(guest.hold_spot(town.hold(3, 60, 120)).await), "GUEST_HAS_BOOKING");
    // Nobody else is met by it, nor does anybody meet it.
    let mut other = town.client(&town.world.tokens.guest()).await;
    let asked = proto::GetBookingRequest { booking_id: third.booking_id.clone() };
    assert_eq!(reason(other.get_booking(asked).await), "BOOKING_NOT_FOUND");
    let by_code =
        proto::CheckInRequest { request_id: request_id(), key: Some(Key::Code(third.code)) };
    assert_eq!(reason(other.check_in(by_code).await), "BOOKING_NOT_FOUND");
    let anna = town.reserve(&mut town.driver("anna").await, 4, 60, 120).await;
    let cancel =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: anna.booking_id };
    assert_eq!(reason(other.cancel_booking(cancel).await), "BOOKING_NOT_FOUND");
    town.world.stop().await;
}

#[tokio::test]
async fn what_is_not_for_guests_is_closed_to_them_and_nobody_else_may_be_called_a_guest() {
    let town = Town::start().await;
    let mut guest = town.client(&town.world.tokens.guest()).await;
    is_denied(guest.list_bookings(proto::ListBookingsRequest::default()).await);
    is_denied(guest.start_walk_in(proto::StartWalkInRequest::default()).await);
    let asked = proto::ListBookingTimelineRequest::default();
    is_denied(guest.list_booking_timeline(asked).await);
    for (subject, role) in [
        ("guest:01890a5d-ac96-774b-bcce-b302099a8057", Role::Driver),
        ("guest:01890a5d-ac96-774b-bcce-b302099a8057", Role::Operator),
        ("anna", Role::Guest),
        ("guest:anna", Role::Guest),
    ] {
        let token = town.world.tokens.mint(&Claims::new(subject, role, 3_600));
        let mut client = town.client(&token).await;
        let asked = proto::GetBookingRequest { booking_id: request_id() };
        let status = client.get_booking(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{subject} as {role}");
    }
    town.world.stop().await;
}
