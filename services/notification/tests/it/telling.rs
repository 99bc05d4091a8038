use parkmesh_contracts::booking::v1::{BookingReserved, BookingSpotAssigned};
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::notification::v1::NotificationKind as Kind;
use parkmesh_contracts::payment::v1::PaymentRefunded;
use parkmesh_testkit::eventually;

use crate::world::{World, eur};

#[tokio::test]
async fn every_fact_that_concerns_somebody_becomes_one_message_in_its_order() {
    let world = World::new().await;
    let (stay, gone): (BookingId, BookingId) = (world.ids.next(), world.ids.next());
    world.held(stay).await;
    world.reserved(stay).await;
    world.activated(stay).await;
    world.completed(stay).await;
    world.expired(gone).await;
    let told = world.messages("anna", 4).await;
    let said: Vec<_> = told.iter().map(|message| (message.sequence, message.kind())).collect();
    let expected =
        [(1, Kind::Reserved), (2, Kind::Arrived), (3, Kind::Completed), (4, Kind::Expired)];
    assert_eq!(said, expected);
    assert_eq!(told[0].body, "Harbour, Fri 20 Nov, 14:00 to 16:00. Your code is K7P2.");
    assert_eq!(
        told[1].body,
        "Spot A-12: you arrived on Fri 20 Nov, 14:01. Your booking ends on Fri 20 Nov, 16:00."
    );
    assert_eq!(told[2].body, "Spot A-12: you left on Fri 20 Nov, 15:35. It costs 8.50 EUR.");
    assert!(told[..3].iter().all(|message| message.booking_id == stay.to_string()));
    assert_eq!(told[3].booking_id, gone.to_string());
    assert!(told.iter().all(|message| message.read_time.is_none()));
}

#[tokio::test]
async fn fees_are_told_where_there_are_any() {
    let world = World::new().await;
    world.cancelled(world.ids.next(), 0).await;
    world.cancelled(world.ids.next(), 200).await;
    world.no_show(world.ids.next(), 300).await;
    let told = world.messages("anna", 3).await;
    let ends = ["Nothing is charged.", "A fee of 2.00 EUR is charged.", "3.00 EUR is charged."];
    for (message, end) in told.iter().zip(ends) {
        assert!(message.body.ends_with(end), "{}", message.body);
    }
    assert_eq!(told[2].kind(), Kind::NoShow);
}

#[tokio::test]
async fn payments_name_the_lot_where_it_is_known_and_do_without_where_not() {
    let world = World::new().await;
    let (known, unknown): (BookingId, BookingId) = (world.ids.next(), world.ids.next());
    world.held(known).await;
    eventually("the place of the booking", || async {
        let found: Option<(bool,)> =
            sqlx::query_as("SELECT true FROM booking_place WHERE booking_id = $1")
                .bind(known.as_uuid())
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        found
    })
    .await;
    world.captured(known).await;
    world.declined(known).await;
    world.captured(unknown).await;
    let told = world.messages("anna", 3).await;
    assert_eq!((told[0].kind(), told[0].title.as_str()), (Kind::Receipt, "Receipt 00000042"));
    assert_eq!(told[0].body, "8.50 EUR was charged for parking at Harbour.");
    assert_eq!(told[1].kind(), Kind::PaymentDeclined);
    assert!(told[1].body.contains("not enough money"), "{}", told[1].body);
    assert_eq!(told[2].body, "8.50 EUR was charged for parking.");
}

#[tokio::test]
async fn each_refund_is_told() {
    let world = World::new().await;
    let (booking, payment): (BookingId, uuid::Uuid) = (world.ids.next(), world.ids.next());
    for (version, minor) in [(4, 200), (5, 650)] {
        let fact = PaymentRefunded {
            booking_id: booking.to_string(),
            user_id: "anna".to_owned(),
            amount: Some(eur(minor)),
            version,
            ..PaymentRefunded::default()
        };
        world.tell(payment, version, &fact).await;
    }
    let told = world.messages("anna", 2).await;
    assert!(told.iter().all(|message| message.kind() == Kind::Refunded));
    assert_eq!(told[0].body, "2.00 EUR for parking is on its way back to you.");
    assert_eq!(told[1].body, "6.50 EUR for parking is on its way back to you.");
}

#[tokio::test]
async fn facts_that_are_delivered_again_are_told_once() {
    let world = World::new().await;
    let booking = world.ids.next();
    world.reserved(booking).await;
    world.activated(booking).await;
    world.messages("anna", 2).await;
    // Without its durable, the consumer begins again with the oldest fact.
    let stream = world.bus.jetstream().get_stream(world.bus.name("BOOKING")).await.unwrap();
    stream.delete_consumer(&world.bus.name("notification-booking")).await.unwrap();
    world.completed(booking).await;
    let told = world.messages("anna", 3).await;
    let kinds: Vec<_> = told.iter().map(|message| message.kind()).collect();
    assert_eq!(kinds, [Kind::Reserved, Kind::Arrived, Kind::Completed]);
}

#[tokio::test]
async fn a_driver_is_told_the_spot_when_it_is_given_and_not_before() {
    let world = World::new().await;
    let booking = world.ids.next();
    let mut pending = world.summary(booking, 2).unwrap();
    pending.spot_number.clear();
    pending.spot_pending = true;
    let booking_of = Some(pending);
    let fact = BookingReserved { booking: booking_of, version: 2, ..Default::default() };
    world.tell(booking.as_uuid(), 2, &fact).await;
    let given = BookingSpotAssigned {
        booking: world.summary(booking, 3),
        version: 3,
        ..Default::default()
    };
    world.tell(booking.as_uuid(), 3, &given).await;
    let told = world.messages("anna", 2).await;
    let titles: Vec<_> = told.iter().map(|message| message.title.as_str()).collect();
    assert_eq!(titles, ["A spot is reserved for you", "Spot A-12 is yours"]);
}

#[tokio::test]
async fn messages_are_forgotten_when_they_are_old() {
    let mut world = World::new().await;
    world.reserved(world.ids.next()).await;
    world.messages("anna", 1).await;
    world.clock.advance(jiff::SignedDuration::from_hours(91 * 24));
    // A process looks for old messages when it starts.
    world.replica().await;
    eventually("an empty list", || async {
        Some(world.list("anna").await).filter(|found| found.is_empty())
    })
    .await;
    let (places,): (i64,) = eventually("no place", || async {
        let row: (i64,) = sqlx::query_as("SELECT count(*) FROM booking_place")
            .fetch_one(&world.pool)
            .await
            .unwrap();
        Some(row).filter(|(places,)| *places == 0)
    })
    .await;
    assert_eq!(places, 0);
}
