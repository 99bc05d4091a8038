//! SetSpotStatus.

use parkmesh_contracts::booking::v1::{SetSpotStatusRequest, SetSpotStatusResponse};
use parkmesh_contracts::ids::SpotId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::fault;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{id, spot_state_changed};
use crate::domain::inventory::{ServiceChange, Spot};
use crate::error::Error;
use crate::store::inventory::spot;

impl App {
    /// Takes a spot out of service or puts it back. A spot that is so already stays as it is, which
    /// makes a repeated call safe without a request id.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn set_spot_status(
        &self,
        operator: &Operator,
        request: SetSpotStatusRequest,
    ) -> Result<SetSpotStatusResponse, Error> {
        let spot_id: SpotId = id("spot_id", &request.spot_id)?;
        let (ids, now, operator) = (self.ids.clone(), self.clock.now(), operator.clone());
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let stands = spot::lock_own(connection, spot_id, &operator.subject).await?;
                if !operator.may_act_at(stands.lot_id) {
                    return Err(Error::SpotNotFound);
                }
                let changed = match stands.set_service(request.out_of_service, request.version) {
                    ServiceChange::Stands => return Ok(answer(&stands)),
                    ServiceChange::Stale => return Err(stale(&stands)),
                    ServiceChange::Changed(changed) => *changed,
                };
                spot::set_service(connection, &changed).await?;
                let fact = spot_state_changed(&changed);
                let fact = outbox::Row::of(&ids, now, spot_id.into(), changed.version, &fact);
                outbox::append(connection, &[fact]).await?;
                Ok(answer(&changed))
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}

fn answer(spot: &Spot) -> SetSpotStatusResponse {
    SetSpotStatusResponse { spot: Some(spot.into()) }
}

/// Carries the spot as it stands, so that the caller can decide anew without another call.
fn stale(spot: &Spot) -> Error {
    let stands = parkmesh_contracts::booking::v1::Spot::from(spot);
    let extra = vec![fault::any(&stands)];
    Error::SpotVersionStale { spot_id: spot.spot_id, version: spot.version, extra }
}
