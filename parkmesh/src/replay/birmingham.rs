//! Birmingham: a car park's counts of a day become cars that come and go on its spots; after each count the picture must
//! show the same.

mod counts;

use std::collections::BTreeMap;
use std::time::Duration;

use parkmesh_contracts::booking::v1::{CreateLotRequest, NewSpot, Spot};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::sensor::v1::NewSensor;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use super::compare::{self, Expected};
use crate::Failure;
use crate::chance::Dice;
use crate::cli::Birmingham;
use crate::client::{Gateway, connect};
use crate::mqtt::Publisher;
use crate::seed::{Maker, money};

/// Spots that one lot can be given here.
const SPOTS_MAX: usize = 1_000;
/// A replay speaks when something changes and then no more.
const HEARTBEAT_SECONDS: i32 = 7 * 24 * 3_600;
/// Which cars move is left to chance, always the same.
const SEED: u64 = 2_016;

/// Plays a day and compares after each count.
pub async fn replay(options: &Birmingham) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&options.counts)
        .map_err(|error| format!("{} is not readable: {error}", options.counts.display()))?;
    let day = counts::read(&text, &options.park, &options.date)?;
    if day.capacity > SPOTS_MAX {
        let park = &options.park;
        return Err(format!("{park} has {} spaces; {SPOTS_MAX} at most", day.capacity).into());
    }
    println!(
        "{} on {}: {} spaces, {} counts; {} below nothing, {} above the capacity, {} times twice",
        options.park,
        options.date,
        day.capacity,
        day.counts.len(),
        day.dirt.negative,
        day.dirt.over,
        day.dirt.repeated
    );
    let token = options.target.operator_token()?;
    let gateway = connect(&options.target.gateway, &token).await?;
    let clock = Clock::system();
    let tasks = Tasks::new(&clock);
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "replay", &clock, &tasks)?;
    let (lot_id, spots) = make(&gateway, &options.park, day.capacity).await?;
    let wait = Duration::from_secs(options.wait_seconds);

    let (mut taken, mut dice) = (vec![false; spots.len()], Dice::new(SEED, 0));
    for spot in &spots {
        publisher.reading(&device_of(spot), false).await?;
    }
    let mut moves = 0;
    let counts = day.counts.iter().take(options.counts_max);
    for (time, cars) in counts {
        let changed = counts::make(&mut taken, *cars, &mut dice);
        moves += changed.len();
        for at in &changed {
            publisher.reading(&device_of(&spots[*at]), taken[*at]).await?;
        }
        let known = spots.iter().zip(&taken).map(|(spot, taken)| (spot.spot_id.clone(), *taken));
        let expected = Expected::of(vec![(lot_id.clone(), known.collect::<BTreeMap<_, _>>())]);
        compare::until_equal(&gateway, &expected, wait, &tasks).await?;
        println!("{time}: {cars} cars, {} moved; the picture shows them", changed.len());
    }
    println!("{moves} cars came or went, 0 differ after each count");
    tasks.stop().await;
    Ok(())
}

async fn make(
    gateway: &Gateway,
    park: &str,
    capacity: usize,
) -> Result<(String, Vec<Spot>), Failure> {
    let maker = Maker::new(gateway.clone(), "birmingham");
    let lot = CreateLotRequest {
        name: format!("Birmingham {park}"),
        address: "Birmingham".to_owned(),
        latitude: 52.48,
        longitude: -1.9,
        time_zone: "Europe/London".to_owned(),
        hourly_rate: money(2, 0, "GBP"),
        ..Default::default()
    };
    let lot = maker.lot(lot).await?;
    let floor = maker.floor(&lot, 0, "All levels", (250.0, 250.0)).await?;
    let spots = (1..=capacity).map(|number| NewSpot {
        spot_number: format!("{number:04}"),
        spot_type: SpotType::Regular.into(),
        ..Default::default()
    });
    let spots = maker.spots(&floor, spots.collect()).await?;
    let sensors = spots.iter().map(|spot| NewSensor {
        device_id: device_of(spot),
        spot_id: spot.spot_id.clone(),
        floor_id: spot.floor_id.clone(),
        model: "plain-json".to_owned(),
        heartbeat_seconds: HEARTBEAT_SECONDS,
        ..Default::default()
    });
    maker.sensors(&lot, sensors.collect()).await?;
    Ok((lot.lot_id, spots))
}

/// The device in a spot.
fn device_of(spot: &Spot) -> String {
    format!("birmingham-{}", spot.spot_id)
}
