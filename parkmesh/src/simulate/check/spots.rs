//! What the sensor service says of each spot.

use futures_util::StreamExt;
use futures_util::stream;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{GetSpotOccupancyRequest, OccupancyState, SpotOccupancy};
use tonic::{Code, Status};

use crate::Failure;
use crate::client::Gateway;

use super::Expected;
use crate::simulate::world::Truth;

/// Calls at once.
const CALLS_MAX: usize = 32;
/// Times that a spot is asked for while the service is busy.
const TRIES_MAX: usize = 20;

/// What is known of these spots, in no order.
pub async fn occupancies(
    gateway: &Gateway,
    spots: impl Iterator<Item = &str>,
) -> Result<Vec<SpotOccupancy>, Failure> {
    let calls = spots.map(|spot| ask(SensorServiceClient::new(gateway.clone()), spot.to_owned()));
    let mut calls = stream::iter(calls).buffer_unordered(CALLS_MAX);
    let mut all = Vec::new();
    while let Some(one) = calls.next().await {
        all.push(one?);
    }
    Ok(all)
}

async fn ask(
    mut client: SensorServiceClient<Gateway>,
    spot_id: String,
) -> Result<SpotOccupancy, Status> {
    let mut tries = 1;
    loop {
        match client.get_spot_occupancy(GetSpotOccupancyRequest { spot_id: spot_id.clone() }).await
        {
            Ok(answer) => return Ok(answer.into_inner().occupancy.unwrap_or_default()),
            // The services may just be starting anew: nothing is refused here for good.
            Err(status) if status.code() == Code::Unavailable && tries < TRIES_MAX => tries += 1,
            Err(status) => return Err(status),
        }
    }
}

/// Spots of which it says something else than the truth.
pub async fn differences(
    gateway: &Gateway,
    expected: &Expected<'_>,
) -> Result<Vec<String>, Failure> {
    let places = &expected.city.places;
    let known = occupancies(gateway, places.iter().map(|place| place.spot_id.as_str())).await?;
    let known: std::collections::HashMap<&str, OccupancyState> =
        known.iter().map(|one| (one.spot_id.as_str(), one.state())).collect();
    let differ = places.iter().zip(&expected.truths).filter_map(|(place, truth)| {
        let wanted = match truth {
            Truth::Occupied => OccupancyState::Occupied,
            Truth::Vacant => OccupancyState::Vacant,
            Truth::Unknown => OccupancyState::Unknown,
        };
        let state = known.get(place.spot_id.as_str());
        let device = &place.sensor.device_id;
        (state != Some(&wanted))
            .then(|| format!("{device} at spot {} is {state:?}, not {wanted:?}", place.spot_id))
    });
    Ok(differ.collect())
}
