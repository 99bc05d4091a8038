//! A person is erased: payments, receipts and the ledger stay, under the name that booking gives.

use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::ids::FactId;
use parkmesh_eventbus::{inbox, outbox};
use parkmesh_platform::postgres;

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
        let app = self.clone();
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let now = app.clock.now();
                if inbox::admit(connection, consumer, fact_id, now).await? {
                    let Erasure { erasure_id, user_id, pseudonym } = erasure;
                    store::person::erase(connection, &user_id, &pseudonym).await?;
                    let fact = events::user_data_erased(&app.ids, now, erasure_id);
                    outbox::append(connection, &[fact]).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }
}
