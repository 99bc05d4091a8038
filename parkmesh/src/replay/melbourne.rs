//! Melbourne: its bays become lots by neighbourhood, each bay a spot at its place with a sensor.

use std::collections::BTreeMap;
use std::time::Duration;

use parkmesh_contracts::booking::v1::{CreateLotRequest, NewSpot};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::sensor::v1::NewSensor;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use super::compare::{self, Expected};
use super::latency::{Expectation, Latencies};
use super::made::MadeLot;
use super::snapshot::{self, Bay, Snapshot};
use crate::Failure;
use crate::cli::Melbourne;
use crate::client::{Gateway, connect};
use crate::mqtt::Publisher;
use crate::seed::{Maker, money};

/// A neighbourhood's edge in degrees: about 550 m, and below a thousand bays.
const CELL_DEGREES: f64 = 0.005;
/// Metres in a degree of latitude, for the plan.
const METRES_PER_DEGREE: f64 = 111_320.0;
/// The model of the bays' sensors.
const MODEL: &str = "plain-json";
/// Sensors say something at least this often, in seconds; a replay speaks twice and then no more.
const HEARTBEAT_SECONDS: i32 = 7 * 24 * 3_600;
/// Readings published in a second.
const READINGS_PER_SECOND: u32 = 1_000;

/// Plays both snapshots and compares.
pub async fn replay(options: &Melbourne) -> Result<(), Failure> {
    let (first, second) = (snapshot::read(&options.first)?, snapshot::read(&options.second)?);
    let common = first.keys().filter(|bay| second.contains_key(*bay)).count();
    let changed = first
        .values()
        .filter(|bay| second.get(&bay.bay_id).is_some_and(|new| new.occupied != bay.occupied));
    let changed: Vec<&Bay> = changed.collect();
    println!(
        "{} bays, {} later, {common} in both, {} of them differ",
        first.len(),
        second.len(),
        changed.len()
    );
    let token = options.target.operator_token()?;
    let gateway = connect(&options.target.gateway, &token).await?;
    let clock = Clock::system();
    let tasks = Tasks::new(&clock);
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "replay", &clock, &tasks)?;

    let lots = make(&gateway, &first).await?;
    println!("{} lots made, with {} spots and sensors", lots.len(), first.len());
    let wait = Duration::from_secs(options.wait_seconds);

    println!("publishing the first snapshot");
    publish(&publisher, &first, |_bay| {}).await?;
    let expected = Expected::new(&lots, &first);
    compare::until_equal(&gateway, &expected, wait, &tasks).await?;
    println!("the picture equals the first snapshot");

    println!("publishing the second snapshot");
    let changed_to = changed.iter().map(|bay| {
        let occupied = !bay.occupied;
        (bay.bay_id.clone(), Expectation { occupied, settle: settle(occupied) })
    });
    let latencies = Latencies::watch(&gateway, &lots, changed_to, &tasks).await?;
    publish(&publisher, &second, |bay| latencies.published(&bay.bay_id)).await?;
    let later: Snapshot = first
        .keys()
        .filter_map(|bay| second.get_key_value(bay))
        .map(|(id, bay)| (id.clone(), bay.clone()))
        .collect();
    let expected = Expected::new(&lots, &later);
    let told = compare::until_equal(&gateway, &expected, wait, &tasks).await?;
    println!("{told}");
    let strangers: Vec<&String> = second.keys().filter(|bay| !first.contains_key(*bay)).collect();
    compare::quarantined(&gateway, &strangers.iter().map(|bay| device_of(bay)).collect::<Vec<_>>())
        .await?;
    println!("{} bays that nobody registered are in quarantine", strangers.len());
    let summary = latencies.summary();
    println!("{summary}");
    if let Some(path) = &options.json {
        // Whatever differed would have been an error before.
        let report = serde_json::json!({
            "spots": later.len(), "differences": 0, "quarantined": strangers.len(),
            "changes": summary.changes, "p50_ms": summary.p50_ms, "p99_ms": summary.p99_ms,
        });
        std::fs::write(path, report.to_string())?;
    }
    tasks.stop().await;
    Ok(())
}

