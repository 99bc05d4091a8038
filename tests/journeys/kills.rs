//! kill -9 of each service and each server in the middle of the story changes nothing in its outcome.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{Booking, BookingState};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::notification::v1::NotificationKind;
use parkmesh_contracts::payment::v1::{GetLedgerRequest, ListPaymentsRequest, PaymentStatus};

use crate::story::{eur, until};
use crate::support::{Car, Driver, Office, Up, eventually, eventually_ok};

const SPOT: &str = "1-070";

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_any_process_at_any_step_changes_nothing_in_the_outcome() {
    let up = Up::start(&[]);
    let (anna, office, car) = (Driver::new(&up, "driver"), Office::new(&up), Car::at(&up, SPOT));
    car.gone(&up).await;
    let spot = eventually("the spot is free on the map", || async {
        let spot = anna.spot(&up, SPOT).await.ok()?;
        (spot.status() == SpotStatus::Available).then_some(spot)
    })
    .await;

    let wish =
        anna.wish(&spot, up.now() + SignedDuration::from_mins(10), SignedDuration::from_hours(3));
    up.kill9("booking");
    let held = eventually_ok("the hold", || anna.hold(&wish)).await;
    up.kill9("postgres");
    let again = eventually_ok("the same hold", || anna.hold(&wish)).await;
    assert_eq!(again.booking_id, held.booking_id);
    up.kill9("redis");

    let request_id = uuid::Uuid::now_v7().to_string();
    let (payment, sandbox) = tokio::join!(
        eventually_ok("the confirmation", || anna.confirm(&held, "pm_card_ok", &request_id)),
        async {
            up.kill9("payment");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            up.kill9("payment-sandbox");
        }
    );
    let () = sandbox;
    assert_eq!(payment.state(), BookingState::Reserved);

    up.kill9("nats");
    up.advance(SignedDuration::from_mins(10) + SignedDuration::from_secs(1));
    up.kill9("sensor-bridge");
    car.stands(&up).await;
    up.kill9("sensor");
    let active = until(&anna, &up, &held.booking_id, BookingState::Active).await;
    assert!(active.arrive_time.is_some());

    up.kill9("availability");
    up.kill9("notification");
    up.kill9("gateway");
    eventually("the map shows the car", || async {
        (anna.spot(&up, SPOT).await.ok()?.status() == SpotStatus::Occupied).then_some(())
    })
    .await;

    up.advance(SignedDuration::from_mins(70));
    car.gone(&up).await;
    up.kill9("postgres");
    up.kill9("nats");
    until(&anna, &up, &held.booking_id, BookingState::Completed).await;
    up.kill9("payment");
    the_outcome_is_that_of_a_day_without_kills(&up, &anna, &office, &held).await;
}

async fn the_outcome_is_that_of_a_day_without_kills(
    up: &Up,
    anna: &Driver,
    office: &Office,
    held: &Booking,
) {
    let payment = eventually("the money is captured", || async {
        let request =
            ListPaymentsRequest { booking_id: held.booking_id.clone(), ..Default::default() };
        let payments = anna.payment().list_payments(request).await.ok()?.into_inner().payments;
        assert!(payments.len() <= 1, "charged twice: {payments:?}");
        let captured = |one: &parkmesh_contracts::payment::v1::Payment| {
            one.status() == PaymentStatus::Captured
        };
        payments.into_iter().find(captured)
    })
    .await;
    assert_eq!(
        (payment.authorized_amount, payment.captured_amount),
        (eur(7, 500_000_000), eur(5, 0))
    );
    let request = GetLedgerRequest { payment_id: payment.payment_id.clone() };
    let entries = eventually_ok("the ledger", || async {
        Ok(office.payment().get_ledger(request.clone()).await?.into_inner().entries)
    })
    .await;
    let cents = |units: i64, nanos: i32| units * 100 + i64::from(nanos / 10_000_000);
    let sum: i64 = entries
        .iter()
        .filter_map(|one| one.amount.as_ref())
        .map(|one| cents(one.units, one.nanos))
        .sum();
    assert_eq!(sum, 0, "{entries:?}");

    let kinds = [
        NotificationKind::Reserved,
        NotificationKind::Arrived,
        NotificationKind::Completed,
        NotificationKind::Receipt,
    ];
    let told = eventually("all messages", || async {
        let told = anna.messages().await.ok()?;
        kinds.iter().all(|kind| told.iter().any(|one| one.kind() == *kind)).then_some(told)
    })
    .await;
    for kind in kinds {
        assert_eq!(told.iter().filter(|one| one.kind() == kind).count(), 1, "{kind:?}: {told:?}");
    }
    eventually("the map shows the spot free", || async {
        (anna.spot(up, SPOT).await.ok()?.status() == SpotStatus::Available).then_some(())
    })
    .await;
}
