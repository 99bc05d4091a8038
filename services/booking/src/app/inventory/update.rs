//! UpdateLot, UpdateFloor, UpdateSpot: what the mask names changes, if the caller saw what stands.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use parkmesh_platform::fault;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::Operator;
use super::act::{Act, Line};
use crate::app::App;
use crate::app::booking::remember;
use crate::convert::inventory::id;
use crate::convert::{audit, change as convert};
use crate::domain::audit::Object;
use crate::domain::inventory::{Change, Floor, Lot, Spot, change};
use crate::error::Error;
use crate::store::inventory::{floor, lot, spot};
use crate::store::replay::{self, Request};

impl App {
    /// Changes an own lot.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn update_lot(
        &self,
        operator: &Operator,
        request: proto::UpdateLotRequest,
    ) -> Result<proto::UpdateLotResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "UpdateLot", &request);
        let act = self.act(operator, "UpdateLot");
        let answer = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let stands = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let wanted = convert::lot(&request, &stands)?;
                let lot = match change(&stands, wanted, request.version) {
                    Change::Stands => stands,
                    Change::Stale => return Err(stale_lot(&stands)),
                    Change::Changed(lot) => {
                        lot::update(connection, &lot).await?;
                        act.tell_lot(connection, &lot).await?;
                        let (before, after) = (Some(audit::lot(&stands)), Some(audit::lot(&lot)));
                        let object = (Object::Lot, lot_id.into());
                        act.note(connection, Line { lot_id, object, before, after }).await?;
                        *lot
                    }
                };
                let response = proto::UpdateLotResponse { lot: Some((&lot).into()) };
                remember(connection, &key, &response, act.now).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }

    /// Changes a floor of an own lot, whose version counts up with it.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn update_floor(
        &self,
        operator: &Operator,
        request: proto::UpdateFloorRequest,
    ) -> Result<proto::UpdateFloorResponse, Error> {
        let floor_id: FloorId = id("floor_id", &request.floor_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "UpdateFloor", &request);
        let lot_id = floor::get(&self.pool, floor_id).await?.lot_id;
        if !operator.may_act_at(lot_id) {
            return Err(Error::FloorNotFound);
        }
        let act = self.act(operator, "UpdateFloor");
        let answer = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let lot = own(connection, &act, lot_id, Error::FloorNotFound).await?;
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let stands = floor::get(&mut *connection, floor_id).await?;
                let wanted = convert::floor(&request, &stands)?;
                let floor = match change(&stands, wanted, request.version) {
                    Change::Stands => stands,
                    Change::Stale => return Err(stale_floor(&stands)),
                    Change::Changed(floor) => {
                        floor::update(connection, &floor).await?;
                        act.count_lot(connection, &lot).await?;
                        let object = (Object::Floor, floor_id.into());
                        let before = Some(audit::floor(&stands));
                        let after = Some(audit::floor(&floor));
                        act.note(connection, Line { lot_id, object, before, after }).await?;
                        *floor
                    }
                };
                let response = proto::UpdateFloorResponse { floor: Some((&floor).into()) };
                remember(connection, &key, &response, act.now).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }

    /// Changes a spot of an own lot.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn update_spot(
        &self,
        operator: &Operator,
        request: proto::UpdateSpotRequest,
    ) -> Result<proto::UpdateSpotResponse, Error> {
        let spot_id: SpotId = id("spot_id", &request.spot_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "UpdateSpot", &request);
        let lot_id = spot::get(&self.pool, spot_id).await?.lot_id;
        if !operator.may_act_at(lot_id) {
            return Err(Error::SpotNotFound);
        }
        let act = self.act(operator, "UpdateSpot");
        let answer = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let lot = own(connection, &act, lot_id, Error::SpotNotFound).await?;
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let stands = spot::lock_own(connection, spot_id, &act.operator.subject).await?;
                let wanted = convert::spot(&request, &stands)?;
                let spot = match change(&stands, wanted, request.version) {
                    Change::Stands => stands,
                    Change::Stale => return Err(stale_spot(&stands)),
                    Change::Changed(spot) => {
                        write_spot(connection, &act, &lot, &stands, &spot).await?;
                        *spot
                    }
                };
                let response = proto::UpdateSpotResponse { spot: Some((&spot).into()) };
                remember(connection, &key, &response, act.now).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}

async fn write_spot(
    connection: &mut PgConnection,
    act: &Act,
    lot: &Lot,
    stands: &Spot,
    spot: &Spot,
) -> Result<(), Error> {
    spot::update(connection, spot).await?;
    act.tell_spots(connection, std::slice::from_ref(spot)).await?;
    if !spot.is_described_as(stands) {
        // Holds know numbers and types by heart, and compare the lot's version with what stands.
        act.count_lot(connection, lot).await?;
    }
    let (before, after) = (Some(audit::spot(stands)), Some(audit::spot(spot)));
    let (lot_id, object) = (lot.lot_id, (Object::Spot, spot.spot_id.into()));
    act.note(connection, Line { lot_id, object, before, after }).await
}

/// Locks the operator's own lot on the way to one of its things, which is `missing` otherwise.
async fn own(
    connection: &mut PgConnection,
    act: &Act,
    lot_id: LotId,
    missing: Error,
) -> Result<Lot, Error> {
    match lot::lock_own(connection, lot_id, &act.operator.subject).await {
        Err(Error::LotNotFound) => Err(missing),
        outcome => outcome,
    }
}

// What stands travels with the refusal, so that the caller can decide anew without another call.

fn stale_lot(lot: &Lot) -> Error {
    let extra = vec![fault::any(&proto::Lot::from(lot))];
    Error::LotVersionStale { version: lot.version, extra }
}

fn stale_floor(floor: &Floor) -> Error {
    let extra = vec![fault::any(&proto::Floor::from(floor))];
    Error::FloorVersionStale { version: floor.version, extra }
}

pub(super) fn stale_spot(spot: &Spot) -> Error {
    let extra = vec![fault::any(&proto::Spot::from(spot))];
    Error::SpotVersionStale { spot_id: spot.spot_id, version: spot.version, extra }
}
