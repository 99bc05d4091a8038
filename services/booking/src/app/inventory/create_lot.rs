//! CreateLot.

use parkmesh_contracts::booking::v1::{CreateLotRequest, CreateLotResponse};
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::convert::audit;
use crate::convert::inventory::id;
use crate::domain::audit::Object;
use crate::domain::inventory::NewLot;
use crate::error::Error;
use crate::store::inventory::lot;
use crate::store::replay::{self, Request};

impl App {
    /// Makes a lot with its first tariff.
    ///
    /// # Errors
    /// What the proto names, [`Error::OperatorRequired`], or the store's.
    pub async fn create_lot(
        &self,
        operator: &Operator,
        request: CreateLotRequest,
    ) -> Result<CreateLotResponse, Error> {
        if operator.is_bound() {
            return Err(Error::OperatorRequired);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "CreateLot", &request);
        let act = self.act(operator, "CreateLot");
        let new = NewLot::try_from(request)?;
        let made = new.found(self.ids.next(), self.ids.next(), operator.subject.clone(), act.now);
        let response = CreateLotResponse { lot: Some((&made).into()) };
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                lot::insert(&mut *connection, &made).await?;
                act.tell_lot(connection, &made).await?;
                let (lot_id, after) = (made.lot_id, Some(audit::lot(&made)));
                let object = (Object::Lot, lot_id.into());
                act.note(connection, Line { lot_id, object, before: None, after }).await?;
                Ok::<_, Error>(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
