//! Cards that are refused of what is promised already.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::payment::v1::{PaymentAuthorized, PaymentDeclined};
use parkmesh_contracts::time::from_proto;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_testkit::eventually;
use uuid::Uuid;

use crate::booking_action::comes_to;
use crate::booking_relocate::{fact_of, read};
use crate::booking_stay::check_in;
use crate::booking_world::{Town, held};

/// Payment tells something of a payment.
async fn told<F: Fact>(town: &Town, payment_id: Uuid, fact: &F) {
    let row = Row::of(&town.world.ids, town.world.clock.now(), payment_id, 2, fact);
    let mut connection = town.world.pool.acquire().await.unwrap();
    outbox::append(&mut connection, &[row]).await.unwrap();
}

/// The card was refused, of this payment, which was to stand in the place of that one.
async fn refused(town: &Town, booking: &proto::Booking, payment_id: Uuid, replaces: Option<Uuid>) {
    let fact = PaymentDeclined {
        lot_id: booking.lot_id.clone(),
        version: 2,
        payment_id: payment_id.to_string(),
        booking_id: booking.booking_id.clone(),
        user_id: booking.user_id.clone(),
        decline_code: "insufficient_funds".to_owned(),
        promised: true,
        replaces_payment_id: replaces.map(|id| id.to_string()).unwrap_or_default(),
    };
    told(town, payment_id, &fact).await;
}

/// Another card stands in the place of that payment.
async fn covered(town: &Town, booking: &proto::Booking, replaces: Uuid) {
    let payment_id: Uuid = town.world.ids.next();
    let fact = PaymentAuthorized {
        lot_id: booking.lot_id.clone(),
        version: 2,
        payment_id: payment_id.to_string(),
        booking_id: booking.booking_id.clone(),
        user_id: booking.user_id.clone(),
        amount: None,
        replaces_payment_id: replaces.to_string(),
    };
    told(town, payment_id, &fact).await;
}

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn payment_is_told_when_what_is_booked_begins() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 20 * DAY, 20 * DAY + 60).await;
    let starts = town.payment.till.starts.lock().unwrap().clone();
    assert_eq!(starts, [booking.window.unwrap().start_time]);
    town.world.stop().await;
}

#[tokio::test]
async fn a_driver_whose_card_is_refused_has_a_day_for_another_and_then_the_spot_is_free() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 3 * DAY, 3 * DAY + 60).await;
    let first = town.world.ids.next();
    let before = town.world.clock.now();
    refused(&town, &booking, first, None).await;
    let asked = comes_to(&anna, &booking, |now| now.card_due_time.is_some()).await;
    assert_eq!(
        (asked.state(), &*asked.decline_code),
        (BookingState::Reserved, "insufficient_funds")
    );
    assert_eq!(asked.version, booking.version + 1);
    let until = from_proto(&asked.card_due_time.unwrap()).unwrap();
    let left = until.duration_since(before);
    assert!((24 * 60..24 * 60 + 2).contains(&left.as_mins()), "{left}");
    let fact: proto::BookingPaymentDeclined = fact_of(&town, &booking).await;
    assert_eq!((fact.card_due_time, fact.hold_expire_time), (asked.card_due_time, None));
    // The same card once more, in the place of the first: no more time for that.
    refused(&town, &booking, town.world.ids.next(), Some(first)).await;
    town.advance(DAY - 2);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.advance(4);
    let gone = comes_to(&anna, &booking, |now| now.state() == BookingState::Cancelled).await;
    assert_eq!((gone.final_amount, &*gone.decline_code), (None, "insufficient_funds"));
    let fact: proto::BookingCancelled = fact_of(&town, &booking).await;
    assert_eq!(fact.cause(), proto::Cause::Payment);
    assert!(fact.fee.is_none_or(|fee| (fee.units, fee.nanos) == (0, 0)), "it costs nothing");
    let mut ben = town.driver("ben").await;
    held(ben.hold_spot(town.hold(0, 2 * DAY, 2 * DAY + 60)).await);
    town.world.stop().await;
}

#[tokio::test]
async fn another_card_in_time_keeps_the_booking_in_whatever_order_that_is_told() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 3 * DAY, 3 * DAY + 60).await;
    let (first, second) = (town.world.ids.next(), town.world.ids.next());
    refused(&town, &booking, first, None).await;
    comes_to(&anna, &booking, |now| now.card_due_time.is_some()).await;
    covered(&town, &booking, first).await;
    let kept = comes_to(&anna, &booking, |now| now.card_due_time.is_none()).await;
    assert_eq!((kept.state(), &*kept.decline_code), (BookingState::Reserved, ""));
    // The other way round: the refusal is told after what has made it good.
    covered(&town, &booking, second).await;
    let marked = || async {
        let known: Option<(bool,)> =
            sqlx::query_as("SELECT covered FROM refused_card WHERE payment_id = $1")
                .bind(second)
                .fetch_optional(&town.world.pool)
                .await
                .unwrap();
        known
    };
    eventually("the note", marked).await;
    refused(&town, &booking, second, None).await;
    // What is told after it is heard after it.
    let third = town.world.ids.next();
    refused(&town, &booking, third, None).await;
    let asked = comes_to(&anna, &booking, |now| now.card_due_time.is_some()).await;
    assert_eq!(asked.version, kept.version + 1, "once, for the third");
    covered(&town, &booking, third).await;
    comes_to(&anna, &booking, |now| now.card_due_time.is_none()).await;
    town.advance(2 * DAY);
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Reserved);
    town.world.stop().await;
}

#[tokio::test]
async fn a_car_that_is_there_stays_and_its_driver_is_told() {
    let town = Town::start().await;
    let mut anna = town.driver("anna").await;
    let booking = town.reserve(&mut anna, 0, 60, 120).await;
    town.advance(61);
    anna.check_in(check_in(&booking)).await.unwrap();
    refused(&town, &booking, town.world.ids.next(), None).await;
    let fact: proto::BookingPaymentDeclined = fact_of(&town, &booking).await;
    assert_eq!((fact.card_due_time, fact.hold_expire_time), (None, None));
    town.world.clock.advance(SignedDuration::from_mins(30));
    assert_eq!(read(&mut anna, &booking).await.state(), BookingState::Active);
    town.world.stop().await;
}
