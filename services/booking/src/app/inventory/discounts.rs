//! CreateDiscount, ListDiscounts, EndDiscount, ListReductions.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{BookingId, DiscountId, LotId};
use parkmesh_contracts::money::Money;
use parkmesh_platform::page::{self, List};
use parkmesh_platform::postgres::transaction;

use super::Operator;
use super::act::Line;
use crate::app::App;
use crate::app::booking::remember;
use crate::convert::inventory::id;
use crate::convert::{audit, discount as convert};
use crate::domain::audit::Object;
use crate::domain::discount::Discount;
use crate::error::{DiscountRefusal, Error};
use crate::store::discount::{self as store, Sums};
use crate::store::inventory::lot;
use crate::store::replay::{self, Request};

/// Rows of a page: default and most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Makes a promo code for an own lot, or a merchant who validates parking there.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn create_discount(
        &self,
        operator: &Operator,
        request: proto::CreateDiscountRequest,
    ) -> Result<proto::CreateDiscountResponse, Error> {
        let act = self.act(operator, "CreateDiscount");
        let made = convert::discount(&request, self.ids.next(), act.now)?;
        let (lot_id, discount_id) = (made.lot_id, made.discount_id);
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, act.action, &request);
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let lot = lot::lock_own(connection, lot_id, &act.operator.subject).await?;
                convert::check_currency(&made, lot.currency)?;
                let none = Sums { uses: 0, taken: Money::zero(lot.currency) };
                let discount = Some(convert::told(&made, &none));
                let response = proto::CreateDiscountResponse { discount };
                // Twins wait for each other at the lot: whoever comes second finds the answer.
                if let Some(before) = replay::claim(connection, &key, &response, act.now).await? {
                    return Ok(before);
                }
                store::insert(connection, &made, lot.currency).await?;
                let object = (Object::Discount, discount_id.into());
                let after = Some(audit::discount(&made));
                act.note(connection, Line { lot_id, object, before: None, after }).await?;
                Ok(response)
            })
        })
        .await
    }

    /// Lists the discounts of an own lot, newest first.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_discounts(
        &self,
        operator: &Operator,
        request: proto::ListDiscountsRequest,
    ) -> Result<proto::ListDiscountsResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        lot::check_own(&self.pool, lot_id, &operator.subject).await?;
        let kind = request.kind();
        let arguments = [&lot_id.to_string(), kind.as_str_name()];
        let list = List::of("ListDiscounts", &operator.subject, &arguments);
        let before: Option<DiscountId> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let kind = convert::source(kind);
        let rows = store::list(&self.pool, lot_id, kind, before, page::limit(size)).await?;
        let (rows, next_page_token) = list.cut(rows, size, |(last, _)| last.discount_id);
        let discounts = rows.iter().map(|(discount, sums)| convert::told(discount, sums)).collect();
        Ok(proto::ListDiscountsResponse { discounts, next_page_token })
    }

    /// Ends a discount of an own lot.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn end_discount(
        &self,
        operator: &Operator,
        request: proto::EndDiscountRequest,
    ) -> Result<proto::EndDiscountResponse, Error> {
        let act = self.act(operator, "EndDiscount");
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, act.action, &request);
        let discount_id = self.own_discount(operator, &request.discount_id).await?.discount_id;
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let stands = store::lock(connection, discount_id).await?;
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let end_time = stands.end_time.or(Some(act.now));
                let ended = Discount { end_time, ..stands.clone() };
                if stands.end_time.is_none() {
                    store::end(connection, discount_id, act.now).await?;
                    let (lot_id, object) = (ended.lot_id, (Object::Discount, discount_id.into()));
                    let before = Some(audit::discount(&stands));
                    let after = Some(audit::discount(&ended));
                    act.note(connection, Line { lot_id, object, before, after }).await?;
                }
                let sums = store::sums(&mut *connection, discount_id, (None, None)).await?;
                let discount = Some(convert::told(&ended, &sums));
                let response = proto::EndDiscountResponse { discount };
                remember(connection, &key, &response, act.now).await?;
                Ok(response)
            })
        })
        .await
    }

    /// Lists the bookings that a discount of an own lot reduces, with sums of the span.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_reductions(
        &self,
        operator: &Operator,
        request: proto::ListReductionsRequest,
    ) -> Result<proto::ListReductionsResponse, Error> {
        let discount_id = self.own_discount(operator, &request.discount_id).await?.discount_id;
        let from = convert::optional_time("from_time", request.from_time.as_ref())?;
        let until = convert::optional_time("until_time", request.until_time.as_ref())?;
        let word = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        let arguments = [&discount_id.to_string(), &*word(from), &*word(until)];
        let list = List::of("ListReductions", &operator.subject, &arguments);
        let before: Option<(Timestamp, BookingId)> = list.after(&request.page_token)?;
        let (size, span) = (page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1), (from, until));
        let rows = store::reduced(&self.pool, discount_id, span, before, page::limit(size)).await?;
        let sums = store::sums(&self.pool, discount_id, span).await?;
        let (rows, next_page_token) =
            list.cut(rows, size, |last| (last.create_time, last.booking_id));
        Ok(proto::ListReductionsResponse {
            reductions: rows.iter().map(convert::reduced).collect(),
            next_page_token,
            use_count: sums.uses,
            taken_amount: Some(sums.taken.into()),
        })
    }

    /// The discount that a request names, if it is of a lot at which the operator may act.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the id is none; [`DiscountRefusal::NotFound`]; or the store's.
    pub(in crate::app) async fn own_discount(
        &self,
        operator: &Operator,
        discount_id: &str,
    ) -> Result<Discount, Error> {
        let discount_id = id("discount_id", discount_id)?;
        let found = store::get_own(&self.pool, discount_id, &operator.subject).await?;
        match operator.may_act_at(found.lot_id) {
            true => Ok(found),
            false => Err(DiscountRefusal::NotFound.into()),
        }
    }
}
