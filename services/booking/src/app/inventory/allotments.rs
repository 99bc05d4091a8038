//! CreateAllotment, GetAllotment, ListAllotments.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{AllotmentId, LotId, UserId};
use parkmesh_platform::page::{self, List};
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::convert::allotment::{allotment, ticket_price};
use crate::convert::audit;
use crate::convert::booking::window;
use crate::convert::inventory::id;
use crate::domain::allotment::Allotment;
use crate::domain::audit::Object;
use crate::error::Error;
use crate::store::allotment as store;
use crate::store::inventory::lot;
use crate::store::replay::{self, Request};

/// Rows of a page: default and most.
const ALLOTMENTS_PAGE: (usize, usize) = (50, 200);

impl App {
    /// Puts places of an own lot on sale.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn create_allotment(
        &self,
        operator: &Operator,
        request: proto::CreateAllotmentRequest,
    ) -> Result<proto::CreateAllotmentResponse, Error> {
        let (window, act) =
            (window(request.window.as_ref())?, self.act(operator, "CreateAllotment"));
        if window.end() <= act.now {
            return Err(Error::WindowPast);
        }
        let ticket_price = ticket_price(request.ticket_price.as_ref())?;
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "CreateAllotment", &request);
        let allotment_id = self.ids.next();
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let lot = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
                if lot.currency != ticket_price.currency {
                    let why = format!("must be the lot's, {}", lot.currency);
                    return Err(Error::field("ticket_price.currency_code", why));
                }
                let (name, capacity) = (request.name, request.capacity);
                let made = Allotment {
                    allotment_id,
                    lot_id,
                    name,
                    window,
                    capacity,
                    ticket_price,
                    create_time: act.now,
                };
                let response =
                    proto::CreateAllotmentResponse { allotment: Some(allotment(&made, 0)) };
                // Twins wait for each other at the lot: whoever comes second finds the answer.
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                store::insert(&mut *connection, &made).await?;
                let object = (Object::Allotment, allotment_id.into());
                let after = Some(audit::allotment(&made));
                act.note(connection, Line { lot_id, object, before: None, after }).await?;
                Ok(response)
            })
        })
        .await
    }

    /// Reads an allotment.
    ///
    /// # Errors
    /// [`Error::AllotmentNotFound`], or the store's.
    pub async fn get_allotment(
        &self,
        request: proto::GetAllotmentRequest,
    ) -> Result<proto::GetAllotmentResponse, Error> {
        let (found, taken) =
            store::get(&self.pool, id("allotment_id", &request.allotment_id)?).await?;
        Ok(proto::GetAllotmentResponse { allotment: Some(allotment(&found, taken)) })
    }

    /// Lists the allotments of a lot, newest first.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_allotments(
        &self,
        caller: &UserId,
        request: proto::ListAllotmentsRequest,
    ) -> Result<proto::ListAllotmentsResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        let list = List::of("ListAllotments", caller, &[&lot_id.to_string()]);
        let before: Option<AllotmentId> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, ALLOTMENTS_PAGE.0, ALLOTMENTS_PAGE.1);
        let rows = store::list(&self.pool, lot_id, before, page::limit(size)).await?;
        if rows.is_empty() {
            lot::get(&self.pool, lot_id).await?;
        }
        let (rows, next_page_token) = list.cut(rows, size, |(last, _)| last.allotment_id);
        let allotments = rows.iter().map(|(found, taken)| allotment(found, *taken)).collect();
        Ok(proto::ListAllotmentsResponse { allotments, next_page_token })
    }
}
