//! CreateTariff.

use std::sync::Arc;

use parkmesh_contracts::booking::v1::{CreateTariffRequest, CreateTariffResponse};
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::convert::audit;
use crate::convert::inventory::id;
use crate::convert::tariff::rules;
use crate::domain::audit::Object;
use crate::domain::inventory::{Lot, Tariff};
use crate::error::Error;
use crate::store::inventory::{lot, tariff};
use crate::store::replay::{self, Request};

impl App {
    /// Makes the next version of an own lot's tariff; the lot's version counts up with it.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn create_tariff(
        &self,
        operator: &Operator,
        request: CreateTariffRequest,
    ) -> Result<CreateTariffResponse, Error> {
        let (rules, currency) = rules(request.rules.as_ref())?;
        let rules = Arc::new(rules);
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "CreateTariff", &request);
        let act = self.act(operator, "CreateTariff");
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let before = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
                if before.currency != currency {
                    let why = format!("must be the lot's, {}", before.currency);
                    return Err(Error::field("rules.step_price.currency_code", why));
                }
                let version = before.tariff.version + 1;
                let (tariff_id, create_time) = (act.ids.next(), act.now);
                let made = Tariff { tariff_id, lot_id, version, currency, rules, create_time };
                let response = CreateTariffResponse { tariff: Some((&made).into()) };
                // Twins wait for each other at the lot: whoever comes second finds the answer.
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                tariff::insert(&mut *connection, &made).await?;
                let line = Line {
                    lot_id,
                    object: (Object::Tariff, tariff_id.into()),
                    before: Some(audit::tariff(&before.tariff)),
                    after: Some(audit::tariff(&made)),
                };
                act.count_lot(connection, &Lot { tariff: made, ..before }).await?;
                act.note(connection, line).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}
