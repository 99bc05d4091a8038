//! No recording: a car comes to every spot of a city, so many in a second, and how long each takes to be seen.

use std::collections::BTreeMap;
use std::time::Duration;

use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use super::compare::{self, Expected};
use super::latency::{Expectation, Latencies};
use super::made::MadeLot;
use crate::Failure;
use crate::cli::Pulse;
use crate::client::connect;
use crate::mqtt::Publisher;
use crate::simulate::{City, Place};

/// Messages are sent in so many portions of a second.
const PORTIONS: u32 = 100;
/// Sensors speak twice and then no more.
const HEARTBEAT_SECONDS: i32 = 7 * 24 * 3_600;
/// Between two looks at what has been seen.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// Makes the city, empties it, and lets a car come to each spot.
pub async fn replay(options: &Pulse) -> Result<(), Failure> {
    let gateway = connect(&options.target.gateway, &options.target.operator_token()?).await?;
    let clock = Clock::system();
    let tasks = Tasks::new(&clock);
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "pulse", &clock, &tasks)?;
    let city = City::make(&gateway, options.spots, HEARTBEAT_SECONDS).await?;
    let (lots, wait) = (lots_of(&city.places), Duration::from_secs(options.wait_seconds));
    println!("{} spots in {} lots", city.places.len(), lots.len());

    say(&publisher, &city.places, (1, false), options.rate, |_| {}).await?;
    let empty = lots.iter().map(|lot| {
        let spots = lot.bays.keys().map(|spot| (spot.clone(), false));
        (lot.lot_id.clone(), spots.collect::<BTreeMap<_, _>>())
    });
    let empty = Expected::of(empty.collect()).spots_only();
    compare::until_equal(&gateway, &empty, wait, &tasks).await?;

    let changed = city.places.iter().map(|place| {
        let model = parkmesh_sensor::Models::default().of(place.sensor.voice.model());
        let settle = Duration::try_from(model.settle.of(true)).unwrap_or_default();
        (place.sensor.device_id.clone(), Expectation { occupied: true, settle })
    });
    let latencies = Latencies::watch(&gateway, &lots, changed, &tasks).await?;
    let published = |device: &str| latencies.published(device);
    say(&publisher, &city.places, (2, true), options.rate, published).await?;
    let until = tokio::time::Instant::now() + wait;
    while latencies.summary().changes < city.places.len() && tokio::time::Instant::now() < until {
        tasks.sleep(LOOK_PERIOD).await;
    }
    let summary = latencies.summary();
    println!("{summary}; {} changes/s", options.rate);
    if let Some(path) = &options.json {
        let report = serde_json::json!({
            "spots": city.places.len(), "changes": summary.changes,
            "p50_ms": summary.p50_ms, "p99_ms": summary.p99_ms,
        });
        std::fs::write(path, report.to_string())?;
    }
    tasks.stop().await;
    match summary.changes == city.places.len() {
        true => Ok(()),
        false => {
            Err(format!("{} changes were never seen", city.places.len() - summary.changes).into())
        }
    }
}

fn lots_of(places: &[Place]) -> Vec<MadeLot> {
    let mut lots: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for place in places {
        let lot = lots.entry(&place.lot_id).or_default();
        lot.insert(place.spot_id.clone(), place.sensor.device_id.clone());
    }
    lots.into_iter().map(|(lot_id, bays)| MadeLot { lot_id: lot_id.to_owned(), bays }).collect()
}

/// Each device says this, so many in a second.
async fn say(
    publisher: &Publisher,
    places: &[Place],
    (sequence, occupied): (u64, bool),
    rate: u32,
    published: impl Fn(&str),
) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(Duration::from_secs(1) / PORTIONS);
    let portion = usize::try_from((rate / PORTIONS).max(1))?;
    for some in places.chunks(portion) {
        interval.tick().await;
        for place in some {
            let (topic, body) = place.sensor.says(occupied, sequence, publisher.now());
            published(&place.sensor.device_id);
            publisher.publish(topic, body).await?;
        }
    }
    Ok(())
}
