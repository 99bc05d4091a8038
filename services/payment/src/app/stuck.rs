//! A payment that does not come to an end by itself is told, once: somebody has to look at it.

use jiff::Timestamp;
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres;

use super::App;
use crate::domain::Intent;
use crate::error::Error;
use crate::{events, store};

/// Payments that one turn tells of.
const TOLD_MAX: i64 = 100;

impl App {
    /// Notes what is in trouble, and tells of what has been for too long. How many were told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_stuck(&self, now: Timestamp) -> Result<usize, Error> {
        let app = self.clone();
        let before = now.checked_sub(self.config.stuck_after).unwrap_or(Timestamp::UNIX_EPOCH);
        let told = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                store::stuck::note(connection, now).await?;
                let stuck = store::stuck::take_untold(connection, before, now, TOLD_MAX).await?;
                let facts: Vec<_> =
                    stuck.iter().map(|stuck| events::stuck(&app.ids, now, stuck)).collect();
                outbox::append(connection, &facts).await?;
                Ok::<_, Error>(stuck)
            })
        })
        .await?;
        for stuck in &told {
            let payment_id = stuck.payment.payment_id;
            let asked = stuck.payment.intent.map(Intent::word).unwrap_or_default();
            tracing::error!(%payment_id, asked, since = %stuck.since, "a payment does not come to an end");
        }
        if !told.is_empty() {
            self.relay.wake();
        }
        Ok(told.len())
    }
}
