//! A person is erased: their messages are removed, and no later fact makes new ones.

use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::ids::FactId;
use parkmesh_eventbus::{inbox, outbox};

use super::App;
use crate::error::Error;
use crate::{events, store};

impl App {
    /// Erases, and tells so, once for each fact.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn erase(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        erasure: Erasure,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let fact = events::user_data_erased(&self.ids, now, erasure.erasure_id);
        inbox::once(&self.pool, consumer, fact_id, now, move |connection| {
            Box::pin(async move {
                store::notification::erase(connection, &erasure.user_id).await?;
                outbox::append(connection, &[fact]).await
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }
}
