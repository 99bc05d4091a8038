//! One version's processes run beside the next one's on the same schema and facts.
//!
//! There is no next version to run here, so what it would leave behind is made as it would make it: its
//! expanding migration, by sqlx and as the service's role; a fact of a type that ours do not know; and, in all
//! that the replica in its place writes, a field that ours do not know. Everything reads all of it.

mod next;

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{
    Booking, BookingCancelled, BookingHeld, BookingReserved, BookingState, CancelBookingRequest,
    WatchBookingRequest,
};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::notification::v1::NotificationKind;
use parkmesh_eventbus::{Bus, BusConfig, Delivered, deadletter};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use sqlx::PgPool;

use crate::support::{Car, Driver, Up, eventually, reason};
use next::{NEW_FACT, Replica, UNKNOWN_FIELD};

/// A booking is made at one replica and given back at the other.
struct Pair {
    first: Driver,
    next: Driver,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_the_next_version_works_beside_ours_on_the_same_schema_and_facts() {
    let up = Up::start(&[]);
    let bus = bus(&up).await;
    let booking = next::pool(&up, "booking").await;
    let straight = |url: String| Driver::straight(url, &up.token("driver"));
    let first = straight(up.told("/services/booking"));
    // Statements of ours are prepared on the schema as it was, and used on what it becomes.
    let before = book(&up, &first, "1-080").await;

    next::migrate(&up).await;
    let unknown = next::tell_what_ours_do_not_know(&booking, &before).await;
    let replica = Replica::start(&up);
    let pair = Pair { first, next: straight(replica.url()) };
    eventually("the second replica answers", || async {
        pair.next.look(&before.booking_id).await.ok()
    })
    .await;

    next::migrate_with_ours(&up);
    assert_eq!(next::versions_seen(&up, "booking").await.last(), Some(&next::VERSION));
    assert_eq!(next::versions_seen(&up, "notification").await.last(), Some(&next::VERSION));

    let by_first = book_at_one_cancel_at_the_other(&up, &pair.first, &pair.next, "1-081").await;
    let by_next = book_at_one_cancel_at_the_other(&up, &pair.next, &pair.first, "1-082").await;
    neither_sells_what_the_other_sold(&up, &pair).await;
    cancel(&pair.next, &before).await;
    told_once(&up, &[&before, &by_first, &by_next]).await;

    // Who reserved wrote `held` and `reserved`, the other `cancelled`.
    let facts = facts_of(&bus, &booking, &by_first).await;
    assert_eq!(facts.iter().map(is_of_next).collect::<Vec<_>>(), [false, false, true]);
    let facts = facts_of(&bus, &booking, &by_next).await;
    assert_eq!(facts.iter().map(is_of_next).collect::<Vec<_>>(), [true, true, false]);
    // The new fact went the way of all others, and nobody stumbled over it.
    let unknown = published(&bus, &booking, NEW_FACT, &unknown).await;
    assert_eq!((unknown.fact_type.as_str(), &unknown.body[..]), (NEW_FACT, &b"blue"[..]));
    let letters = deadletter::list(&bus, 0, deadletter::LIST_MAX).await.expect("the dead letters");
    assert_eq!(letters, []);
    assert!(!anna(&up).counts(&up).await.expect("counts").freshness.expect("freshness").stale);
}

async fn bus(up: &Up) -> Bus {
    let config = BusConfig { url: up.told("/servers/nats"), ..Default::default() };
    Bus::connect(&config, &Clock::system(), &Ids::random()).await.expect("NATS")
}

fn anna(up: &Up) -> Driver {
    Driver::new(up, "driver")
}

/// Waits until the map shows the spot so.
async fn shown(up: &Up, number: &str, status: SpotStatus) {
    let anna = anna(up);
    eventually(&format!("{number} is {status:?} on the map"), || async {
        (anna.spot(up, number).await.ok()?.status() == status).then_some(())
    })
    .await;
}

/// Holds and confirms at a replica.
async fn book(up: &Up, at: &Driver, number: &str) -> Booking {
    let spot = eventually("the map", || async { anna(up).spot(up, number).await.ok() }).await;
    let start = up.now() + SignedDuration::from_mins(10);
    let wish = at.wish(&spot, start, SignedDuration::from_hours(1));
    let held = at.hold(&wish).await.expect("a hold");
    let request_id = uuid::Uuid::now_v7().to_string();
    let reserved = at.confirm(&held, "pm_card_ok", &request_id).await.expect("a reservation");
    assert_eq!(reserved.state(), BookingState::Reserved);
    reserved
}

async fn cancel(at: &Driver, booking: &Booking) {
    let request = CancelBookingRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        booking_id: booking.booking_id.clone(),
    };
    let cancelled = at.booking().cancel_booking(request).await.expect("cancelled").into_inner();
    assert_eq!(cancelled.booking.expect("a booking").state(), BookingState::Cancelled);
}

