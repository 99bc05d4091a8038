//! Where it is simulated: the spots of a lot with their sensors, or a city that is made for it.

use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::{CreateLotRequest, GetLotRequest, LotPolicy, NewSpot};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::sensor::v1::{NewSensor, Sensor};

use crate::Failure;
use crate::cli::Simulate;
use crate::client::Gateway;
use crate::registry;
use crate::seed::{Maker, money};

use super::radio::{self, Voice};

/// Spots of a lot, and of its floors, in a city that is made.
const LOT_SPOTS_MAX: u32 = 1_000;
const FLOOR_SPOTS_MAX: u32 = 500;
/// A sensor that says "free" by mistake, or of the car before, ends nobody's session: the car's own word comes within that.
const DEPARTURE_GRACE_SECONDS: i32 = 120;
/// Where the city is.
const TIME_ZONE: &str = "Europe/Berlin";
/// Digits of a LoRaWAN device's name.
const EUI_DIGITS: usize = 16;

/// A spot with its sensor.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id.
    pub spot_id: String,
    /// Its lot.
    pub lot_id: String,
    /// Its sensor.
    pub sensor: radio::Sensor,
}

/// All spots.
#[derive(Clone, Debug)]
pub struct City {
    /// In the order of their lots and of their devices' names.
    pub places: Vec<Place>,
    /// IANA zone of the first lot.
    pub time_zone: String,
}

impl City {
    /// The lot that was named, or the city that was asked for.
    pub async fn find(gateway: &Gateway, options: &Simulate) -> Result<Self, Failure> {
        match (&options.lot, options.spots) {
            (Some(lot), _) => Self::of(gateway, std::slice::from_ref(lot), options.spare).await,
            (None, Some(spots)) => {
                let lots = make(gateway, spots, options.chances.heartbeat_seconds).await?;
                Self::of(gateway, &lots, options.spare).await
            }
            (None, None) => Err("--lot or --spots is needed".into()),
        }
    }

    /// A city of so many spots whose sensors promise this heartbeat, made if it is not there.
    pub async fn make(gateway: &Gateway, spots: u32, heartbeat: i32) -> Result<Self, Failure> {
        let lots = make(gateway, spots, heartbeat).await?;
        Self::of(gateway, &lots, 0).await
    }

    async fn of(gateway: &Gateway, lots: &[String], spare: usize) -> Result<Self, Failure> {
        let mut places = Vec::new();
        for lot in lots {
            places.extend(places_of(lot, registry::sensors(gateway, lot).await?, spare));
        }
        if places.is_empty() {
            return Err("no sensors there that can be simulated; is it seeded?".into());
        }
        let request = GetLotRequest { lot_id: lots.first().cloned().unwrap_or_default() };
        let lot = InventoryServiceClient::new(gateway.clone()).get_lot(request).await?;
        let time_zone = lot.into_inner().lot.map(|lot| lot.time_zone).unwrap_or_default();
        Ok(Self { places, time_zone })
    }

    /// Its lots.
    pub fn lots(&self) -> Vec<String> {
        let mut lots: Vec<String> = self.places.iter().map(|place| place.lot_id.clone()).collect();
        lots.dedup();
        lots
    }
}

fn places_of(lot: &str, sensors: Vec<Sensor>, spare: usize) -> Vec<Place> {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let places = sensors.into_iter().filter_map(|sensor| {
        let voice = Voice::of(&sensor.model)?;
        let on_floor = seen.entry(sensor.floor_id).or_default();
        *on_floor += 1;
        Some(Place {
            spot_id: sensor.spot_id,
            lot_id: lot.to_owned(),
            sensor: radio::Sensor {
                device_id: sensor.device_id,
                voice,
                heartbeat_ms: i64::from(sensor.heartbeat_seconds.max(10)) * 1_000,
                spare: *on_floor <= spare,
            },
        })
    });
    places.collect()
}

/// Makes the lots of a city of so many spots; those that are there are kept.
async fn make(
    gateway: &Gateway,
    spots: u32,
    heartbeat_seconds: i32,
) -> Result<Vec<String>, Failure> {
    let maker = Maker::new(gateway.clone(), "city");
    let mut lots = Vec::new();
    for first in (0..spots).step_by(usize::try_from(LOT_SPOTS_MAX)?) {
        let count = LOT_SPOTS_MAX.min(spots - first);
        let number = first / LOT_SPOTS_MAX + 1;
        let lot = maker
            .lot(CreateLotRequest {
                name: format!("City car park {number} ({count})"),
                address: format!("Parkstraße {number}, 10178 Berlin"),
                latitude: 52.50 + f64::from(number) * 0.002,
                longitude: 13.40,
                time_zone: TIME_ZONE.to_owned(),
                hourly_rate: money(2, 0, "EUR"),
                policy: Some(LotPolicy {
                    departure_grace_seconds: DEPARTURE_GRACE_SECONDS,
                    ..LotPolicy::default()
                }),
                ..Default::default()
            })
            .await?;
        for floor in (0..count).step_by(usize::try_from(FLOOR_SPOTS_MAX)?) {
            let on_floor = FLOOR_SPOTS_MAX.min(count - floor);
            let level = i32::try_from(floor / FLOOR_SPOTS_MAX)?;
            let made = maker.floor(&lot, level, &format!("Level {level}"), (250.0, 140.0)).await?;
            let spots = maker.spots(&made, (0..on_floor).map(|at| new_spot(level, at)).collect());
            let sensors =
                spots.await?.into_iter().enumerate().map(|(at, spot)| {
                    new_sensor(at, spot.spot_id, spot.floor_id, heartbeat_seconds)
                });
            maker.sensors(&lot, sensors.collect()).await?;
        }
        lots.push(lot.lot_id);
    }
    Ok(lots)
}

fn new_spot(level: i32, at: u32) -> NewSpot {
    NewSpot {
        spot_number: format!("{level}-{:03}", at + 1),
        spot_type: SpotType::Regular.into(),
        plan_x: f64::from(at % 50) * 5.0,
        plan_y: f64::from(at / 50) * 12.0,
        ..Default::default()
    }
}

/// Every other one speaks through a LoRaWAN. Devices are named after their spots, so that no two cities share one.
fn new_sensor(at: usize, spot_id: String, floor_id: String, heartbeat_seconds: i32) -> NewSensor {
    let digits: String = spot_id.chars().filter(char::is_ascii_hexdigit).collect();
    let name = digits.get(digits.len().saturating_sub(EUI_DIGITS)..).unwrap_or_default().to_owned();
    let (voice, device_id) = match at % 2 {
        0 => (Voice::Plain, format!("city-{name}")),
        _ => (Voice::Bosch, name),
    };
    let model = voice.model().to_owned();
    NewSensor { device_id, spot_id, floor_id, model, heartbeat_seconds, ..Default::default() }
}
