//! JoinWaitlist: only for what is sold out.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{WaitlistEndReason, WaitlistState};
use parkmesh_contracts::ids::{SpotId, UserId};
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::{pool_of, room_in};
use crate::app::App;
use crate::app::booking::{again, check_permit, remember};
use crate::convert::booking::{Choice, Wanted};
use crate::convert::inventory::id;
use crate::domain::booking::check_window;
use crate::domain::inventory::Spot;
use crate::domain::rules::rules_of_lot;
use crate::domain::waitlist::{Entry, LINE_MAX, Line};
use crate::error::{Error, WaitlistRefusal};
use crate::store::booking as bookings;
use crate::store::booking::search::{self, Pool};
use crate::store::inventory::lot;
use crate::store::replay::{self, Request};
use crate::store::waitlist as store;

/// Free spots that are looked at for one that the line has no claim on.
const FREE_LOOKED_AT: i64 = 64;
/// Free spots that are told to who need not wait.
const FREE_TOLD: usize = 5;

impl App {
    /// Puts a driver at the end of a line.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn join_waitlist(
        &self,
        user_id: &UserId,
        request: proto::JoinWaitlistRequest,
    ) -> Result<proto::JoinWaitlistResponse, Error> {
        let wanted = Wanted::try_from(&request)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(user_id, request_id, "JoinWaitlist", &request);
        self.pack_for(&wanted).await?;
        again(|| {
            let (ids, key, wanted) = (self.ids.clone(), key.clone(), wanted.clone());
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move { join(connection, &ids, &key, &wanted).await })
            })
        })
        .await
    }
}

impl App {
    /// Where a lot binds late, it is sold out only when nobody can move aside.
    async fn pack_for(&self, wanted: &Wanted) -> Result<(), Error> {
        let Choice::Pool(lot_id, spot_type, preferred) = wanted.choice else { return Ok(()) };
        let lot = self.known.lot(&self.pool, lot_id).await?;
        // Why a window cannot be held is told by whoever looks for a repetition first.
        if !lot.pooling.binds_late() || check_window(&wanted.window, self.clock.now()).is_err() {
            return Ok(());
        }
        let pool = pool_of(&lot, Line { lot_id, spot_type }, preferred, &wanted.window);
        let found = search::candidates(&self.pool, &[(pool, 1)], 0).await?;
        if found.iter().all(Vec::is_empty) {
            self.repack(&room_in(&pool)).await?;
        }
        Ok(())
    }
}

async fn join(
    connection: &mut PgConnection,
    ids: &Ids,
    key: &Request,
    wanted: &Wanted,
) -> Result<proto::JoinWaitlistResponse, Error> {
    let Choice::Pool(lot_id, spot_type, preferred) = wanted.choice else {
        return Err(Error::field("pool", "is required"));
    };
    let line = Line { lot_id, spot_type };
    store::lock_lot(connection, lot_id).await?;
    if let Some(before) = replay::find(connection, key).await? {
        return Ok(before);
    }
    let now = bookings::now(&mut *connection).await?;
    let lot = lot::get(&mut *connection, lot_id).await?;
    check_window(&wanted.window, now)?;
    check_permit(spot_type, wanted.disability_permit)?;
    rules_of_lot(&lot, None, &wanted.window, now)?;
    let pool = pool_of(&lot, line, preferred, &wanted.window);
    let free = unclaimed(connection, &pool, i64::from_be_bytes(ids.bytes())).await?;
    if !free.is_empty() {
        return Err(WaitlistRefusal::NotNeeded(free).into());
    }
    let (waiting, own) = store::counts(connection, line, &key.subject).await?;
    let most = lot.waiting.resolved().max_waits_per_user;
    if own >= i64::from(most) {
        return Err(WaitlistRefusal::TooMany(most).into());
    }
    if waiting >= LINE_MAX {
        return Err(WaitlistRefusal::Full(LINE_MAX).into());
    }
    let entry = Entry {
        entry_id: ids.next(),
        line,
        preferred,
        user_id: key.subject.clone(),
        plate: wanted.plate.clone(),
        disability_permit: wanted.disability_permit,
        window: wanted.window,
        state: WaitlistState::Waiting,
        place: waiting + 1,
        booking_id: None,
        offer_expire_time: None,
        end_reason: WaitlistEndReason::Unspecified,
        passed: None,
        join_time: now,
    };
    store::insert(connection, &entry).await?;
    let response = proto::JoinWaitlistResponse { entry: Some((&entry).into()) };
    remember(connection, key, &response, now).await?;
    Ok(response)
}

/// Spots that could be held now: free, and not for somebody who waits already.
async fn unclaimed(
    connection: &mut PgConnection,
    pool: &Pool,
    seed: i64,
) -> Result<Vec<Spot>, Error> {
    let found = search::candidates(&mut *connection, &[(*pool, FREE_LOOKED_AT)], seed).await?;
    let free: Vec<Spot> = found.into_iter().flatten().collect();
    let spots: Vec<SpotId> = free.iter().map(|spot| spot.spot_id).collect();
    let awaited = store::awaited(connection, &spots, &pool.kept).await?;
    let unclaimed = free.into_iter().zip(awaited).filter(|(_, awaited)| !awaited);
    Ok(unclaimed.map(|(spot, _)| spot).take(FREE_TOLD).collect())
}