async fn book_at_one_cancel_at_the_other(
    up: &Up,
    one: &Driver,
    other: &Driver,
    number: &str,
) -> Booking {
    // A spot of a silent sensor would be shown as unknown all the time.
    Car::at(up, number).gone(up).await;
    shown(up, number, SpotStatus::Available).await;
    let booked = book(up, one, number).await;
    shown(up, number, SpotStatus::Reserved).await;
    assert_eq!(other.look(&booked.booking_id).await.expect("at the other").state, booked.state);
    let watch = WatchBookingRequest { booking_id: booked.booking_id.clone(), after_version: 0 };
    let mut watched = one.booking().watch_booking(watch).await.expect("a watch").into_inner();
    cancel(other, &booked).await;
    let mut seen = None;
    while seen != Some(BookingState::Cancelled) {
        let change = watched.message().await.expect("the watch goes on").expect("no end before");
        seen = change.booking.map(|booking| booking.state()).or(seen);
    }
    shown(up, number, SpotStatus::Available).await;
    booked
}

async fn neither_sells_what_the_other_sold(up: &Up, pair: &Pair) {
    for (seller, other, number) in
        [(&pair.first, &pair.next, "1-083"), (&pair.next, &pair.first, "1-084")]
    {
        let spot = anna(up).spot(up, number).await.expect("the spot");
        let start = up.now() + SignedDuration::from_mins(10);
        let wish = || seller.wish(&spot, start, SignedDuration::from_hours(1));
        let sold = seller.hold(&wish()).await.expect("a hold");
        let refused = other.hold(&wish()).await.expect_err("sold already");
        assert_eq!(reason(&refused), "SPOT_TAKEN", "{refused:?}");
        cancel(other, &sold).await;
    }
}

/// The driver has one message of each kind for each booking.
async fn told_once(up: &Up, bookings: &[&Booking]) {
    let anna = anna(up);
    for booking in bookings {
        for kind in [NotificationKind::Reserved, NotificationKind::Cancelled] {
            let count = eventually(&format!("{kind:?} is told"), || async {
                let messages = anna.messages().await.ok()?;
                let of_it = messages
                    .iter()
                    .filter(|one| one.booking_id == booking.booking_id && one.kind() == kind);
                Some(of_it.count()).filter(|count| *count > 0)
            })
            .await;
            assert_eq!(count, 1, "{kind:?} of {}", booking.booking_id);
        }
    }
}

/// The facts of a cancelled booking, as the stream has them.
async fn facts_of(bus: &Bus, booking: &PgPool, of: &Booking) -> Vec<Delivered> {
    let mut facts = Vec::new();
    for fact_type in [BookingHeld::TYPE, BookingReserved::TYPE, BookingCancelled::TYPE] {
        facts.push(published(bus, booking, fact_type, &of.booking_id).await);
    }
    let cancelled: BookingCancelled = facts[2].decode().expect("readable by ours");
    let told = cancelled.booking.expect("what it is about");
    assert_eq!((&told.booking_id, told.state()), (&of.booking_id, BookingState::Cancelled));
    facts
}

/// The fact of this type about this aggregate, once it is in the stream.
async fn published(bus: &Bus, booking: &PgPool, fact_type: &str, of: &str) -> Delivered {
    let sequence = eventually("the fact is in the stream", || async {
        let query = "SELECT stream_sequence FROM outbox WHERE fact_type = $1 \
                     AND aggregate_id = $2::uuid AND stream = 'BOOKING'";
        let found = sqlx::query_scalar::<_, Option<i64>>(query).bind(fact_type).bind(of);
        found.fetch_optional(booking).await.expect("the outbox").flatten()
    })
    .await;
    let sequence = u64::try_from(sequence).expect("a place");
    bus.fact_at("BOOKING", sequence).await.expect("the stream").expect("the fact")
}

fn is_of_next(fact: &Delivered) -> bool {
    fact.body.ends_with(UNKNOWN_FIELD)
}
