//! Searching a window of days to come, through the door.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::booking::v1::{self as booking, BookingState};
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::eventually;
use tonic::Status;

use crate::facts::Booking;
use crate::house::{House, Replica};

/// A window that begins and ends so many minutes from an instant.
fn window(since: Timestamp, from: i64, to: i64) -> Option<Window> {
    let at = |minutes| Some(to_proto(since + SignedDuration::from_mins(minutes)));
    Some(Window { start_time: at(from), end_time: at(to) })
}

fn asked_since(
    house: &House,
    since: Timestamp,
    from: i64,
    to: i64,
) -> proto::SearchAvailabilityRequest {
    proto::SearchAvailabilityRequest {
        lot_id: house.lot_id.to_string(),
        window: window(since, from, to),
        ..Default::default()
    }
}

/// The same from now; the clock goes on from one to the next.
fn asked(house: &House, from: i64, to: i64) -> proto::SearchAvailabilityRequest {
    asked_since(house, house.clock.now(), from, to)
}

async fn search(
    replica: &Replica,
    request: proto::SearchAvailabilityRequest,
) -> Result<proto::SearchAvailabilityResponse, Status> {
    replica.client.clone().search_availability(request).await.map(tonic::Response::into_inner)
}

fn numbers(found: &proto::SearchAvailabilityResponse) -> Vec<&str> {
    found.spots.iter().map(|spot| spot.spot_number.as_str()).collect()
}

