//! CreateClosure, ListClosures, DeleteClosure.
//!
//! From the commit of a closure on, every hold that begins goes by it: the lot's version counts up with
//! it, and the statement of a hold compares that. A hold that had begun before may still be made in
//! ignorance of it. So the bookings that a closure meets are looked for after all of those have ended.

mod met;

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::ClosureTreatment;
use parkmesh_contracts::ids::{ClosureId, LotId, RequestId, UserId};
use parkmesh_platform::page::{self, List};
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::Operator;
use super::act::{Act, Line};
use crate::app::App;
use crate::app::booking::remember;
use crate::convert::inventory::id;
use crate::convert::{audit, closure as convert};
use crate::domain::audit::Object;
use crate::domain::closure::{CLOSURES_MAX, Closure};
use crate::error::Error;
use crate::store::inventory::{closure, lot};
use crate::store::replay::{self, Request};

/// Rows of a page: default and most.
const PAGE_ROWS: (usize, usize) = (50, 200);

impl App {
    /// Closes an own lot, or a floor or spot of it, and deals with the bookings that it meets. A
    /// repeated call goes on where the first one was cut off.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn create_closure(
        &self,
        operator: &Operator,
        request: proto::CreateClosureRequest,
    ) -> Result<proto::CreateClosureResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        if !operator.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let request_id: RequestId = id("request_id", &request.request_id)?;
        let act = self.act(operator, "CreateClosure");
        let subject = &operator.subject;
        let key = Request::of(subject, request_id, act.action, &request);
        let begin = Request::of(subject, replay::step(request_id, &[0]), act.action, &request);
        let known = Request::of(subject, replay::step(request_id, &[1]), act.action, &request);
        let treatment = request.treatment();
        let wanted = convert::closure(&request, self.ids.next(), lot_id, act.now);
        let (closing, looking) = (act.clone(), key.clone());
        let begun = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::find(connection, &looking).await? {
                    return Ok(Begun::Answered(before));
                }
                close(connection, &closing, &begin, wanted).await.map(Begun::Closed)
            })
        })
        .await?;
        self.relay.wake();
        let closure = match begun {
            Begun::Answered(before) => return Ok(before),
            Begun::Closed(closure) => closure,
        };
        let mut answer = self.bookings_met(&act, known, &closure).await?;
        if treatment == ClosureTreatment::Cancel {
            self.cancel_met(&act, &closure).await?;
        }
        self.look_again(&mut answer).await?;
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let before = replay::claim(connection, &key, &answer, act.now).await?;
                Ok(before.unwrap_or(answer))
            })
        })
        .await
    }

    /// Lists the closures of a lot.
    ///
    /// # Errors
    /// What the proto names, [`Error::PageTokenInvalid`], or the store's.
    pub async fn list_closures(
        &self,
        caller: &UserId,
        request: proto::ListClosuresRequest,
    ) -> Result<proto::ListClosuresResponse, Error> {
        let lot_id: LotId = id("lot_id", &request.lot_id)?;
        let ended = if request.include_ended { "ended" } else { "" };
        let list = List::of("ListClosures", caller, &[&lot_id.to_string(), ended]);
        let after: Option<(Timestamp, ClosureId)> = list.after(&request.page_token)?;
        let size = page::size(request.page_size, PAGE_ROWS.0, PAGE_ROWS.1);
        let rows =
            closure::list(&self.pool, lot_id, request.include_ended, after, page::limit(size))
                .await?;
        if rows.is_empty() && after.is_none() {
            lot::get(&self.pool, lot_id).await?;
        }
        let (closures, next_page_token) =
            list.cut(rows, size, |last| (last.window.end(), last.closure_id));
        let closures = closures.iter().map(proto::Closure::from).collect();
        Ok(proto::ListClosuresResponse { closures, next_page_token })
    }

    /// Takes a closure of an own lot away.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn delete_closure(
        &self,
        operator: &Operator,
        request: proto::DeleteClosureRequest,
    ) -> Result<proto::DeleteClosureResponse, Error> {
        let closure_id: ClosureId = id("closure_id", &request.closure_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(&operator.subject, request_id, "DeleteClosure", &request);
        let act = self.act(operator, "DeleteClosure");
        let answer = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                if let Some(before) = replay::find(connection, &key).await? {
                    return Ok(before);
                }
                let closure = closure::get(&mut *connection, closure_id).await?;
                open(connection, &act, &closure).await?;
                let response = proto::DeleteClosureResponse { closure: Some((&closure).into()) };
                remember(connection, &key, &response, act.now).await?;
                Ok(response)
            })
        })
        .await?;
        self.relay.wake();
        Ok(answer)
    }
}

/// How a call begins.
enum Begun {
    /// It was answered before.
    Answered(proto::CreateClosureResponse),
    /// The closure stands.
    Closed(Closure),
}

/// Writes the closure, or finds the one that this request has written before.
async fn close(
    connection: &mut PgConnection,
    act: &Act,
    begin: &Request,
    wanted: Result<Closure, Error>,
) -> Result<Closure, Error> {
    let nothing = proto::Closure::default();
    let begun: Option<proto::Closure> = replay::find(connection, begin).await?;
    if let Some(before) = begun {
        return closure::get(connection, id("closure_id", &before.closure_id)?).await;
    }
    let closure = wanted?;
    let mut lot = lot::lock_own(connection, closure.lot_id, &act.operator.subject).await?;
    let told = proto::Closure { closure_id: closure.closure_id.to_string(), ..nothing };
    if let Some(before) = replay::claim(connection, begin, &told, act.now).await? {
        // A twin was faster.
        return closure::get(connection, id("closure_id", &before.closure_id)?).await;
    }
    if lot.closures.len() >= CLOSURES_MAX {
        return Err(Error::ClosureLimitReached(CLOSURES_MAX));
    }
    closure::insert(connection, &closure).await?;
    lot.closures.push(closure.clone());
    // As the snapshot tells them.
    lot.closures.sort_by_key(|closure| closure.closure_id);
    act.count_lot(connection, &lot).await?;
    let (lot_id, object) = (closure.lot_id, (Object::Closure, closure.closure_id.into()));
    let after = Some(audit::closure(&closure));
    act.note(connection, Line { lot_id, object, before: None, after }).await?;
    Ok(closure)
}

async fn open(connection: &mut PgConnection, act: &Act, closure: &Closure) -> Result<(), Error> {
    let (lot_id, closure_id) = (closure.lot_id, closure.closure_id);
    if !act.operator.may_act_at(lot_id) {
        return Err(Error::ClosureNotFound);
    }
    let mut lot = match lot::lock_own(connection, lot_id, &act.operator.subject).await {
        Err(Error::LotNotFound) => return Err(Error::ClosureNotFound),
        outcome => outcome?,
    };
    if !closure::delete(connection, closure_id).await? {
        return Err(Error::ClosureNotFound);
    }
    lot.closures.retain(|other| other.closure_id != closure_id);
    act.count_lot(connection, &lot).await?;
    let (object, before) = ((Object::Closure, closure_id.into()), Some(audit::closure(closure)));
    act.note(connection, Line { lot_id, object, before, after: None }).await
}
