//! The bookings that a closure meets.

use std::collections::HashMap;
use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::ids::BookingId;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::app::App;
use crate::app::booking::{again, carry_out};
use crate::app::inventory::act::Act;
use crate::convert::closure as convert;
use crate::domain::booking::Command;
use crate::domain::closure::Closure;
use crate::error::Error;
use crate::store::booking::{self as store, closed};
use crate::store::inventory::closure;
use crate::store::replay::{self, Request};
use crate::store::timeline;

/// How long one look waits for older statements: less than a statement may run.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Looks before the caller is asked to come again. Together they are longer than any statement and
/// any transaction that writes.
const WAITS_MAX: u32 = 4;
/// Bookings that the answer names; the proto says so.
const NAMED_MAX: i64 = 1_000;
/// Bookings that one transaction cancels; their rows are locked for so long.
const BATCH_MAX: i64 = 100;

impl App {
    /// The bookings that a closure meets, as they are when nobody can add to them any more.
    ///
    /// # Errors
    /// [`Error::Crowded`] when older work does not end; or the store's.
    pub(super) async fn bookings_met(
        &self,
        act: &Act,
        known: Request,
        closure: &Closure,
    ) -> Result<proto::CreateClosureResponse, Error> {
        let mut waits = 0;
        while !closure::wait_for_older_statements(&self.pool, WAIT_MAX).await? {
            waits += 1;
            if waits >= WAITS_MAX {
                return Err(Error::Crowded);
            }
        }
        // Nobody has been promised the spots of these: they need not be met at all.
        self.leave_closed_spots(Some(closure.lot_id)).await?;
        let (now, closure) = (act.now, closure.clone());
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let met = closed::list(connection, &closure, None, NAMED_MAX, false).await?;
                let answer = proto::CreateClosureResponse {
                    closure: Some((&closure).into()),
                    bookings: met.iter().map(|kept| convert::met(&kept.booking)).collect(),
                    booking_count: closed::count(&mut *connection, &closure).await?,
                };
                // Those that a call before this one has cancelled are met no more, and belong to the
                // answer all the same.
                let before = replay::claim(connection, &known, &answer, now).await?;
                Ok(before.unwrap_or(answer))
            })
        })
        .await
    }

    /// Cancels the bookings that a closure meets and whose car has not come, in batches.
    ///
    /// # Errors
    /// The store's; what was cancelled stays so.
    pub(super) async fn cancel_met(&self, act: &Act, closure: &Closure) -> Result<(), Error> {
        let mut after: Option<BookingId> = None;
        loop {
            let last = again(|| {
                let (act, closure) = (act.clone(), closure.clone());
                transaction::<_, Error, _>(&self.pool, move |connection| {
                    Box::pin(async move { cancel_batch(connection, &act, &closure, after).await })
                })
            })
            .await?;
            self.relay.wake();
            match last {
                Some(booking_id) => after = Some(booking_id),
                None => return Ok(()),
            }
        }
    }

    /// Says of each booking of an answer where it stands now.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn look_again(
        &self,
        answer: &mut proto::CreateClosureResponse,
    ) -> Result<(), Error> {
        let parsed = answer.bookings.iter().filter_map(|met| met.booking_id.parse().ok());
        let ids: Vec<Uuid> = parsed.map(BookingId::as_uuid).collect();
        let states = closed::states(&self.pool, &ids).await?;
        let states: HashMap<String, BookingState> =
            states.into_iter().map(|(booking_id, state)| (booking_id.to_string(), state)).collect();
        for met in &mut answer.bookings {
            if let Some(state) = states.get(&met.booking_id) {
                met.set_state(*state);
            }
        }
        Ok(())
    }
}

/// Cancels the next bookings that a closure meets; returns the last it has looked at.
async fn cancel_batch(
    connection: &mut PgConnection,
    act: &Act,
    closure: &Closure,
    after: Option<BookingId>,
) -> Result<Option<BookingId>, Error> {
    let met = closed::list(connection, closure, after, BATCH_MAX, true).await?;
    let now = store::now(&mut *connection).await?;
    timeline::sign(connection, Cause::Operator, Some(&act.operator.subject)).await?;
    for kept in &met {
        match carry_out(connection, &act.ids, kept, &Command::Withdraw, now).await {
            // The car has come, or the deadline: there is nothing to be cancelled.
            Ok(_) | Err(Error::BookingStateWrong(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(met.last().map(|kept| kept.booking.booking_id))
}
