//! Facts that tell people something, written into the outbox of booking, whose relay publishes them: nobody else may.

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::{BookingReserved, BookingState, BookingSummary};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_platform::ids::Ids;
use sqlx::PgConnection;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Person;
use crate::Failure;

/// Facts that are written at once.
const AT_ONCE: usize = 100;

/// Begins to write, round by round, one fact for each person.
pub fn start(mut connection: PgConnection, people: &[Person]) -> JoinHandle<Result<(), Failure>> {
    let most = people.iter().map(|person| person.bookings.len()).max().unwrap_or(0);
    let rounds = (0..most).flat_map(|round| {
        people.iter().filter_map(move |person| Some((person, *person.bookings.get(round)?)))
    });
    let all: Vec<(String, Uuid)> =
        rounds.map(|(person, booking)| (person.name.clone(), booking)).collect();
    #[expect(clippy::disallowed_methods, reason = "a bench is outside of the house")]
    tokio::spawn(async move {
        let ids = Ids::random();
        let lot: Uuid = ids.next();
        for some in all.chunks(AT_ONCE) {
            let rows: Vec<Row> =
                some.iter().map(|(person, booking)| row(&ids, lot, person, *booking)).collect();
            outbox::append(&mut connection, &rows).await?;
            crate::pause(std::time::Duration::from_millis(100)).await;
        }
        Ok(())
    })
}

/// What the QR of a booking shows: the booking itself, so that a mail tells which one it is about.
pub fn code(booking: Uuid) -> String {
    booking.simple().to_string()
}

fn row(ids: &Ids, lot: Uuid, person: &str, booking: Uuid) -> Row {
    Row::of(ids, crate::city::now(), booking, 2, &reserved(lot, person, booking))
}

/// The fact that a booking of this person is reserved.
pub fn reserved(lot: Uuid, person: &str, booking: Uuid) -> BookingReserved {
    let now = crate::city::now();
    let start = now + SignedDuration::from_hours(30 * 24);
    let summary = BookingSummary {
        booking_id: booking.to_string(),
        code: code(booking),
        lot_id: lot.to_string(),
        lot_name: "Harbour".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        spot_number: "A-12".to_owned(),
        user_id: person.to_owned(),
        window: Some(Window {
            start_time: Some(to_proto(start)),
            end_time: Some(to_proto(start + SignedDuration::from_hours(2))),
        }),
        state: BookingState::Reserved.into(),
        version: 2,
        ..Default::default()
    };
    BookingReserved {
        lot_id: lot.to_string(),
        version: 2,
        booking: Some(summary),
        ..Default::default()
    }
}
