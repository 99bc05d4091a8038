//! Bookings whose spot is still to be given: they count, and stand nowhere.

use parkmesh_contracts::booking::v1::{
    BookingReserved, BookingSpotAssigned, BookingState, BookingSummary, LiveWindow,
};
use parkmesh_contracts::common::v1::{SpotStatus, SpotType};

use crate::facts::Booking;
use crate::house::House;

/// The booking before its spot is given.
pub fn pending(booking: &Booking, version: i64) -> BookingReserved {
    let mut fact = booking.reserved(version);
    let summary = fact.booking.take().expect("a summary");
    let spot_type = SpotType::Regular.into();
    fact.booking =
        Some(BookingSummary { spot_id: String::new(), spot_pending: true, spot_type, ..summary });
    fact
}

fn assigned(booking: &Booking, version: i64) -> BookingSpotAssigned {
    let reserved = booking.reserved(version);
    BookingSpotAssigned { lot_id: reserved.lot_id, version, booking: reserved.booking }
}

#[tokio::test]
async fn a_promise_of_capacity_is_counted_and_marks_no_spot_until_one_is_given() {
    let house = House::new().await;
    let (first, second) = (house.booking(1, 5), house.booking(2, 5));
    {
        let mut known = house.doubles.known();
        let row = first.live(BookingState::Reserved, 2);
        let (spot_type, lot_id) = (SpotType::Regular.into(), house.lot_id.to_string());
        let row = LiveWindow { spot_id: String::new(), spot_type, lot_id, ..row };
        known.windows.insert(row.booking_id.clone(), row);
    }
    let replica = house.stand().await;
    let counts = replica.availability(house.lot_id).await.expect("counts");
    assert_eq!((counts.free, counts.total), (11, 12));
    let types: Vec<_> = counts.types.iter().map(|t| (t.spot_type(), t.free, t.total)).collect();
    assert_eq!(types, [(SpotType::Regular, 7, 8), (SpotType::Ev, 4, 4)]);
    let statuses = replica.statuses(house.lot_id).await;
    assert!(statuses.iter().all(|(_, status)| *status == SpotStatus::Available), "{statuses:?}");

    house.tell([pending(&second, 2)]).await;
    replica.has_free(house.lot_id, 10).await;
    house.tell([assigned(&first, 3)]).await;
    replica.has_caught_up(&house).await;
    assert_eq!(replica.availability(house.lot_id).await.expect("counts").free, 10);
    assert_eq!(replica.status(house.lot_id, 1).await, SpotStatus::Reserved);
    assert_eq!(replica.status(house.lot_id, 2).await, SpotStatus::Available);
    house.tell([second.cancelled(3)]).await;
    replica.has_free(house.lot_id, 11).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn more_promises_than_places_leave_nothing_and_never_less() {
    let house = House::new().await;
    let replica = house.stand().await;
    let many: Vec<Booking> = (0..10).map(|n| house.booking(n, 5)).collect();
    house.tell(many.iter().map(|booking| pending(booking, 2))).await;
    let counts = replica.has_free(house.lot_id, 4).await;
    let types: Vec<_> = counts.types.iter().map(|t| (t.spot_type(), t.free)).collect();
    assert_eq!(types, [(SpotType::Regular, 0), (SpotType::Ev, 4)]);
    assert!(counts.floors.iter().all(|floor| floor.free <= counts.free), "{counts:?}");
    house.stop([replica]).await;
}
