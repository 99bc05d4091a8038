//! `parkmesh simulate`: sensors that speak over MQTT as real ones do, with cars that come and go.

use std::time::Duration;

use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{ListSensorsRequest, Sensor};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::clock_file;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;

use crate::Failure;
use crate::cli::Simulate;
use crate::client::{Gateway, connect};
use crate::mqtt::Publisher;

/// Rows of a page.
const PAGE_SIZE: i32 = 1_000;
/// Between two looks at who has to say something.
const TICK: Duration = Duration::from_millis(200);

/// Lets cars come and go until it is told to stop.
pub fn run(options: Simulate) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&options.occupancy) {
        return Err("--occupancy must be between 0 and 1".into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(simulate(&options))
}

async fn simulate(options: &Simulate) -> Result<(), Failure> {
    let token = options.target.operator_token()?;
    let gateway = connect(&options.target.gateway, &token).await?;
    let sensors = sensors_of(&gateway, &options.lot).await?;
    if sensors.is_empty() {
        return Err(format!("lot {} has no sensors; is it seeded?", options.lot).into());
    }
    let clock = Clock::movable();
    let tasks = Tasks::new(&clock);
    let up = crate::client::UpFile::read(&options.target.home);
    if let Ok(up) = up {
        clock_file::follow(&clock, up.clock_offset_file.into(), &tasks);
    }
    let publisher = Publisher::connect(&options.target.mqtt_url()?, "simulate", &clock, &tasks)?;
    let mut ground = Ground::new(&sensors, options);
    println!("{} sensors speak; {} cars a minute", sensors.len(), options.changes_per_minute);
    let stopped = tasks.token();
    let simulating = async {
        ground.speak_all(&publisher).await?;
        loop {
            tasks.sleep(TICK).await;
            ground.tick(&publisher).await?;
        }
    };
    tokio::select! {
        outcome = simulating => outcome,
        _ = tokio::signal::ctrl_c() => Ok(()),
        () = stopped.cancelled() => Ok(()),
        () = crate::serve::until_the_parent_is_gone() => Ok(()),
    }
}

/// All sensors of a lot, by device id.
pub async fn sensors_of(gateway: &Gateway, lot_id: &str) -> Result<Vec<Sensor>, Failure> {
    let mut client = SensorServiceClient::new(gateway.clone());
    let mut sensors = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListSensorsRequest {
            lot_id: lot_id.to_owned(),
            page_size: PAGE_SIZE,
            page_token: page_token.clone(),
        };
        let page = client.list_sensors(request).await?.into_inner();
        sensors.extend(page.sensors);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(sensors);
        }
    }
}

/// What stands where, as the sensors see it.
struct Ground {
    spots: Vec<Place>,
    changes_per_tick: f64,
    occupancy: f64,
    ids: Ids,
    ticks: u64,
}

struct Place {
    device_id: String,
    occupied: bool,
    /// People try things here by hand: it stays free and only sends heartbeats.
    spare: bool,
    heartbeat_ticks: u64,
}

impl Ground {
    fn new(sensors: &[Sensor], options: &Simulate) -> Self {
        let ids = Ids::random();
        let mut seen = std::collections::BTreeMap::<&str, usize>::new();
        let mut spots = Vec::with_capacity(sensors.len());
        for sensor in sensors {
            let on_floor = seen.entry(sensor.floor_id.as_str()).or_default();
            *on_floor += 1;
            let spare = *on_floor <= options.spare;
            let seconds = u64::try_from(sensor.heartbeat_seconds.max(10)).unwrap_or(10);
            spots.push(Place {
                device_id: sensor.device_id.clone(),
                occupied: !spare && ids.fraction() < options.occupancy,
                spare,
                // A little more often than promised: a lost one is no alarm.
                heartbeat_ticks: seconds * 1_000 * 2 / 3 / 200,
            });
        }
        let ticks_per_minute = 60_000.0 / 200.0;
        let changes_per_tick = options.changes_per_minute / ticks_per_minute;
        Self { spots, changes_per_tick, occupancy: options.occupancy, ids, ticks: 0 }
    }

    async fn speak_all(&mut self, publisher: &Publisher) -> Result<(), Failure> {
        for spot in &self.spots {
            publisher.reading(&spot.device_id, spot.occupied).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, publisher: &Publisher) -> Result<(), Failure> {
        self.ticks += 1;
        if self.ids.fraction() < self.changes_per_tick {
            self.change(publisher).await?;
        }
        for (index, spot) in self.spots.iter().enumerate() {
            // Spread over the period, as sensors that were not switched on together.
            let turn = u64::try_from(index).unwrap_or(0) % spot.heartbeat_ticks;
            if self.ticks % spot.heartbeat_ticks == turn {
                publisher.reading(&spot.device_id, spot.occupied).await?;
            }
        }
        Ok(())
    }

    /// One car comes or goes, so that the share of taken spots stays around what was asked.
    async fn change(&mut self, publisher: &Publisher) -> Result<(), Failure> {
        let comes = self.ids.fraction() < self.occupancy;
        let fitting: Vec<usize> = (0..self.spots.len())
            .filter(|index| !self.spots[*index].spare && self.spots[*index].occupied != comes)
            .collect();
        let picked = self.ids.fraction() * f64::from(u32::try_from(fitting.len()).unwrap_or(0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small index"
        )]
        let Some(index) = fitting.get(picked as usize) else { return Ok(()) };
        let spot = &mut self.spots[*index];
        spot.occupied = comes;
        publisher.reading(&spot.device_id, comes).await
    }
}
