//! SetSpotStatus.

use parkmesh_contracts::booking::v1::{SetSpotStatusRequest, SetSpotStatusResponse};
use parkmesh_contracts::ids::SpotId;
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use super::update::stale_spot;
use crate::app::App;
use crate::convert::audit;
use crate::convert::inventory::id;
use crate::domain::audit::Object;
use crate::domain::inventory::{Change, Spot};
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
        let act = self.act(operator, "SetSpotStatus");
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let stands = spot::lock_own(connection, spot_id, &act.operator.subject).await?;
                if !act.operator.may_act_at(stands.lot_id) {
                    return Err(Error::SpotNotFound);
                }
                let changed = match stands.set_service(request.out_of_service, request.version) {
                    Change::Stands => return Ok(answer(&stands)),
                    Change::Stale => return Err(stale_spot(&stands)),
                    Change::Changed(changed) => *changed,
                };
                spot::update(connection, &changed).await?;
                act.tell_spots(connection, std::slice::from_ref(&changed)).await?;
                let (before, after) = (Some(audit::spot(&stands)), Some(audit::spot(&changed)));
                let (lot_id, object) = (stands.lot_id, (Object::Spot, spot_id.into()));
                act.note(connection, Line { lot_id, object, before, after }).await?;
                Ok(answer(&changed))
            })
        })
        .await?;
        self.relay.wake();
        if request.out_of_service {
            self.empty(&answer).await;
        }
        Ok(answer)
    }
}

impl App {
    /// Finds other spots for bookings that stand here only provisionally. The spot is closed whatever becomes of them, and the clockwork
    /// tries again.
    async fn empty(&self, closed: &SetSpotStatusResponse) {
        let lot_id = closed.spot.as_ref().and_then(|spot| spot.lot_id.parse().ok());
        if let Err(error) = self.leave_closed_spots(lot_id).await {
            tracing::warn!(error = %chain(&error), "a closed spot is not left");
        }
    }
}

fn answer(spot: &Spot) -> SetSpotStatusResponse {
    SetSpotStatusResponse { spot: Some(spot.into()) }
}
