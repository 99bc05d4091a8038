//! Ulm: bay sensors as their feed gave them, some of them silent for long. What they last said is published, then days pass in
//! which only those speak that still did; in the end the product must know which are silent, and of the others what they say.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{CreateLotRequest, NewSpot};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::sensor::v1::{NewSensor, SensorHealth};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::clock_file;
use parkmesh_platform::tasks::Tasks;
use serde_json::{Map, Value};

use super::compare::{self, Expected};
use crate::Failure;
use crate::cli::Ulm;
use crate::client::{Gateway, UpFile, connect};
use crate::mqtt::Publisher;
use crate::registry;
use crate::seed::{Maker, money};

/// Who had not spoken for so long when the feed was read is silent.
const SILENT_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The sensors' own heartbeat, in seconds; the product waits for two.
const HEARTBEAT_SECONDS: i32 = 24 * 3_600;
/// Days pass in so many steps of so long.
const STEPS: usize = 5;
const STEP: SignedDuration = SignedDuration::from_hours(12);
/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// A bay's last word.
#[derive(Debug, Clone, PartialEq)]
struct Bay {
    id: String,
    occupied: bool,
    /// When, by the feed.
    said: Timestamp,
    /// The word itself.
    body: Map<String, Value>,
}

/// Plays the feed and compares health and state.
pub async fn replay(options: &Ulm) -> Result<(), Failure> {
    let bays = read(&options.feed)?;
    let newest = bays.iter().map(|bay| bay.said).max().unwrap_or(Timestamp::UNIX_EPOCH);
    let is_silent = |bay: &Bay| newest.duration_since(bay.said) > SILENT_AFTER;
    let silent = bays.iter().filter(|bay| is_silent(bay)).count();
    println!("{} bays, {silent} of them silent for over 24 h", bays.len());
    let up = UpFile::read(&options.target.home)
        .map_err(|error| format!("only the clock of a `parkmesh up` can be moved: {error}"))?;
    let gateway = connect(&options.target.gateway, &options.target.operator_token()?).await?;
    let clock = Clock::movable();
    let tasks = Tasks::new(&clock);
    let file = std::path::PathBuf::from(up.clock_offset_file);
    clock_file::follow(&clock, file.clone(), &tasks);
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "replay", &clock, &tasks)?;
    let (lot_id, spots) = make(&gateway, &bays).await?;

    for bay in &bays {
        say(&publisher, bay, clock.now()).await?;
    }
    let all = bays.iter().zip(&spots).map(|(bay, spot)| (spot.clone(), bay.occupied));
    let expected = Expected::of(vec![(lot_id.clone(), all.collect())]);
    let wait = Duration::from_secs(options.wait_seconds);
    println!("{}", compare::until_equal(&gateway, &expected, wait, &tasks).await?);

    for _step in 0..STEPS {
        let offset_ms = clock.offset_ms() + i64::try_from(STEP.as_millis())?;
        crate::simulate::move_clock(&clock, &file, offset_ms)?;
        for bay in bays.iter().filter(|bay| !is_silent(bay)) {
            say(&publisher, bay, clock.now()).await?;
        }
        // All processes have seen the moved clock before it is moved again.
        tasks.sleep(LOOK_PERIOD * 2).await;
    }
    let wanted = bays.iter().filter(|bay| is_silent(bay)).map(device_of).collect::<Vec<_>>();
    until_silent(&gateway, &lot_id, wanted, wait, &tasks).await?;
    println!("{} days later {silent} are known to be silent, and no other", STEPS / 2);
    tasks.stop().await;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Bay>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} is not readable: {error}", path.display()))?;
    parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn parse(text: &str) -> Result<Vec<Bay>, String> {
    let all: Vec<Map<String, Value>> =
        serde_json::from_str(text).map_err(|error| format!("no feed: {error}"))?;
    let bay = |body: Map<String, Value>| {
        Some(Bay {
            id: body.get("id")?.as_str()?.to_owned(),
            occupied: body.get("occupied")?.as_bool()?,
            said: body.get("timestamp")?.as_str()?.parse().ok()?,
            body,
        })
    };
    let whole = all.into_iter().map(bay).collect::<Option<Vec<Bay>>>();
    whole
        .filter(|bays| !bays.is_empty())
        .ok_or_else(|| "a bay without id, state or time".to_owned())
}