async fn make(gateway: &Gateway, bays: &Snapshot) -> Result<Vec<MadeLot>, Failure> {
    let maker = Maker::new(gateway.clone(), "melbourne");
    let mut cells: BTreeMap<(i32, i32), Vec<&Bay>> = BTreeMap::new();
    for bay in bays.values() {
        cells.entry(cell(bay)).or_default().push(bay);
    }
    let mut made = Vec::with_capacity(cells.len());
    for ((row, column), bays) in cells {
        made.push(make_lot(&maker, row, column, &bays).await?);
    }
    Ok(made)
}

async fn make_lot(maker: &Maker, row: i32, column: i32, bays: &[&Bay]) -> Result<MadeLot, Failure> {
    let (south, west) = (f64::from(row) * CELL_DEGREES, f64::from(column) * CELL_DEGREES);
    let lot = CreateLotRequest {
        name: format!("Melbourne {row}/{column}"),
        address: "On-street bays, Melbourne VIC".to_owned(),
        latitude: south + CELL_DEGREES / 2.0,
        longitude: west + CELL_DEGREES / 2.0,
        time_zone: "Australia/Melbourne".to_owned(),
        hourly_rate: money(4, 0, "AUD"),
        ..Default::default()
    };
    let lot = maker.lot(lot).await?;
    let metres_east = METRES_PER_DEGREE * south.to_radians().cos();
    let size = (CELL_DEGREES * metres_east, CELL_DEGREES * METRES_PER_DEGREE);
    let floor = maker.floor(&lot, 0, "Street", size).await?;
    let spots = bays.iter().map(|bay| NewSpot {
        spot_number: bay.bay_id.clone(),
        spot_type: SpotType::Regular.into(),
        plan_x: (bay.longitude - west) * metres_east,
        plan_y: (bay.latitude - south) * METRES_PER_DEGREE,
        latitude: bay.latitude,
        longitude: bay.longitude,
    });
    let spots = maker.spots(&floor, spots.collect()).await?;
    let sensors = spots.iter().map(|spot| NewSensor {
        device_id: device_of(&spot.spot_number),
        spot_id: spot.spot_id.clone(),
        floor_id: spot.floor_id.clone(),
        model: MODEL.to_owned(),
        heartbeat_seconds: HEARTBEAT_SECONDS,
        ..Default::default()
    });
    maker.sensors(&lot, sensors.collect()).await?;
    let bays = spots.into_iter().map(|spot| (spot.spot_id, spot.spot_number)).collect();
    Ok(MadeLot { lot_id: lot.lot_id, bays })
}

#[expect(clippy::cast_possible_truncation, reason = "degrees divided by a cell's edge")]
fn cell(bay: &Bay) -> (i32, i32) {
    let index = |degrees: f64| (degrees / CELL_DEGREES).floor() as i32;
    (index(bay.latitude), index(bay.longitude))
}

async fn publish(
    publisher: &Publisher,
    bays: &Snapshot,
    published: impl Fn(&Bay),
) -> Result<(), Failure> {
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    let batch = usize::try_from(READINGS_PER_SECOND / 100)?;
    let bays: Vec<&Bay> = bays.values().collect();
    for some in bays.chunks(batch) {
        interval.tick().await;
        for bay in some {
            published(bay);
            publisher.reading(&device_of(&bay.bay_id), bay.occupied).await?;
        }
    }
    Ok(())
}

/// How long a bay's sensor must say the same before it counts, by its model.
fn settle(occupied: bool) -> Duration {
    let settle = parkmesh_sensor::Models::default().of(MODEL).settle.of(occupied);
    Duration::try_from(settle).unwrap_or_default()
}

/// The device in a bay.
fn device_of(bay_id: &str) -> String {
    format!("melbourne-{bay_id}")
}
