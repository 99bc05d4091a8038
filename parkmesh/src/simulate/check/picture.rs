//! What availability shows of each spot, and whether its counters fit to that.

use std::collections::BTreeMap;

use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::availability::v1::{
    GetAvailabilityRequest, ListSpotStatesRequest, SpotState,
};
use parkmesh_contracts::common::v1::SpotStatus;

use crate::Failure;
use crate::client::{ANSWER_BYTES_MAX, Gateway};
use crate::simulate::world::Truth;

use super::Expected;

/// Spots of a page.
const PAGE_SIZE: i32 = 5_000;

/// Spots and counters of which the picture says something else than the truth.
pub async fn differences(
    gateway: &Gateway,
    expected: &Expected<'_>,
) -> Result<Vec<String>, Failure> {
    let mut client =
        AvailabilityServiceClient::new(gateway.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut found = Vec::new();
    let mut shown = BTreeMap::new();
    for lot_id in expected.city.lots() {
        let spots = states(&mut client, &lot_id).await?;
        let request = GetAvailabilityRequest { lot_id: lot_id.clone() };
        let counts = client.get_availability(request).await?.into_inner();
        let free = spots.iter().filter(|spot| spot.status() == SpotStatus::Available).count();
        let (free, total) = (i32::try_from(free)?, i32::try_from(spots.len())?);
        if (counts.free, counts.total) != (free, total) {
            let told = format!("{} of {}", counts.free, counts.total);
            found.push(format!("lot {lot_id} counts {told} free, not {free} of {total}"));
        }
        shown.extend(spots.into_iter().map(|spot| (spot.spot_id.clone(), spot.status())));
    }
    for (place, truth) in expected.city.places.iter().zip(&expected.truths) {
        let status = shown.get(&place.spot_id).copied().unwrap_or_default();
        if !fits(status, *truth) {
            found.push(format!("spot {} is shown {status:?}, not {truth:?}", place.spot_id));
        }
    }
    Ok(found)
}

/// A spot without a car may wait for one.
fn fits(status: SpotStatus, truth: Truth) -> bool {
    match truth {
        Truth::Occupied => status == SpotStatus::Occupied,
        Truth::Vacant => matches!(status, SpotStatus::Available | SpotStatus::Reserved),
        Truth::Unknown => status == SpotStatus::Unknown,
    }
}

async fn states(
    client: &mut AvailabilityServiceClient<Gateway>,
    lot_id: &str,
) -> Result<Vec<SpotState>, Failure> {
    let (mut spots, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListSpotStatesRequest {
            lot_id: lot_id.to_owned(),
            page_size: PAGE_SIZE,
            page_token,
            ..Default::default()
        };
        let page = client.list_spot_states(request).await?.into_inner();
        spots.extend(page.spots);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(spots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_shown_as_it_is_or_differs() {
        use SpotStatus::{Available, Occupied, OutOfService, Reserved, Unknown};
        let all = [Available, Reserved, Occupied, Unknown, OutOfService, SpotStatus::Unspecified];
        let fitting =
            |truth| all.into_iter().filter(|status| fits(*status, truth)).collect::<Vec<_>>();
        assert_eq!(fitting(Truth::Occupied), [Occupied]);
        assert_eq!(fitting(Truth::Vacant), [Available, Reserved]);
        assert_eq!(fitting(Truth::Unknown), [Unknown]);
    }
}
