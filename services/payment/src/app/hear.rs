//! What booking tells: about the stay, and how it ended. The end decides what becomes of the money.

use parkmesh_contracts::ids::{BookingId, FactId};
use parkmesh_eventbus::inbox;
use parkmesh_platform::postgres;
use sqlx::PgConnection;

use super::App;
use crate::domain::{Payment, Settlement, Stay};
use crate::error::Error;
use crate::store;

/// What a fact of booking means for money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The booking.
    pub booking_id: BookingId,
    /// What is known of the stay now.
    pub stay: Stay,
    /// How it ended, if it has.
    pub settlement: Option<Settlement>,
}

impl App {
    /// Notes the news, and what is to be asked of the provider because of them, once for each fact.
    /// The clockwork asks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hear(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        news: News,
    ) -> Result<(), Error> {
        let app = self.clone();
        let asked = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if inbox::admit(connection, consumer, fact_id, app.clock.now()).await? {
                    app.hear_in(connection, news).await
                } else {
                    Ok::<_, Error>(false)
                }
            })
        })
        .await?;
        if asked {
            self.intents.notify_one();
        }
        Ok(())
    }

    /// Whether there is something to ask now.
    async fn hear_in(&self, connection: &mut PgConnection, news: News) -> Result<bool, Error> {
        let now = self.clock.now();
        let booking = store::booking::lock(connection, news.booking_id).await?;
        if booking.settlement.is_some() {
            return Ok(false);
        }
        let stay = news.stay.after(booking.stay.as_ref());
        store::booking::keep_stay(connection, news.booking_id, &stay).await?;
        let Some(settlement) = news.settlement else { return Ok(false) };
        store::booking::settle(connection, news.booking_id, &settlement, now).await?;
        let live = store::payment::find_live(connection, news.booking_id).await?;
        warn_of_shortfall(&settlement, live.as_ref());
        let Some(asked) = live.and_then(|live| live.ask_settled(&settlement)) else {
            return Ok(false);
        };
        store::payment::save(connection, &asked, now, now).await?;
        Ok(true)
    }
}

/// Money that is owed and cannot be taken is somebody's mistake, not the driver's.
fn warn_of_shortfall(settlement: &Settlement, live: Option<&Payment>) {
    let Some(owed) = settlement.capture else { return };
    let covered = live.is_some_and(|live| {
        live.authorized.currency == owed.currency && live.authorized.minor >= owed.minor
    });
    if !covered {
        let authorized = live.map(|live| live.authorized.to_string()).unwrap_or_default();
        let reason = &settlement.reason;
        tracing::error!(%owed, authorized, reason, "more is owed than is set aside");
    }
}
