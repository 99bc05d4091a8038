//! A car stays longer than it was booked for: first by an extension, then without one.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{BookingState, ExtendBookingRequest};
use parkmesh_contracts::notification::v1::NotificationKind;
use parkmesh_contracts::payment::v1::{GetReceiptRequest, ListPaymentsRequest, PaymentStatus};
use parkmesh_contracts::time;

use crate::story::{eur, until};
use crate::support::{Car, Driver, Up, eventually, eventually_ok};

const SPOT: &str = "0-052";

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_extends_a_stay_and_overstays_it_and_pays_for_each_once() {
    let up = Up::start(&[]);
    let (anna, car) = (Driver::new(&up, "driver"), Car::at(&up, SPOT));
    car.gone(&up).await;
    let spot = eventually_ok("the spot", || anna.spot(&up, SPOT)).await;
    let start = up.now() + SignedDuration::from_mins(1);
    let held = anna.hold(&anna.wish(&spot, start, SignedDuration::from_hours(1))).await;
    let held = held.expect("a hold");
    let request_id = uuid::Uuid::now_v7().to_string();
    anna.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    up.advance(SignedDuration::from_mins(1));
    car.stands(&up).await;
    until(&anna, &up, &held.booking_id, BookingState::Active).await;

    // Another hour, on the same card.
    let request = ExtendBookingRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        booking_id: held.booking_id.clone(),
        end_time: Some(time::to_proto(start + SignedDuration::from_hours(2))),
        payment_method: String::new(),
    };
    let extended = anna.booking().extend_booking(request).await.expect("an hour more");
    let extended = extended.into_inner().booking.expect("a booking");
    assert_eq!(extended.quote.expect("a price").amount, eur(5, 0));

    // Past the window and its grace the stay is over, and the car is not. Its sensor speaks in between: one that has missed two
    // heartbeats when the stay ends knows of no car.
    up.advance(SignedDuration::from_mins(90));
    car.still_stands(&up, &spot.spot_id).await;
    up.advance(SignedDuration::from_mins(46));
    let completed = until(&anna, &up, &held.booking_id, BookingState::Completed).await;
    assert_eq!((completed.final_amount, completed.overstay_amount), (eur(5, 0), None));
    up.advance(SignedDuration::from_mins(20));
    car.gone(&up).await;
    let over = eventually("the overstay", || async {
        up.advance(SignedDuration::from_secs(11));
        let booking = anna.look(&held.booking_id).await.ok()?;
        booking.overstay_amount.is_some().then_some(booking)
    })
    .await;
    assert_eq!(over.overstay_amount, eur(2, 500_000_000));

    // Two authorisations of the stay and the overstay, each captured once; two receipts.
    let payments = eventually("the money is captured", || async {
        let booking_id = held.booking_id.clone();
        let request = ListPaymentsRequest { booking_id, ..Default::default() };
        let payments = anna.payment().list_payments(request).await.ok()?.into_inner().payments;
        let captured = payments.iter().all(|one| one.status() == PaymentStatus::Captured);
        (payments.len() == 3 && captured).then_some(payments)
    })
    .await;
    assert!(payments.iter().all(|one| one.captured_amount == eur(2, 500_000_000)), "{payments:?}");
    let request = GetReceiptRequest { booking_id: held.booking_id.clone(), ..Default::default() };
    let receipts = anna.payment().get_receipt(request).await.expect("receipts").into_inner();
    assert_eq!(receipts.receipt.expect("of the stay").total, eur(5, 0));
    assert_eq!(receipts.overstay_receipt.expect("of the overstay").total, eur(2, 500_000_000));
    let told = eventually("the messages", || async {
        let told = anna.messages().await.ok()?;
        let receipts = told.iter().filter(|one| one.kind() == NotificationKind::Receipt).count();
        (receipts == 2).then_some(told)
    })
    .await;
    for kind in [NotificationKind::Extended, NotificationKind::Overstayed] {
        assert_eq!(told.iter().filter(|one| one.kind() == kind).count(), 1, "{kind:?}: {told:?}");
    }
}
