//! Whether the picture equals a snapshot: spot by spot, and in every counter.

use std::collections::BTreeMap;
use std::time::Duration;

use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::availability::v1::{GetAvailabilityRequest, ListSpotStatesRequest};
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::sensor::v1::ListQuarantineRequest;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_platform::tasks::Tasks;
use tokio::time::Instant;

use super::made::MadeLot;
use super::snapshot::Snapshot;
use crate::Failure;
use crate::client::{ANSWER_BYTES_MAX, Gateway};

/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// Spots of a page.
const PAGE_SIZE: i32 = 5_000;
/// Devices of a page.
const QUARANTINE_PAGE_SIZE: i32 = 200;
/// Differences that are named.
const NAMED_MAX: usize = 5;

/// What the picture should show.
pub struct Expected {
    lots: Vec<(String, BTreeMap<String, bool>)>,
    /// Its lots have one floor and one type each, so that every counter tells the same.
    with_counters: bool,
}

impl Expected {
    /// Whether a car stands on each spot of each lot; its lots have one floor and one type each.
    pub fn of(lots: Vec<(String, BTreeMap<String, bool>)>) -> Self {
        Self { lots, with_counters: true }
    }

    /// Without a word about counters: of lots with several floors.
    pub fn spots_only(self) -> Self {
        Self { with_counters: false, ..self }
    }

    /// A snapshot's bays by lot and spot.
    pub fn new(lots: &[MadeLot], bays: &Snapshot) -> Self {
        let lots = lots.iter().map(|lot| {
            let spots = lot
                .bays
                .iter()
                .filter_map(|(spot, bay)| Some((spot.clone(), bays.get(bay)?.occupied)));
            (lot.lot_id.clone(), spots.collect())
        });
        Self { lots: lots.collect(), with_counters: true }
    }
}

/// Waits until the picture shows what is expected, and tells what was compared.
pub async fn until_equal(
    gateway: &Gateway,
    expected: &Expected,
    wait: Duration,
    tasks: &Tasks,
) -> Result<String, Failure> {
    let until = Instant::now() + wait;
    loop {
        let found = differences(gateway, expected).await?;
        if found.is_empty() {
            let spots: usize = expected.lots.iter().map(|(_, spots)| spots.len()).sum();
            let lots = expected.lots.len();
            return Ok(format!(
                "{spots} spots compared, 0 differ; counters of {lots} lots compared (lot, floor and type), 0 differ"
            ));
        }
        if Instant::now() > until {
            let named: Vec<&str> = found.iter().take(NAMED_MAX).map(String::as_str).collect();
            return Err(format!("{} differences remain: {}", found.len(), named.join("; ")).into());
        }
        tasks.sleep(LOOK_PERIOD).await;
    }
}

async fn differences(gateway: &Gateway, expected: &Expected) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for (lot_id, spots) in &expected.lots {
        compare_spots(gateway, lot_id, spots, &mut found).await?;
        if expected.with_counters {
            compare_counters(gateway, lot_id, spots, &mut found).await?;
        }
    }
    Ok(found)
}

async fn compare_spots(
    gateway: &Gateway,
    lot_id: &str,
    expected: &BTreeMap<String, bool>,
    found: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut client =
        AvailabilityServiceClient::new(gateway.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    let request = ListSpotStatesRequest {
        lot_id: lot_id.to_owned(),
        page_size: PAGE_SIZE,
        ..Default::default()
    };
    let shown = client.list_spot_states(request).await?.into_inner().spots;
    let shown: BTreeMap<&str, SpotStatus> =
        shown.iter().map(|spot| (spot.spot_id.as_str(), spot.status())).collect();
    if shown.len() != expected.len() {
        found.push(format!("lot {lot_id} shows {} of {} spots", shown.len(), expected.len()));
    }
    for (spot, occupied) in expected {
        let wanted = if *occupied { SpotStatus::Occupied } else { SpotStatus::Available };
        let status = shown.get(spot.as_str()).copied();
        if status != Some(wanted) {
            found.push(format!("spot {spot} is {status:?}, not {wanted:?}"));
        }
    }
    Ok(())
}

async fn compare_counters(
    gateway: &Gateway,
    lot_id: &str,
    expected: &BTreeMap<String, bool>,
    found: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut client = AvailabilityServiceClient::new(gateway.clone());
    let request = GetAvailabilityRequest { lot_id: lot_id.to_owned() };
    let counts = client.get_availability(request).await?.into_inner();
    let free = i32::try_from(expected.values().filter(|occupied| !**occupied).count())?;
    let total = i32::try_from(expected.len())?;
    let mut told = vec![("lot", counts.free, counts.total)];
    // Lots of replays have one floor and one type each, so every counter tells the same.
    told.extend(counts.types.iter().map(|count| ("type", count.free, count.total)));
    for floor in &counts.floors {
        told.push(("floor", floor.free, floor.total));
        told.extend(floor.types.iter().map(|count| ("floor and type", count.free, count.total)));
    }
    if told.len() < 4 {
        found.push(format!("lot {lot_id} tells only {} counters", told.len()));
    }
    for (what, told_free, told_total) in told {
        if (told_free, told_total) != (free, total) {
            found.push(format!(
                "lot {lot_id}, counter by {what}: {told_free} of {told_total}, not {free} of {total}"
            ));
        }
    }
    Ok(())
}

/// Checks that these devices, and of the replay no others, are in quarantine.
pub async fn quarantined(gateway: &Gateway, devices: &[String]) -> Result<(), Failure> {
    let mut client = SensorServiceClient::new(gateway.clone());
    let request = ListQuarantineRequest { page_size: QUARANTINE_PAGE_SIZE, ..Default::default() };
    let listed = client.list_quarantine(request).await?.into_inner().devices;
    let listed: Vec<&str> = listed.iter().map(|device| device.device_id.as_str()).collect();
    let missing: Vec<&String> =
        devices.iter().filter(|device| !listed.contains(&device.as_str())).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("not in quarantine: {missing:?}").into()) }
}
