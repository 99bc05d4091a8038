//! What a search calls free can be held, and what it calls taken cannot: booking is asked.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use parkmesh_contracts::availability::v1::{SearchAvailabilityRequest, SpotState};
use parkmesh_contracts::common::v1::{SpotType, Window};
use parkmesh_contracts::time;

use crate::support::{Driver, Up, eventually, reason};

/// Spots of the mall that are booked before, each for a time of its own.
const BOOKED: usize = 24;

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// Everything that is free, once the picture shows what was booked up to now.
async fn free(up: &Up, driver: &Driver, window: Window) -> Vec<SpotState> {
    let told_by = time::to_proto(up.now());
    eventually("a picture as of now", || async {
        let request = SearchAvailabilityRequest {
            lot_id: up.lot(),
            window: Some(window),
            page_size: 1_000,
            ..Default::default()
        };
        let found = driver.availability().search_availability(request).await.ok()?.into_inner();
        let as_of = found.freshness?.as_of?;
        assert_eq!(usize::try_from(found.free).ok(), Some(found.spots.len()));
        // A second more, for what was committed and still on its way to the facts.
        (as_of.seconds > told_by.seconds + 1).then_some(found.spots)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_search_calls_free_can_be_held_and_what_it_calls_taken_cannot() {
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    let start = up.now() + minutes(30 * 24 * 60);
    let at = |from: i64, long: i64| Window {
        start_time: Some(time::to_proto(start + minutes(from))),
        end_time: Some(time::to_proto(start + minutes(from + long))),
    };
    let mall = eventually("the map", || async {
        let spots = free(&up, &anna, at(0, 60)).await;
        (spots.len() > 400).then_some(spots)
    })
    .await;
    // Who is no holder of a permit is refused for that, whatever is free.
    let spots: Vec<&SpotState> =
        mall.iter().filter(|spot| spot.spot_type() != SpotType::Accessible).collect();
    for (n, spot) in (0..).zip(spots.iter().take(BOOKED)) {
        let driver = Driver::named(&up, &format!("booked-{n}"));
        let wish = driver.wish(spot, start + minutes(n * 7), minutes(20 + n * 11));
        driver.hold_patiently(&wish).await.expect("a hold");
    }

    for (round, (from, long)) in (0..).zip([(0, 60), (33, 1), (61, 240), (180, 45), (440, 600)]) {
        let told = free(&up, &anna, at(from, long)).await;
        let free: BTreeSet<&str> = told.iter().map(|spot| spot.spot_id.as_str()).collect();
        for (n, spot) in spots.iter().take(BOOKED + 2).enumerate() {
            let driver = Driver::named(&up, &format!("asks-{round}-{n}"));
            let wish = driver.wish(spot, start + minutes(from), minutes(long));
            match driver.hold_patiently(&wish).await {
                Ok(_) => assert!(free.contains(spot.spot_id.as_str()), "{round}: {spot:?}"),
                Err(status) => {
                    assert_eq!(reason(&status), "SPOT_TAKEN");
                    assert!(!free.contains(spot.spot_id.as_str()), "{round}: {spot:?}");
                }
            }
        }
    }
}
