//! A car parks: the whole story, told through the gateway and MQTT with a moved clock.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{BookingState, QuoteBookingRequest, WatchBookingRequest};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::notification::v1::NotificationKind;
use parkmesh_contracts::payment::v1::{
    GetLedgerRequest, GetPaymentRequest, GetReceiptRequest, PaymentStatus,
};
use parkmesh_contracts::time;

use crate::support::{Car, Driver, Office, Up, eventually, eventually_ok};

/// Price of a started hour in the demo mall is 2.50 EUR.
pub fn eur(units: i64, nanos: i32) -> Option<Money> {
    Some(Money { currency_code: "EUR".to_owned(), units, nanos })
}

const SPOT: &str = "0-050";

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_reserves_arrives_leaves_pays_by_the_hour_and_is_told() {
    let up = Up::start(&[]);
    let (anna, office, car) = (Driver::new(&up, "driver"), Office::new(&up), Car::at(&up, SPOT));
    car.gone(&up).await;
    let spot = eventually("the spot is free on the map", || async {
        let spot = anna.spot(&up, SPOT).await.ok()?;
        (spot.status() == SpotStatus::Available).then_some(spot)
    })
    .await;
    let free_before = anna.counts(&up).await.expect("counts").free;

    // Reserve: three hours from in ten minutes, for what the quote says.
    let wish =
        anna.wish(&spot, up.now() + SignedDuration::from_mins(10), SignedDuration::from_hours(3));
    let quote =
        QuoteBookingRequest { lot_id: up.lot(), window: wish.request.window, ..Default::default() };
    let quote = anna.booking().quote_booking(quote).await.expect("a quote").into_inner().quote;
    assert_eq!(quote.expect("a quote").amount, eur(7, 500_000_000));
    let held = anna.hold(&wish).await.expect("a hold");
    assert_eq!(held.state(), BookingState::Held);
    let ends = time::from_proto(&held.hold_expire_time.expect("a countdown")).expect("an instant");
    let left = ends.duration_since(up.now());
    assert!(
        left > SignedDuration::from_mins(14) && left <= SignedDuration::from_mins(15),
        "{left:?}"
    );
    let watch = WatchBookingRequest { booking_id: held.booking_id.clone(), after_version: 0 };
    let mut watched = anna.booking().watch_booking(watch).await.expect("a watch").into_inner();
    eventually("the map shows the promise", || async {
        (anna.spot(&up, SPOT).await.ok()?.status() == SpotStatus::Reserved).then_some(())
    })
    .await;
    assert_eq!(anna.counts(&up).await.expect("counts").free, free_before - 1);

    // Confirm.
    let reserved = anna.confirm(&held, "pm_card_ok", &uuid::Uuid::now_v7().to_string()).await;
    let reserved = reserved.expect("a reservation");
    assert_eq!(reserved.state(), BookingState::Reserved);

    // Arrive, ten minutes later.
    up.advance(SignedDuration::from_mins(10) + SignedDuration::from_secs(1));
    car.stands(&up).await;
    let active = until(&anna, &up, &held.booking_id, BookingState::Active).await;
    assert!(active.arrive_time.is_some());
    eventually("the map shows the car", || async {
        (anna.spot(&up, SPOT).await.ok()?.status() == SpotStatus::Occupied).then_some(())
    })
    .await;

    // Leave after seventy minutes: two started hours.
    up.advance(SignedDuration::from_mins(70));
    car.gone(&up).await;
    let completed = until(&anna, &up, &held.booking_id, BookingState::Completed).await;
    assert_eq!(completed.final_amount, eur(5, 0));

    // Captured, with a receipt, in books that balance.
    let payment = eventually("the money is captured", || async {
        let request = GetPaymentRequest { payment_id: completed.payment_id.clone() };
        let payment = anna.payment().get_payment(request).await.ok()?.into_inner().payment?;
        (payment.status() == PaymentStatus::Captured).then_some(payment)
    })
    .await;
    assert_eq!(
        (payment.authorized_amount, payment.captured_amount),
        (eur(7, 500_000_000), eur(5, 0))
    );
    let request = GetReceiptRequest { booking_id: held.booking_id.clone(), ..Default::default() };
    let receipt =
        anna.payment().get_receipt(request).await.expect("a receipt").into_inner().receipt;
    let receipt = receipt.expect("a receipt");
    assert_eq!((receipt.total, receipt.spot_number.as_str()), (eur(5, 0), SPOT));
    assert_eq!(receipt.lot_name, "Demo Mall");
    let request = GetLedgerRequest { payment_id: completed.payment_id.clone() };
    let entries =
        office.payment().get_ledger(request).await.expect("the ledger").into_inner().entries;
    let sum: i64 = entries.iter().filter_map(|entry| entry.amount.as_ref()).map(cents).sum();
    assert!(entries.len() >= 4 && sum == 0, "{entries:?}");

    // Told, each thing once.
    let told = eventually("the messages", || async {
        let told = anna.messages().await.ok()?;
        told.iter().any(|one| one.kind() == NotificationKind::Receipt).then_some(told)
    })
    .await;
    for kind in [
        NotificationKind::Reserved,
        NotificationKind::Arrived,
        NotificationKind::Completed,
        NotificationKind::Receipt,
    ] {
        assert_eq!(told.iter().filter(|one| one.kind() == kind).count(), 1, "{kind:?}: {told:?}");
    }
    let mut states = Vec::new();
    while states.last() != Some(&BookingState::Completed) {
        let change = watched.message().await.expect("the watch goes on").expect("no end before");
        states.extend(change.booking.map(|booking| booking.state()));
    }
    assert_eq!(states.first(), Some(&BookingState::Held));
}

fn cents(amount: &Money) -> i64 {
    amount.units * 100 + i64::from(amount.nanos / 10_000_000)
}

/// Waits for a state of a booking. Sensors settle by the moved clock, so it is moved on meanwhile.
pub async fn until(
    driver: &Driver,
    up: &Up,
    booking_id: &str,
    state: BookingState,
) -> parkmesh_contracts::booking::v1::Booking {
    let settles = SignedDuration::from_secs(11);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    up.advance(settles);
    eventually(&format!("{state:?}"), || async {
        let booking = eventually_ok("the booking", || driver.look(booking_id)).await;
        (booking.state() == state).then_some(booking)
    })
    .await
}
