//! LeaveWaitlist.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{BookingState, WaitlistState};
use parkmesh_contracts::ids::{BookingId, UserId, WaitlistEntryId};
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use crate::app::App;
use crate::app::booking::{again, carry_out, remember};
use crate::convert::inventory::id;
use crate::domain::booking::Command;
use crate::domain::waitlist::Entry;
use crate::error::{Error, WaitlistRefusal};
use crate::store::booking as bookings;
use crate::store::replay::{self, Request};
use crate::store::waitlist as store;

/// Times that an entry may become another under the hand.
const CROSSINGS_MAX: u32 = 4;

impl App {
    /// Takes a driver's own entry out of its line, with the offer that it may have.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn leave_waitlist(
        &self,
        user_id: &UserId,
        request: proto::LeaveWaitlistRequest,
    ) -> Result<proto::LeaveWaitlistResponse, Error> {
        let entry_id = id("entry_id", &request.entry_id)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(user_id, request_id, "LeaveWaitlist", &request);
        for _crossing in 0..CROSSINGS_MAX {
            let left = again(|| {
                let (ids, key) = (self.ids.clone(), key.clone());
                transaction::<_, Error, _>(&self.pool, move |connection| {
                    Box::pin(async move { leave(connection, &ids, &key, entry_id).await })
                })
            });
            if let Some(answer) = left.await? {
                self.relay.wake();
                return Ok(answer);
            }
        }
        Err(Error::Crowded)
    }
}

/// None when the entry has become another before it was locked.
async fn leave(
    connection: &mut PgConnection,
    ids: &Ids,
    key: &Request,
    entry_id: WaitlistEntryId,
) -> Result<Option<proto::LeaveWaitlistResponse>, Error> {
    let entry = own(connection, key, entry_id).await?;
    let offer = entry.booking_id.filter(|_| entry.state == WaitlistState::Offered);
    let is_locked = match offer {
        // Whoever changes an offer locks the booking first.
        Some(booking_id) => {
            bookings::lock(connection, booking_id).await?;
            true
        }
        None => store::lock_waiting(connection, entry_id).await?,
    };
    if let Some(before) = replay::find(connection, key).await? {
        return Ok(Some(before));
    }
    let stands = own(connection, key, entry_id).await?;
    match (stands.state, offer) {
        (WaitlistState::Waiting, None) if is_locked => {
            store::leave(connection, entry_id).await?;
        }
        (WaitlistState::Offered, Some(booking_id)) if stands.booking_id == offer => {
            give_back(connection, ids, booking_id).await?;
        }
        (WaitlistState::Waiting | WaitlistState::Offered, _) => return Ok(None),
        (ended, _) => return Err(WaitlistRefusal::StateWrong(ended).into()),
    }
    let now = bookings::now(&mut *connection).await?;
    let left = own(connection, key, entry_id).await?;
    let response = proto::LeaveWaitlistResponse { entry: Some((&left).into()) };
    remember(connection, key, &response, now).await?;
    Ok(Some(response))
}

async fn own(
    connection: &mut PgConnection,
    key: &Request,
    entry_id: WaitlistEntryId,
) -> Result<Entry, Error> {
    let found = store::find_own(connection, entry_id, &key.subject).await?;
    found.ok_or(WaitlistRefusal::EntryNotFound.into())
}

/// Cancels an offer; the entry follows it.
async fn give_back(
    connection: &mut PgConnection,
    ids: &Ids,
    booking_id: BookingId,
) -> Result<(), Error> {
    let kept = bookings::lock(connection, booking_id).await?;
    let now = bookings::now(&mut *connection).await?;
    match carry_out(connection, ids, &kept, &Command::Cancel(None), now).await {
        Ok(_) => Ok(()),
        // Between two looks at the clock.
        Err(Error::BookingStateWrong(BookingState::Expired)) => {
            Err(WaitlistRefusal::StateWrong(WaitlistState::Expired).into())
        }
        Err(error) => Err(error),
    }
}
