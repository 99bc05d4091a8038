//! What became of the bookings of those whose cars came, left, or are still there.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    Booking, BookingState, ListBookingTimelineRequest, ListBookingsRequest, ListSpotTimelineRequest,
};
use parkmesh_contracts::time::from_proto;
use serde::Serialize;

use crate::Failure;
use crate::client::{ANSWER_BYTES_MAX, Gateway};
use crate::simulate::drivers::Told;
use crate::simulate::ground::Stay;
use crate::simulate::pace::Pace;
use crate::simulate::people::{MINUTE_MS, Trip};

use super::Expected;

/// Rows of a page.
const PAGE_SIZE: i32 = 200;
/// Calls at once.
const CALLS_MAX: usize = 32;
/// A session ends by itself so long after its window.
const OVERSTAY_GRACE_MS: i64 = 15 * MINUTE_MS;
/// A booking whose car does not come ends so long after its start.
const NO_SHOW_MS: i64 = 30 * MINUTE_MS;
/// Processes look at a moved clock so often: by so much, times the speed, their clocks may differ.
const CLOCK_LOOK_MS: f64 = 300.0;
/// And by so much at any speed.
const CLOCKS_APART_MS: i64 = 1_000;
/// What is told of a spot where something is wrong: so long before its car came, and after it.
const STORY_BEFORE: SignedDuration = SignedDuration::from_mins(10);
const STORY_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// What became of bookings.
#[derive(Debug, Default, Serialize)]
pub struct Booked {
    /// Wishes.
    pub asked: usize,
    /// Of them booked.
    pub booked: usize,
    /// Refused, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Bookings by the state in which they ended.
    pub states: BTreeMap<String, usize>,
    /// Cars that stand, or stood, on the spot of their booking.
    pub came: usize,
    /// Ended with something to pay while their car was still there, and before their time was over.
    pub charged_while_there: usize,
    /// Still open though their car has left.
    pub open_after_leaving: usize,
}

/// Looks at all bookings that were made.
pub async fn look(
    gateway: &Gateway,
    expected: &Expected<'_>,
    pace: &Pace,
) -> Result<(Booked, Vec<String>), Failure> {
    let mut booked = Booked { asked: expected.trips.len(), ..Booked::default() };
    let mut ids = HashMap::new();
    for (visit, told) in &expected.told {
        match told {
            Told::Booked(booking_id) => drop(ids.insert(*visit, booking_id.as_str())),
            Told::Refused(why) => *booked.refused.entry(why.clone()).or_default() += 1,
            Told::Asked => *booked.refused.entry("NO_ANSWER".to_owned()).or_default() += 1,
        }
    }
    booked.booked = ids.len();
    if ids.is_empty() {
        return Ok((booked, Vec::new()));
    }
    let all = all_bookings(gateway, expected).await?;
    let mut ended = Vec::new();
    for (trip, stay) in &expected.trips {
        let Some(booking) = ids.get(&trip.visit).and_then(|id| all.get(*id)) else { continue };
        let state = booking.state().as_str_name().trim_start_matches("BOOKING_STATE_");
        *booked.states.entry(state.to_owned()).or_default() += 1;
        // Who stands elsewhere has not arrived: also who was relocated, of which drivers here hear nothing.
        let own = |stay: &Stay| {
            let place = expected.city.places.get(stay.spot);
            place.is_some_and(|place| place.spot_id == booking.spot_id)
        };
        let Some(stay) = stay.filter(own) else { continue };
        booked.came += 1;
        match booking.state() {
            BookingState::Completed | BookingState::NoShow => ended.push((*trip, stay, booking)),
            BookingState::Active if stay.left_ms.is_some() => booked.open_after_leaving += 1,
            _ => {}
        }
    }
    let slack_ms = CLOCKS_APART_MS + whole(CLOCK_LOOK_MS * pace.speed());
    let mut differences = Vec::new();
    let looks = ended.into_iter().map(|(trip, stay, booking)| async move {
        let early = ended_at(gateway, booking)
            .await?
            .filter(|at| too_early(*at, &trip, &stay, booking, pace, slack_ms));
        let Some(at) = early else { return Ok::<_, Failure>(None) };
        let there = (pace.at(stay.came_ms), stay.left_ms.map(|left| pace.at(left)));
        why(gateway, booking, at, there).await.map(Some)
    });
    let mut looks = stream::iter(looks).buffer_unordered(CALLS_MAX);
    while let Some(look) = looks.next().await {
        if let Some(difference) = look? {
            booked.charged_while_there += 1;
            differences.push(difference);
        }
    }
    Ok((booked, differences))
}

