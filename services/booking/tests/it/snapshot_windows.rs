//! Which bookings' windows a snapshot holds. Rows are written by hand: what matters here is what is
//! read.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use parkmesh_contracts::booking::v1::{BookingState, LiveWindow};
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use parkmesh_contracts::time;

use crate::snapshot::{availability, snapshot};
use crate::world::{World, make_place};

/// A booking as far as a snapshot cares.
struct Booking {
    state: BookingState,
    /// Hours after now at which its window of one hour begins.
    start_hour: i64,
    /// Seconds after now at which the hold ends.
    hold_seconds: i64,
    /// Seconds after now until which a payment may answer.
    confirm_seconds: Option<i64>,
}

fn booking(state: BookingState, start_hour: i64) -> Booking {
    Booking { state, start_hour, hold_seconds: 60, confirm_seconds: None }
}

impl Booking {
    async fn insert(&self, world: &World, spot: &parkmesh_contracts::booking::v1::Spot) -> String {
        let booking_id: BookingId = world.ids.next();
        let now = world.clock.now();
        let start = now + SignedDuration::from_hours(self.start_hour);
        let end = start + SignedDuration::from_hours(1);
        let live = matches!(
            self.state,
            BookingState::Held | BookingState::Reserved | BookingState::Active
        );
        let (came, left) = match self.state {
            BookingState::Active => (Some(start), None),
            BookingState::Completed => (Some(start), Some(end)),
            _ => (None, None),
        };
        let at = |seconds: i64| (now + SignedDuration::from_secs(seconds)).to_sqlx();
        let sql = |time: Option<Timestamp>| time.map(ToSqlx::to_sqlx);
        sqlx::query(
            "INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id,
                 plate, during, start_time, state, tariff_version, hourly_rate_minor, amount_minor,
                 currency_code, hold_expire_time, confirm_until, due_time, arrive_time, leave_time,
                 final_amount_minor, hold_slot, version, create_time)
             VALUES ($1, $1::text, $2, $3, $4, $5, 'anna', '', tstzrange($6, $7, '[)'), $6, $8, 1,
                 0, 0, 'EUR', $9, $10, CASE WHEN $11 THEN $7 END, $12, $13, NULL, $14, 7, $15)",
        )
        .bind(booking_id.as_uuid())
        .bind(spot.lot_id.parse::<LotId>().unwrap().as_uuid())
        .bind(uuid::Uuid::parse_str(&spot.floor_id).unwrap())
        .bind(spot.spot_id.parse::<SpotId>().unwrap().as_uuid())
        .bind(&spot.spot_number)
        .bind(start.to_sqlx())
        .bind(end.to_sqlx())
        .bind(i16::try_from(i32::from(self.state)).unwrap())
        .bind(at(self.hold_seconds))
        .bind(self.confirm_seconds.map(at))
        .bind(live)
        .bind(sql(came))
        .bind(sql(left))
        .bind(i16::try_from(self.start_hour + 1).unwrap())
        .bind(now.to_sqlx())
        .execute(&world.pool)
        .await
        .unwrap();
        booking_id.to_string()
    }
}

/// The windows of a snapshot, in the order of their starts.
async fn live_windows(world: &World) -> Vec<LiveWindow> {
    let mut windows = snapshot(&mut availability(world).await, "").await.windows;
    windows.sort_by_key(|window| window.window.unwrap().start_time.unwrap().seconds);
    windows
}

#[tokio::test]
async fn only_windows_that_block_somebody_are_told() {
    let world = World::start().await;
    let place = make_place(&mut world.operator("op").await, "Mall", 1).await;
    let spot = &place.spots[0];
    use BookingState::{Active, Cancelled, Completed, Expired, Held, NoShow, Reserved};
    let paying = Booking { hold_seconds: -5, confirm_seconds: Some(25), ..booking(Held, 1) };
    let told = [booking(Active, 0), paying, booking(Reserved, 2), booking(Held, 3)];
    let mut expected = Vec::new();
    for booking in &told {
        expected.push(booking.insert(&world, spot).await);
    }
    let lapsed = Booking { hold_seconds: -1, ..booking(Held, 4) };
    let paid_too_late =
        Booking { hold_seconds: -31, confirm_seconds: Some(-1), ..booking(Held, 5) };
    lapsed.insert(&world, spot).await;
    paid_too_late.insert(&world, spot).await;
    for (hour, state) in [(6, Completed), (7, Cancelled), (8, Expired), (9, NoShow)] {
        booking(state, hour).insert(&world, spot).await;
    }

    let windows = live_windows(&world).await;
    let ids: Vec<&str> = windows.iter().map(|window| window.booking_id.as_str()).collect();
    assert_eq!(ids, expected);
    let states: Vec<BookingState> = windows.iter().map(|window| window.state()).collect();
    assert_eq!(states, [Active, Held, Reserved, Held]);
    let holds: Vec<bool> = windows.iter().map(|window| window.hold_expire_time.is_some()).collect();
    assert_eq!(holds, [false, true, false, true]);
    let end = time::from_proto(&windows[1].hold_expire_time.unwrap()).unwrap();
    assert!(end > world.clock.now(), "the spot is kept until the payment may not answer any more");
    let window = windows[2].window.unwrap();
    let length = window.end_time.unwrap().seconds - window.start_time.unwrap().seconds;
    assert_eq!(
        (windows[2].spot_id.as_str(), windows[2].version, length),
        (spot.spot_id.as_str(), 7, 3_600)
    );

    // A minute on, with nobody having swept, the other two holds block nobody either.
    world.clock.advance(SignedDuration::from_secs(61));
    let windows = live_windows(&world).await;
    let ids: Vec<&str> = windows.iter().map(|window| window.booking_id.as_str()).collect();
    assert_eq!(ids, [expected[0].as_str(), expected[2].as_str()]);
    world.stop().await;
}

#[tokio::test]
async fn every_window_is_told_once_across_parts() {
    let world = World::start().await;
    let mut operator = world.operator("op").await;
    let place = make_place(&mut operator, "Mall", 600).await;
    let tower = make_place(&mut operator, "Tower", 2).await;
    sqlx::query(
        "INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id,
             plate, during, start_time, state, tariff_version, hourly_rate_minor, amount_minor,
             currency_code, hold_expire_time, due_time, hold_slot, version, create_time)
         SELECT gen_random_uuid(), spot_number || hour, lot_id, floor_id, spot_id, spot_number,
                'anna', '', tstzrange(start, start + interval '1 hour', '[)'), start, 2, 1, 0, 0,
                'EUR', start, date_trunc('day', start), 1, 1, start
         FROM spot, generate_series(1, 2) AS hour,
              LATERAL (SELECT now() + hour * interval '1 hour' AS start) AS starts",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let windows = snapshot(&mut availability(&world).await, "").await.windows;
    let mut ids: Vec<String> = windows.into_iter().map(|window| window.booking_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1_204);
    let of_tower = snapshot(&mut availability(&world).await, &tower.lot.lot_id).await.windows;
    assert_eq!(of_tower.len(), 4);
    assert!(of_tower.iter().all(|window| window.spot_id != place.spots[0].spot_id));
    world.stop().await;
}