/// The word as the feed gives it, at another time.
async fn say(publisher: &Publisher, bay: &Bay, now: Timestamp) -> Result<(), Failure> {
    let mut body = bay.body.clone();
    body.insert("timestamp".to_owned(), now.to_string().into());
    let topic = format!("parkmesh/devices/{}/up", device_of(bay));
    publisher.publish(topic, Value::Object(body).to_string().into_bytes()).await
}

fn device_of(bay: &Bay) -> String {
    format!("ulm-{}", bay.id)
}

async fn make(gateway: &Gateway, bays: &[Bay]) -> Result<(String, Vec<String>), Failure> {
    let maker = Maker::new(gateway.clone(), "ulm");
    let lot = CreateLotRequest {
        name: "Ulm".to_owned(),
        address: "Ulm".to_owned(),
        latitude: 48.4,
        longitude: 9.99,
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: money(1, 0, "EUR"),
        ..Default::default()
    };
    let lot = maker.lot(lot).await?;
    let floor = maker.floor(&lot, 0, "Street", (100.0, 100.0)).await?;
    let new = bays.iter().map(|bay| NewSpot {
        spot_number: bay.id.clone(),
        spot_type: SpotType::Regular.into(),
        ..Default::default()
    });
    let made = maker.spots(&floor, new.collect()).await?;
    let sensors = bays.iter().filter_map(|bay| {
        let spot = made.iter().find(|spot| spot.spot_number == bay.id)?;
        Some(NewSensor {
            device_id: device_of(bay),
            spot_id: spot.spot_id.clone(),
            floor_id: spot.floor_id.clone(),
            model: "plain-json".to_owned(),
            heartbeat_seconds: HEARTBEAT_SECONDS,
            ..Default::default()
        })
    });
    let sensors: Vec<NewSensor> = sensors.collect();
    let spots = sensors.iter().map(|sensor| sensor.spot_id.clone()).collect();
    maker.sensors(&lot, sensors).await?;
    Ok((lot.lot_id, spots))
}

/// Waits until these devices, and no others, are known to be silent.
async fn until_silent(
    gateway: &Gateway,
    lot_id: &str,
    mut wanted: Vec<String>,
    wait: Duration,
    tasks: &Tasks,
) -> Result<(), Failure> {
    wanted.sort();
    let until = tokio::time::Instant::now() + wait;
    loop {
        let sensors = registry::sensors(gateway, lot_id).await?;
        let silent = sensors.iter().filter(|sensor| sensor.health() == SensorHealth::Silent);
        let mut silent: Vec<String> = silent.map(|sensor| sensor.device_id.clone()).collect();
        silent.sort();
        if silent == wanted {
            return Ok(());
        }
        if tokio::time::Instant::now() > until {
            return Err(format!("silent are {silent:?}, not {wanted:?}").into());
        }
        tasks.sleep(LOOK_PERIOD).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_read_with_its_words_and_a_bay_that_says_nothing_is_named() {
        let word = r#"[{"id":"b-1","timestamp":"2025-04-11T07:09:27.237Z","occupied":false,"packettype":"Heartbeat"}]"#;
        let bays = parse(word).expect("a bay");
        assert_eq!((bays[0].id.as_str(), bays[0].occupied), ("b-1", false));
        assert_eq!(bays[0].body["packettype"], "Heartbeat", "kept as it came");
        assert!(parse(r#"[{"id":"b-1"}]"#).is_err() && parse("[]").is_err());
    }
}
