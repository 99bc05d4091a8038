//! CreateTariff.

use std::sync::Arc;

use parkmesh_contracts::booking::v1::{CreateTariffRequest, CreateTariffResponse};
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;

use super::Operator;
use crate::app::App;
use crate::convert::inventory::{id, inventory_changed};
use crate::convert::tariff::rules;
use crate::domain::inventory::{Lot, Tariff};
use crate::error::Error;
use crate::store::inventory::{floor, lot, tariff};
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
        let (ids, now, subject) = (self.ids.clone(), self.clock.now(), operator.subject.clone());
        let answer = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let before = lot::lock_own(connection, lot_id, &subject).await?;
                if before.currency != currency {
                    let why = format!("must be the lot's, {}", before.currency);
                    return Err(Error::field("rules.step_price.currency_code", why));
                }
                let version = before.tariff.version + 1;
                let (tariff_id, create_time) = (ids.next(), now);
                let made = Tariff { tariff_id, lot_id, version, currency, rules, create_time };
                let response = CreateTariffResponse { tariff: Some((&made).into()) };
                // Twins wait for each other at the lot: whoever comes second finds the answer.
                if let Some(before) = replay::claim(connection, &key, &response, now).await? {
                    return Ok(before);
                }
                tariff::insert(&mut *connection, &made).await?;
                let after = Lot { version: before.version + 1, tariff: made, ..before };
                lot::set_version(connection, lot_id, after.version).await?;
                let floors = floor::list(&mut *connection, lot_id).await?;
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
