//! Doing something to a booking that is there: what every such call has in common.
//!
//! The booking's row is locked, a repetition gets the first answer, the work is done at a time that was
//! asked after the wait for the lock, and the answer is kept in the same transaction. Whoever asks
//! with the same id at the same moment waits for the lock and finds the answer.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::BookingId;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use prost::Message;
use sqlx::PgConnection;

use super::{again, carry_out, remember, sign};
use crate::app::App;
use crate::convert::inventory::id;
use crate::domain::booking::{Booking, Command};
use crate::error::Error;
use crate::store::booking::read::{self, Reach};
use crate::store::booking::{self as store, Kept};
use crate::store::replay::{self, Request};

/// What is worked with: inside a transaction, the booking's row locked.
pub(super) struct Deed<'c> {
    /// The transaction.
    pub connection: &'c mut PgConnection,
    /// Ids of facts.
    pub ids: &'c Ids,
    /// The booking as it stands.
    pub kept: &'c Kept,
    /// The time, asked under the lock.
    pub now: Timestamp,
}

impl Deed<'_> {
    /// Does what a command says, and writes the fact beside it.
    ///
    /// # Errors
    /// What the rules refuse, or the store's.
    pub async fn carry_out(&mut self, command: &Command) -> Result<Booking, Error> {
        carry_out(self.connection, self.ids, self.kept, command, self.now).await
    }
}

/// What is done to the booking; it says how the booking stands then. It may be done again when it
/// crossed other work in the database, which has undone it.
pub(super) trait Work:
    for<'c> Fn(Deed<'c>) -> BoxFuture<'c, Result<Booking, Error>> + Clone + Send + 'static
{
}

impl<F> Work for F where
    F: for<'c> Fn(Deed<'c>) -> BoxFuture<'c, Result<Booking, Error>> + Clone + Send + 'static
{
}

/// Work that is one command, whatever the time.
pub(super) fn command(command: Command) -> impl Work {
    at_now(move |_| command.clone())
}

/// Work that is one command, made of the time asked under the lock.
pub(super) fn at_now(
    command: impl Fn(Timestamp) -> Command + Clone + Send + Sync + 'static,
) -> impl Work {
    move |mut deed: Deed<'_>| {
        let command = command(deed.now);
        Box::pin(async move { deed.carry_out(&command).await })
    }
}

/// All answers with a booking are encoded alike: as this one.
type Answer = proto::CheckInResponse;

/// The booking in the answer that a request has had before.
///
/// # Errors
/// [`Error::RequestIdReused`], or the store's.
pub(super) async fn before(
    connection: &mut PgConnection,
    request: &Request,
) -> Result<Option<proto::Booking>, Error> {
    let answer: Option<Answer> = replay::find(connection, request).await?;
    Ok(answer.and_then(|answer| answer.booking))
}

/// The request that a call is, of the caller who makes it.
///
/// # Errors
/// [`Error::Invalid`] when the id is none.
pub(super) fn request_of(
    caller: &Caller,
    request_id: &str,
    method: &'static str,
    body: &impl Message,
) -> Result<Request, Error> {
    Ok(Request::of(&caller.subject, id("request_id", request_id)?, method, body))
}

impl App {
    /// The booking that a request names, if it is within reach.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the id is none; [`Error::BookingNotFound`]; or the store's.
    pub(super) async fn within(&self, booking_id: &str, reach: &Reach) -> Result<Kept, Error> {
        let found = read::find(&self.pool, id("booking_id", booking_id)?, reach).await?;
        found.ok_or(Error::BookingNotFound)
    }

    /// Does the work on a booking within the caller's reach, once for this request, and answers as
    /// the first time.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`], the work's, or the store's. Nothing is done then.
    pub(super) async fn deed(
        &self,
        caller: &Caller,
        request: &Request,
        booking_id: BookingId,
        work: impl Work,
    ) -> Result<proto::Booking, Error> {
        let done =
            again(|| self.deed_once(Some(caller), request, booking_id, work.clone())).await?;
        self.relay.wake();
        Ok(done)
    }

    /// [`App::deed`] without a second try, and without waking the relay. The timeline is signed where
    /// it is an operator who acts.
    ///
    /// # Errors
    /// As [`App::deed`], and when it crossed other work.
    pub(super) async fn deed_once(
        &self,
        signer: Option<&Caller>,
        request: &Request,
        booking_id: BookingId,
        work: impl Work,
    ) -> Result<proto::Booking, Error> {
        let (ids, request, signer) = (self.ids.clone(), request.clone(), signer.cloned());
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let kept = store::lock(connection, booking_id).await?;
                if let Some(before) = before(connection, &request).await? {
                    return Ok(before);
                }
                let now = store::now(&mut *connection).await?;
                if let Some(caller) = &signer {
                    sign(connection, caller).await?;
                }
                let deed = Deed { connection: &mut *connection, ids: &ids, kept: &kept, now };
                let booking: proto::Booking = (&work(deed).await?).into();
                let answer = Answer { booking: Some(booking.clone()) };
                remember(connection, &request, &answer, now).await?;
                Ok(booking)
            })
        })
        .await
    }
}