/// Waits until so many spots are free for the window.
async fn has_free(
    replica: &Replica,
    request: &proto::SearchAvailabilityRequest,
    free: i32,
) -> proto::SearchAvailabilityResponse {
    eventually(&format!("{free} free spots"), || async {
        let found = search(replica, request.clone()).await.expect("an answer");
        (found.free == free).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_window_of_weeks_to_come_shows_what_snapshot_and_facts_leave_free() {
    let house = House::new().await;
    let week = 7 * 24 * 60;
    let first = house.booking(4, week);
    {
        let mut known = house.doubles.known();
        let row = booking::LiveWindow {
            turnaround_seconds: 600,
            ..first.live(BookingState::Reserved, 2)
        };
        known.windows.insert(row.booking_id.clone(), row);
    }
    let replica = house.stand().await;
    let asked = |from, to| asked_since(&house, first.start, from, to);
    let found = search(&replica, asked(0, 30)).await.expect("an answer");
    assert_eq!((found.free, found.total), (11, 12));
    let types: Vec<_> = found.types.iter().map(|it| (it.spot_type(), it.free, it.total)).collect();
    assert_eq!(types, [(SpotType::Regular, 7, 8), (SpotType::Ev, 4, 4)]);
    let floors: Vec<_> = found.floors.iter().map(|it| (it.floor_number, it.free)).collect();
    assert_eq!(floors, [(0, 5), (1, 6)]);
    let on_floors = ["00", "02", "06", "08", "10", "01", "03", "05", "07", "09", "11"];
    assert_eq!(numbers(&found), on_floors, "by floor, then by number");
    assert!(found.spots.iter().all(|spot| spot.spot_version == 1));
    assert!(found.freshness.is_some_and(|freshness| freshness.as_of.is_some()));
    assert_eq!(found.refusal(), proto::WindowRefusal::Unspecified);
    // Windows that touch do not meet; the turnaround after a booking is kept too.
    for (from, to, free) in [(-60, 0, 12), (60, 90, 11), (69, 90, 11), (70, 90, 12), (59, 61, 11)] {
        let found = search(&replica, asked(from, to)).await.expect("an answer");
        assert_eq!(found.free, free, "{from}–{to}");
    }

    let second = house.booking(6, week + 20);
    house.tell([second.reserved(2)]).await;
    let both = asked(0, 30);
    has_free(&replica, &both, 10).await;
    house.tell([first.cancelled(3)]).await;
    let found = has_free(&replica, &both, 11).await;
    assert!(numbers(&found).contains(&"04") && !numbers(&found).contains(&"06"));
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_lapsed_hold_keeps_nothing_though_nobody_says_so() {
    let house = House::new().await;
    let replica = house.stand().await;
    let request = asked(&house, 120, 180);
    let until = house.clock.now() + SignedDuration::from_mins(15);
    house.tell([house.booking(3, 120).held(1, until)]).await;
    has_free(&replica, &request, 11).await;
    house.clock.advance(SignedDuration::from_mins(15));
    has_free(&replica, &request, 12).await;
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_car_that_nobody_knows_keeps_its_spot_from_those_who_come_at_once_only() {
    let house = House::new().await;
    let replica = house.stand().await;
    let (lot_id, spots) = (house.lot_id, &house.spots);
    house.tell([crate::facts::occupied(lot_id, spots[0], 1)]).await;
    house.tell([crate::facts::silent(lot_id, spots[1], 1)]).await;
    has_free(&replica, &asked(&house, 5, 60), 10).await;
    let found = search(&replica, asked(&house, 30, 60)).await.expect("an answer");
    assert_eq!(found.free, 12);
    house.stop([replica]).await;
}

#[tokio::test]
async fn places_that_are_promised_without_a_spot_are_taken_off_their_type() {
    let house = House::new().await;
    let replica = house.stand().await;
    let first = house.booking(1, 600);
    let later = |n: usize, minutes| Booking {
        start: first.start + SignedDuration::from_mins(minutes),
        ..house.booking(n, 0)
    };
    let promises = [later(1, 0), later(2, 30), later(4, 60)];
    let asked = |from, to| asked_since(&house, first.start, from, to);
    let of_pool = promises.iter().map(|promise| crate::promises::pending(promise, 2));
    house.tell(of_pool).await;
    // An hour each: at any instant two of them at most.
    let found = has_free(&replica, &asked(0, 120), 10).await;
    let types: Vec<_> = found.types.iter().map(|it| (it.spot_type(), it.free)).collect();
    assert_eq!(types, [(SpotType::Regular, 6), (SpotType::Ev, 4)]);
    assert_eq!(found.spots.len(), 12, "each of them can be held");
    assert_eq!(search(&replica, asked(0, 30)).await.expect("an answer").free, 11);
    house.stop([replica]).await;
}

#[tokio::test]
async fn pages_go_on_where_they_ended_and_a_token_is_of_its_search_only() {
    let house = House::new().await;
    let replica = house.stand().await;
    let floor_id = house.floors[1].to_string();
    let request = proto::SearchAvailabilityRequest {
        floor_id,
        page_size: 2,
        spot_type: SpotType::Regular.into(),
        ..asked(&house, 60, 120)
    };
    let (mut told, mut page_token) = (Vec::new(), String::new());
    loop {
        let page =
            search(&replica, proto::SearchAvailabilityRequest { page_token, ..request.clone() });
        let page = page.await.expect("a page");
        assert_eq!(page.free, 12, "counts are of all");
        told.extend(page.spots.into_iter().map(|spot| spot.spot_number));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let other = proto::SearchAvailabilityRequest {
            page_token: page_token.clone(),
            spot_type: 0,
            ..request.clone()
        };
        let refused = search(&replica, other).await.expect_err("another search");
        assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));
    }
    assert_eq!(told, ["01", "05", "07", "11"]);
    let counts = proto::SearchAvailabilityRequest { counts_only: true, ..request };
    let counts = search(&replica, counts).await.expect("counts");
    assert_eq!((counts.free, counts.spots.len(), counts.next_page_token.as_str()), (12, 0, ""));
    house.stop([replica]).await;
}

#[tokio::test]
async fn closures_hours_and_limits_of_the_lot_are_seen_to() {
    let house = House::new().await;
    let (floor_id, week) = (house.floors[0].to_string(), 7 * 24 * 60);
    let since = house.clock.now();
    {
        let mut known = house.doubles.known();
        let window = window(since, week, week + 60);
        let closure = booking::Closure { floor_id, window, ..Default::default() };
        known.lots[0].closures.push(closure);
        known.lots[0].policy = Some(booking::LotPolicy {
            longest_window_seconds: 7_200,
            booking_ahead_seconds: 90 * 86_400,
            ..Default::default()
        });
    }
    let replica = house.stand().await;
    let day = 24 * 60;
    for (from, to, free, refusal) in [
        (week - 60, week, 12, proto::WindowRefusal::Unspecified),
        (week - 60, week + 1, 6, proto::WindowRefusal::Unspecified),
        (week, week + 121, 0, proto::WindowRefusal::TooLong),
        (91 * day, 91 * day + 60, 0, proto::WindowRefusal::TooFar),
        (89 * day, 89 * day + 60, 12, proto::WindowRefusal::Unspecified),
        (-120, -60, 0, proto::WindowRefusal::Past),
    ] {
        let found = search(&replica, asked_since(&house, since, from, to)).await;
        let found = found.expect("an answer");
        assert_eq!((found.free, found.refusal()), (free, refusal), "{from}–{to}");
        assert_eq!(found.spots.len(), usize::try_from(free).expect("a count"));
        assert_eq!(found.total, 12);
    }
    let empty = search(&replica, asked(&house, 60, 60)).await.expect_err("no window");
    assert_eq!(reason_of(&empty).as_deref(), Some("ARGUMENT_INVALID"));
    house.stop([replica]).await;
}
