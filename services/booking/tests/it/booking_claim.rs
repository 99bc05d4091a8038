//! Cars that stand on another spot than their booking.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;

use crate::booking_change::check_in;
use crate::booking_world::{Bookings, Town, held, reason};
use crate::world::request_id;

pub fn claim(town: &Town, booking: &proto::Booking, spot: usize) -> proto::ClaimSpotRequest {
    proto::ClaimSpotRequest {
        request_id: request_id(),
        booking_id: booking.booking_id.clone(),
        spot_id: town.place.spots[spot].spot_id.clone(),
        disability_permit: false,
    }
}

pub async fn claimed(anna: &mut Bookings, request: proto::ClaimSpotRequest) -> proto::Booking {
    anna.claim_spot(request).await.unwrap().into_inner().booking.unwrap()
}

#[tokio::test]
async fn a_booking_moves_to_where_its_car_stands_and_begins_at_the_same_price() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 10, 70).await;
    let request = claim(&town, &booking, 3);
    let active = claimed(&mut anna, request.clone()).await;
    assert_eq!(
        (active.state(), active.spot_id.as_str()),
        (BookingState::Active, town.place.spots[3].spot_id.as_str())
    );
    assert_eq!(active.quote.as_ref().unwrap().amount, booking.quote.as_ref().unwrap().amount);
    assert_eq!(claimed(&mut anna, request).await, active);
    assert_eq!(town.payment.asked(), 1);
    // The old spot is free at once, the new one is kept from now on.
    let hold = held(ben.hold_spot(town.hold(0, 10, 70)).await);
    assert_eq!(hold.state(), BookingState::Held);
    assert_eq!(reason(ben.hold_spot(town.hold(3, 1, 5)).await), "SPOT_TAKEN");
    let facts = town.facts_of(&booking.booking_id, 4).await;
    let names: Vec<_> = facts.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["held", "reserved", "moved", "activated"]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_spot_that_somebody_has_or_a_booking_that_is_not_due_is_not_claimed() {
    let town = Town::start().await;
    let (mut anna, mut ben) = (town.driver("anna").await, town.driver("ben").await);
    let booking = town.reserve(&mut anna, 0, 10, 70).await;
    let later = town.reserve(&mut anna, 1, 100, 160).await;
    town.reserve(&mut ben, 2, 65, 120).await;
    assert_eq!(reason(anna.claim_spot(claim(&town, &booking, 2)).await), "SPOT_TAKEN");
    assert_eq!(reason(anna.claim_spot(claim(&town, &later, 3)).await), "ARRIVAL_TOO_EARLY");
    let there = check_in(&mut anna, &booking).await;
    assert_eq!(reason(anna.claim_spot(claim(&town, &there, 3)).await), "BOOKING_STATE_WRONG");
    assert_eq!(reason(ben.claim_spot(claim(&town, &booking, 3)).await), "BOOKING_NOT_FOUND");
    town.world.stop().await;
}
