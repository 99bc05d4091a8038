//! What is due is told in time, and only then.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCompleted, BookingExtended, BookingHeld, BookingReserved, BookingState,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::notification::v1::NotificationKind as Kind;
use parkmesh_contracts::time::to_proto;

use crate::world::World;

/// A booking whose window begins so many minutes from now and takes two hours, in this state.
fn booking(
    world: &World,
    id: BookingId,
    version: i64,
    state: BookingState,
    starts_in: i64,
) -> Option<parkmesh_contracts::booking::v1::BookingSummary> {
    let start = world.clock.now() + SignedDuration::from_mins(starts_in);
    let end = start + SignedDuration::from_hours(2);
    let mut summary = world.summary(id, version).unwrap();
    summary.window =
        Some(Window { start_time: Some(to_proto(start)), end_time: Some(to_proto(end)) });
    summary.state = state.into();
    Some(summary)
}

async fn settled(world: &World, id: BookingId, version: i64) {
    parkmesh_testkit::eventually("the fact", || async {
        let found: Option<(i64,)> =
            sqlx::query_as("SELECT version FROM booking_place WHERE booking_id = $1")
                .bind(id.as_uuid())
                .fetch_optional(&world.pool)
                .await
                .unwrap();
        found.filter(|(known,)| *known == version)
    })
    .await;
}

async fn kinds(world: &World, count: usize) -> Vec<Kind> {
    world.messages("anna", count).await.iter().map(|message| message.kind()).collect()
}

#[tokio::test]
async fn a_hold_is_told_of_before_it_ends_and_a_reservation_before_it_begins() {
    let world = World::new().await;
    let (held, reserved): (BookingId, BookingId) = (world.ids.next(), world.ids.next());
    let until = world.clock.now() + SignedDuration::from_mins(15);
    let fact = BookingHeld {
        booking: booking(&world, held, 1, BookingState::Held, 180),
        hold_expire_time: Some(to_proto(until)),
        ..Default::default()
    };
    world.tell(held.as_uuid(), 1, &fact).await;
    let summary = booking(&world, reserved, 2, BookingState::Reserved, 90);
    let fact = BookingReserved { booking: summary, ..Default::default() };
    world.tell(reserved.as_uuid(), 2, &fact).await;
    settled(&world, held, 1).await;
    settled(&world, reserved, 2).await;
    assert_eq!(kinds(&world, 1).await, [Kind::Reserved]);

    world.clock.advance(SignedDuration::from_mins(12));
    assert_eq!(kinds(&world, 2).await, [Kind::Reserved, Kind::HoldExpiring]);
    world.clock.advance(SignedDuration::from_mins(18));
    let told = kinds(&world, 3).await;
    assert_eq!(told, [Kind::Reserved, Kind::HoldExpiring, Kind::StartingSoon]);
    // Nobody is told of anything twice, nor of the hold's end after all.
    world.clock.advance(SignedDuration::from_mins(20));
    let marker = world.ids.next();
    world.expired(marker).await;
    assert_eq!(kinds(&world, 4).await[3..], [Kind::Expired]);
    assert_eq!(world.list("anna").await.len(), 4);
}

#[tokio::test]
async fn the_end_is_told_ten_minutes_before_with_a_link_and_again_when_it_is_later() {
    let config = parkmesh_notification::Config {
        app_url: Some("https://park.example".to_owned()),
        ..World::config()
    };
    let world = World::with(config).await;
    let id: BookingId = world.ids.next();
    let active = booking(&world, id, 3, BookingState::Active, -60);
    let fact = BookingActivated {
        booking: active,
        arrive_time: Some(to_proto(world.clock.now())),
        ..Default::default()
    };
    world.tell(id.as_uuid(), 3, &fact).await;
    settled(&world, id, 3).await;
    world.clock.advance(SignedDuration::from_mins(51));
    let told = world.messages("anna", 2).await;
    assert_eq!(told[1].kind(), Kind::EndingSoon);
    assert_eq!(told[1].link, format!("https://park.example/bookings/{id}/extend"));
    assert!(!told[1].body.contains(&told[1].link), "{}", told[1].body);

    // Two hours from now: the window is longer by some.
    let later = booking(&world, id, 4, BookingState::Active, 0);
    let fact = BookingExtended { booking: later, ..Default::default() };
    world.tell(id.as_uuid(), 4, &fact).await;
    settled(&world, id, 4).await;
    world.clock.advance(SignedDuration::from_mins(111));
    let expected = [Kind::Arrived, Kind::EndingSoon, Kind::Extended, Kind::EndingSoon];
    assert_eq!(kinds(&world, 4).await, expected);
}

#[tokio::test]
async fn who_has_left_is_not_reminded_and_an_older_fact_changes_nothing() {
    let world = World::new().await;
    let id: BookingId = world.ids.next();
    let over = booking(&world, id, 4, BookingState::Completed, -60);
    let fact = BookingCompleted {
        booking: over,
        leave_time: Some(to_proto(world.clock.now())),
        ..Default::default()
    };
    world.tell(id.as_uuid(), 4, &fact).await;
    settled(&world, id, 4).await;
    let late = booking(&world, id, 3, BookingState::Active, -60);
    let fact = BookingActivated {
        booking: late,
        arrive_time: Some(to_proto(world.clock.now())),
        ..Default::default()
    };
    world.tell(id.as_uuid(), 3, &fact).await;
    assert_eq!(kinds(&world, 2).await, [Kind::Completed, Kind::Arrived]);
    let (due,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM booking_place WHERE remind_time IS NOT NULL")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(due, 0);
}

#[tokio::test]
async fn what_has_happened_while_nobody_looked_is_not_told_any_more() {
    let mut world = World::new().await;
    let id: BookingId = world.ids.next();
    let summary = booking(&world, id, 2, BookingState::Reserved, 120);
    let fact = BookingReserved { booking: summary, ..Default::default() };
    world.tell(id.as_uuid(), 2, &fact).await;
    settled(&world, id, 2).await;
    world.clock.advance(SignedDuration::from_mins(125));
    world.replica().await;
    parkmesh_testkit::eventually("no reminder", || async {
        let (due,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM booking_place WHERE remind_time IS NOT NULL")
                .fetch_one(&world.pool)
                .await
                .unwrap();
        (due == 0).then_some(())
    })
    .await;
    assert_eq!(kinds(&world, 1).await, [Kind::Reserved]);
}
