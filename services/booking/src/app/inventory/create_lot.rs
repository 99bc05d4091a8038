//! CreateLot.

use parkmesh_contracts::booking::v1::{CreateLotRequest, CreateLotResponse};
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{id, inventory_changed};
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
        let now = self.clock.now();
        let new = NewLot::try_from(request)?;
        let made = new.found(self.ids.next(), self.ids.next(), operator.subject.clone(), now);
        let response = CreateLotResponse { lot: Some((&made).into()) };
        let fact = inventory_changed(&made, &[]);
        let fact = outbox::Row::of(&self.ids, now, made.lot_id.into(), made.version, &fact);
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::claim(connection, &key, &response, now).await? {
                    return Ok(before);
                }
                lot::insert(&mut *connection, &made).await?;
                outbox::append(connection, &[fact]).await?;
                Ok::<_, Error>(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
