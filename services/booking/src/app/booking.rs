//! Reserving a spot, arriving, leaving.

pub mod action;
pub mod arrive;
mod assign;
mod cancel;
mod card;
mod change;
pub mod churn;
mod claim;
mod confirm;
mod create;
mod deed;
pub mod difference;
mod end;
mod extend;
pub mod ground;
pub mod group;
mod hold;
pub mod known;
pub mod lapse;
mod move_booking;
pub mod offers;
pub mod passage;
mod payment;
mod read;
mod reduce;
mod relocate;
pub(super) mod repack;
mod series;
mod ticket;
mod timeline;
mod walk_in;
pub mod watch;

pub(super) use group::facts_of_lapsed;
pub(super) use hold::{check_permit, new_hold, terms};

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::auth::{Caller, Role};
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::is_retryable;
use prost::Message;
use sqlx::PgConnection;

use crate::domain::booking::{Booking, Command, Step};
use crate::domain::discount::Source;
use crate::error::Error;
use crate::events;
use crate::store::booking::read::Reach;
use crate::store::booking::{self as store, Kept};
use crate::store::replay::{self, Request};

/// The points at which a process can be told to die, see [`parkmesh_platform::failpoint`]. A proof dies
/// at each of them.
pub const FAILPOINTS: [&str; 7] = [
    "booking.confirm.marked",
    "booking.confirm.authorized",
    "booking.confirm.committed",
    "booking.cancel.committed",
    "booking.end.committed",
    "booking.action.committed",
    "booking.action.authorized",
];

/// What is in reach of a caller: own bookings; those of own lots for operators; those of its lots
/// for a kiosk.
pub fn reach(caller: &Caller) -> Reach {
    let named = !caller.lots.is_empty();
    Reach {
        subject: caller.subject.clone(),
        operator: caller.role == Role::Operator,
        kiosk: caller.role == Role::Kiosk,
        lots: named.then(|| caller.lots.iter().copied().map(LotId::as_uuid).collect()),
    }
}

/// Only what is the caller's own.
fn own(caller: &Caller) -> Reach {
    Reach { operator: false, kiosk: false, ..reach(caller) }
}

/// How an arrival or a departure is noticed that this caller tells of.
fn cause(caller: &Caller) -> Cause {
    match caller.role {
        Role::Kiosk => Cause::Kiosk,
        Role::Operator => Cause::Operator,
        _ => Cause::Driver,
    }
}

/// What brings a step about, where the command says it; else whoever signed the transaction.
fn cause_of(command: &Command) -> Option<Cause> {
    match command {
        Command::Start(_, cause)
        | Command::Arrive(_, cause)
        | Command::Depart(_, _, cause)
        | Command::Return(cause)
        | Command::Leave(_, cause) => Some(*cause),
        Command::Lapse => Some(Cause::Deadline),
        Command::Cancel(Some(_)) | Command::Decline(_) | Command::AskCard(..) | Command::Unpaid => {
            Some(Cause::Payment)
        }
        Command::Extend(..) | Command::Move(..) => Some(Cause::Driver),
        Command::Reduce(reduction) if reduction.source == Source::PromoCode => Some(Cause::Driver),
        Command::Relocate(..) | Command::GiveUp => Some(Cause::SpotBlocked),
        Command::AskClaim(..) | Command::Overstay(_) => Some(Cause::Sensor),
        _ => None,
    }
}

/// Signs a transaction in which an operator acts; of drivers and kiosks the timeline keeps no name.
///
/// # Errors
/// The store's.
async fn sign(connection: &mut PgConnection, caller: &Caller) -> Result<(), Error> {
    if caller.role != Role::Operator {
        return Ok(());
    }
    crate::store::timeline::sign(connection, Cause::Operator, Some(&caller.subject)).await
}

/// Times that work is done again that crossed other work in the database.
const CROSSINGS_MAX: u32 = 3;

/// Does the work again when it crossed other work (a deadlock or a serialization failure), which
/// has undone it.
///
/// # Errors
/// The work's.
pub(super) async fn again<T, W, F>(mut work: W) -> Result<T, Error>
where
    W: FnMut() -> F,
    F: Future<Output = Result<T, Error>>,
{
    let mut crossings = 0;
    loop {
        match work().await {
            Err(Error::Store(error)) if is_retryable(&error) && crossings < CROSSINGS_MAX => {
                crossings += 1;
            }
            Err(Error::Crowded) if crossings < CROSSINGS_MAX => crossings += 1,
            outcome => return outcome,
        }
    }
}

/// Does to a locked booking what a command says, and writes the fact beside it. Returns the booking
/// as it stands then.
///
/// # Errors
/// What the rules refuse, or the store's.
pub(super) async fn carry_out(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    command: &Command,
    now: Timestamp,
) -> Result<Booking, Error> {
    match kept.booking.transition(command, &kept.terms.policy, now)? {
        Step::Stands => Ok(kept.booking.clone()),
        Step::Changed(booking, event) => {
            store::change::write(connection, &booking, cause_of(command)).await?;
            let fact = events::fact(ids, now, &booking, &kept.terms, &event);
            outbox::append(connection, &[fact]).await?;
            Ok(*booking)
        }
    }
}

/// Keeps the answer of a request whose booking is locked and whose repetition was looked for under
/// that lock.
///
/// # Errors
/// [`Error::RequestIdReused`] when the id was used for another booking meanwhile; or the store's.
pub(super) async fn remember<R: Message + Default>(
    connection: &mut PgConnection,
    request: &Request,
    response: &R,
    now: Timestamp,
) -> Result<(), Error> {
    match replay::claim(connection, request, response, now).await? {
        None => Ok(()),
        Some(_) => Err(Error::Broken("a request was answered twice".to_owned())),
    }
}
