//! CreateFloor.

use parkmesh_contracts::booking::v1::{CreateFloorRequest, CreateFloorResponse};
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{check_floor, floor as floor_of, id, inventory_changed};
use crate::domain::inventory::{FLOORS_MAX, Lot};
use crate::error::Error;
use crate::store::inventory::{floor, lot};
use crate::store::replay::{self, Request};

impl App {
    /// Makes a floor of an own lot, whose version counts up.
    ///
    /// # Errors
    /// What the proto names, [`Error::FloorLimitReached`], or the store's.
    pub async fn create_floor(
        &self,
        operator: &Operator,
        request: CreateFloorRequest,
    ) -> Result<CreateFloorResponse, Error> {
        check_floor(&request)?;
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "CreateFloor", &request);
        let made = floor_of(&request, self.ids.next(), lot_id);
        let response = CreateFloorResponse { floor: Some((&made).into()) };
        let (ids, now, subject) = (self.ids.clone(), self.clock.now(), operator.subject.clone());
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, now).await? {
                    return Ok(before);
                }
                let before = lot::lock_own(connection, lot_id, &subject).await?;
                floor::insert(&mut *connection, &made, now).await?;
                let floors = floor::list(&mut *connection, lot_id).await?;
                if floors.len() > FLOORS_MAX {
                    return Err(Error::FloorLimitReached(FLOORS_MAX));
                }
                let after = Lot { version: before.version + 1, ..before };
                lot::set_version(connection, lot_id, after.version).await?;
                let fact = inventory_changed(&after, &floors);
                let fact = outbox::Row::of(&ids, now, lot_id.into(), after.version, &fact);
                outbox::append(connection, &[fact]).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
