//! Those who wait: what the tests of the waitlist share.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::WaitlistState;
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_testkit::eventually;
use tonic::{Response, Status};

use crate::booking_world::{Bookings, Town, confirm, held};
use crate::world::request_id;

/// A wish for any regular spot of the town.
pub fn wish(town: &Town, window: Window) -> proto::JoinWaitlistRequest {
    proto::JoinWaitlistRequest {
        request_id: request_id(),
        pool: Some(any_of(town)),
        window: Some(window),
        plate: "b-pm 1".to_owned(),
        disability_permit: false,
    }
}

/// Any regular spot of the town.
pub fn any_of(town: &Town) -> proto::PoolChoice {
    proto::PoolChoice {
        lot_id: town.place.lot.lot_id.clone(),
        spot_type: SpotType::Regular.into(),
        preferred_floor_id: String::new(),
    }
}

/// A hold of any regular spot of the town.
pub fn any(town: &Town, window: Window) -> proto::HoldSpotRequest {
    let choice = proto::hold_spot_request::Choice::Pool(any_of(town));
    proto::HoldSpotRequest { choice: Some(choice), ..town.hold_in(0, window) }
}

/// Joins the line.
pub async fn join(town: &Town, driver: &mut Bookings, window: Window) -> proto::WaitlistEntry {
    entry_of(driver.join_waitlist(wish(town, window)).await)
}

/// The entry in an answer.
pub fn entry_of(
    answer: Result<Response<proto::JoinWaitlistResponse>, Status>,
) -> proto::WaitlistEntry {
    answer.unwrap().into_inner().entry.unwrap()
}

/// Reserves the spot of this index.
pub async fn reserve_in(
    town: &Town,
    driver: &mut Bookings,
    spot: usize,
    window: Window,
) -> proto::Booking {
    let held = held(driver.hold_spot(town.hold_in(spot, window)).await);
    let confirmed = driver.confirm_booking(confirm(&held, "ok")).await;
    confirmed.unwrap().into_inner().booking.unwrap()
}

/// Gives a booking back.
pub async fn cancel(driver: &mut Bookings, booking_id: &str) -> proto::Booking {
    let request =
        proto::CancelBookingRequest { request_id: request_id(), booking_id: booking_id.to_owned() };
    driver.cancel_booking(request).await.unwrap().into_inner().booking.unwrap()
}

/// A request to leave a line.
pub fn leave(entry: &proto::WaitlistEntry) -> proto::LeaveWaitlistRequest {
    proto::LeaveWaitlistRequest { request_id: request_id(), entry_id: entry.entry_id.clone() }
}

/// All that a driver waits or has waited for, newest first.
pub async fn waits(driver: &mut Bookings) -> Vec<proto::WaitlistEntry> {
    let answer = driver.list_waitlist(proto::ListWaitlistRequest::default()).await;
    answer.unwrap().into_inner().entries
}

/// A driver's only entry, as it stands.
pub async fn standing(driver: &mut Bookings) -> proto::WaitlistEntry {
    let mut entries = waits(driver).await;
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

/// A driver's only entry, once it stands so.
pub async fn once(driver: &Bookings, state: WaitlistState) -> proto::WaitlistEntry {
    eventually("the waitlist entry", || {
        let mut driver = driver.clone();
        async move {
            let entry = standing(&mut driver).await;
            (entry.state() == state).then_some(entry)
        }
    })
    .await
}
