//! SubmitPlateRead: a plate becomes marks at once, and is told as those.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::PlateReadId;
use parkmesh_eventbus::outbox;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::App;
use crate::domain::plate::PlateRead;
use crate::error::Error;
use crate::events;
use crate::store::plate::{self, Asked};

/// How long the answer of a request is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

/// Keeps a reading and tells it, once for this request. Its id, and whether it is new.
async fn keep_plate(
    connection: &mut PgConnection,
    ids: &Ids,
    (asked, read): (&Asked, &PlateRead),
    now: Timestamp,
) -> Result<(PlateReadId, bool), Error> {
    let new: PlateReadId = ids.next();
    let kept = plate::keep(connection, asked, (new, read), now).await?;
    if kept == new {
        let fact = events::plate_read(ids, now, new, read);
        outbox::append(connection, &[fact]).await?;
    }
    Ok((kept, kept == new))
}

/// Keeps the plates of batches, in the caller's transaction. Whether any is new.
///
/// # Errors
/// The store's.
pub(super) async fn keep_plates<'a>(
    connection: &mut PgConnection,
    ids: &Ids,
    plates: impl Iterator<Item = &'a (Asked, PlateRead)>,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut any = false;
    for (asked, read) in plates {
        any |= keep_plate(connection, ids, (asked, read), now).await?.1;
    }
    Ok(any)
}

impl App {
    /// Makes a reading durable, once for this request.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::RequestIdReused`], or the store's.
    pub async fn read_plate(
        &self,
        caller: &Caller,
        asked: Asked,
        read: PlateRead,
    ) -> Result<PlateReadId, Error> {
        self.check_lot(caller, read.lot_id).await?;
        let (ids, now) = (self.ids.clone(), self.clock.now());
        let kept = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                keep_plate(connection, &ids, (&asked, &read), now).await.map(|(kept, _)| kept)
            })
        })
        .await?;
        self.relay.wake();
        Ok(kept)
    }

    /// Forgets the requests of long ago.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_plate_requests(&self, now: Timestamp) -> Result<(), Error> {
        plate::trim(&self.pool, now.checked_sub(KEPT).unwrap_or(Timestamp::MIN)).await
    }
}