/// Whether it ended while its car was there and its time was not over.
fn too_early(
    at: Timestamp,
    trip: &Trip,
    stay: &Stay,
    booking: &Booking,
    pace: &Pace,
    slack_ms: i64,
) -> bool {
    let at_ms = i64::try_from(at.duration_since(pace.began()).as_millis()).unwrap_or(i64::MAX);
    let there =
        at_ms > stay.came_ms + slack_ms && stay.left_ms.is_none_or(|left| at_ms < left - slack_ms);
    let over = match booking.state() {
        BookingState::NoShow => trip.from_ms + NO_SHOW_MS,
        _ => trip.to_ms + OVERSTAY_GRACE_MS,
    };
    let charged = booking.final_amount.as_ref().is_some_and(|amount| {
        amount.units > 0 || amount.nanos > 0 || booking.state() == BookingState::Completed
    });
    there && at_ms < over - slack_ms && charged
}

/// When it was written down that it ended.
async fn ended_at(gateway: &Gateway, booking: &Booking) -> Result<Option<Timestamp>, Failure> {
    let request = ListBookingTimelineRequest {
        booking_id: booking.booking_id.clone(),
        page_size: PAGE_SIZE,
        ..Default::default()
    };
    let mut client = BookingServiceClient::new(gateway.clone());
    let entries = client.list_booking_timeline(request).await?.into_inner().entries;
    let end = entries.iter().find(|entry| ["completed", "no_show"].contains(&entry.fact.as_str()));
    Ok(end.and_then(|entry| from_proto(entry.create_time.as_ref()?).ok()))
}

/// What became of a booking whose car was there from then until then, with the last that its spot's story tells.
async fn why(
    gateway: &Gateway,
    booking: &Booking,
    at: Timestamp,
    (came, left): (Timestamp, Option<Timestamp>),
) -> Result<String, Failure> {
    let request = ListSpotTimelineRequest {
        spot_id: booking.spot_id.clone(),
        page_size: PAGE_SIZE,
        ..Default::default()
    };
    let mut client = BookingServiceClient::new(gateway.clone());
    let entries = client.list_spot_timeline(request).await?.into_inner().entries;
    let story = entries.iter().filter_map(|entry| {
        let time = from_proto(entry.create_time.as_ref()?).ok()?;
        let cause = entry.cause().as_str_name().trim_start_matches("CAUSE_");
        let near = time > came - STORY_BEFORE && time < at + STORY_AFTER;
        near.then(|| format!("\n    {time} {} ({cause}) {}", entry.fact, entry.booking_id))
    });
    let left = left.map_or_else(|| "now".to_owned(), |left| left.to_string());
    let (id, state) = (&booking.booking_id, booking.state());
    let story: String = story.collect();
    Ok(format!(
        "booking {id} became {state:?} at {at}; its car was there from {came} to {left}{story}"
    ))
}

async fn all_bookings(
    gateway: &Gateway,
    expected: &Expected<'_>,
) -> Result<HashMap<String, Booking>, Failure> {
    let mut client =
        BookingServiceClient::new(gateway.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut all = HashMap::new();
    for lot_id in expected.city.lots() {
        let mut page_token = String::new();
        loop {
            let request = ListBookingsRequest {
                lot_id: lot_id.clone(),
                page_size: PAGE_SIZE,
                page_token,
                ..Default::default()
            };
            let page = client.list_bookings(request).await?.into_inner();
            all.extend(page.bookings.into_iter().map(|one| (one.booking_id.clone(), one)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
    }
    Ok(all)
}

#[expect(clippy::cast_possible_truncation, reason = "some seconds")]
fn whole(ms: f64) -> i64 {
    ms as i64
}

#[cfg(test)]
mod tests {
    use parkmesh_contracts::google::r#type::Money;
    use parkmesh_platform::clock::Clock;

    use super::*;

    /// Whether a booking of minute 10 to 40 that ended at this minute, with so much to pay, ended too early for a car that was
    /// there from minute 12 until it left.
    fn early(at_minutes: i64, left_minutes: Option<i64>, state: BookingState, units: i64) -> bool {
        let pace = Pace::begin(&Clock::system(), 1.0, None).expect("its own speed");
        let ms = |minutes: i64| minutes * MINUTE_MS;
        let trip = Trip { visit: 1, spot: 0, from_ms: ms(10), to_ms: ms(40) };
        let stay = Stay { spot: 0, came_ms: ms(12), left_ms: left_minutes.map(ms) };
        let amount = Money { units, ..Money::default() };
        let booking =
            Booking { state: state.into(), final_amount: Some(amount), ..Booking::default() };
        let at = pace.began() + SignedDuration::from_mins(at_minutes);
        too_early(at, &trip, &stay, &booking, &pace, 1_500)
    }

    #[test]
    fn a_booking_ends_when_its_car_has_left_or_its_time_is_over_and_never_before() {
        let completed = BookingState::Completed;
        assert!(early(20, None, completed, 0) && early(20, Some(21), completed, 5));
        assert!(!early(21, Some(20), completed, 5), "it has left");
        assert!(!early(56, None, completed, 5), "an overstay");
        assert!(early(54, None, completed, 5), "not yet an overstay");
        assert!(early(20, None, BookingState::NoShow, 3), "it is no no-show, it is there");
        assert!(!early(20, None, BookingState::NoShow, 0), "which costs nothing");
        assert!(!early(45, None, BookingState::NoShow, 3), "half an hour after its start");
    }
}
