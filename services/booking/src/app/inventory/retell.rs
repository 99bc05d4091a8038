//! Lots that have not been told for long are told once more.

use parkmesh_contracts::ids::LotId;
use parkmesh_platform::postgres::transaction;

use super::act::tell;
use crate::app::App;
use crate::error::Error;
use crate::store::inventory::lot;

/// Lots that one round tells at most.
const ROUND_MAX: i64 = 20;

impl App {
    /// Tells every lot of which the outbox remembers nothing, as it stands: the outbox forgets within a day or two,
    /// the stream within a week, and a service that begins to keep something of lots has to hear of each of them,
    /// also of those that nobody has changed for years. Returns how many were told.
    ///
    /// # Errors
    /// The store's; what was told stays told.
    pub async fn retell_lots(&self) -> Result<usize, Error> {
        let untold = lot::untold(&self.pool, ROUND_MAX).await?;
        let found = untold.len();
        for lot_id in untold {
            self.retell_lot(lot_id).await?;
        }
        if found > 0 {
            self.relay.wake();
        }
        Ok(found)
    }

    async fn retell_lot(&self, lot_id: LotId) -> Result<(), Error> {
        let (ids, now) = (self.ids.clone(), self.clock.now());
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                // Whoever told it while we waited for the lock has told it for us.
                let Some(lot) = lot::lock_untold(&mut *connection, lot_id).await? else {
                    return Ok(());
                };
                tell(connection, &ids, now, &lot).await
            })
        })
        .await
    }
}
