//! CreateFloor.

use parkmesh_contracts::booking::v1::{CreateFloorRequest, CreateFloorResponse};
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::convert::audit;
use crate::convert::inventory::{check_floor, floor as floor_of, id};
use crate::domain::audit::Object;
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
        let act = self.act(operator, "CreateFloor");
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                let lot = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
                floor::insert(&mut *connection, &made, act.now).await?;
                act.count_lot(connection, &lot).await?;
                let object = (Object::Floor, made.floor_id.into());
                let after = Some(audit::floor(&made));
                act.note(connection, Line { lot_id, object, before: None, after }).await?;
                Ok::<_, Error>(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
