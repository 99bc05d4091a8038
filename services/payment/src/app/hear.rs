//! What booking tells: about the stay, and how it ended. The end decides what becomes of the money.

use parkmesh_contracts::ids::{BookingId, FactId};
use parkmesh_contracts::money::Money;
use parkmesh_eventbus::inbox;
use parkmesh_platform::{failpoint, postgres};
use sqlx::PgConnection;

use super::App;
use super::points::{At, point};
use crate::domain::payment::overstay_key;
use crate::domain::settle::ask_settled;
use crate::domain::{Intent, Kind, Overstay, Payment, Settlement, Status, Stay, renewal};
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
    /// What its car owes that stayed past the window, and has left.
    pub overstay: Option<Overstay>,
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
                let mut asked = Vec::new();
                if inbox::admit(connection, consumer, fact_id, app.clock.now()).await? {
                    asked = app.hear_in(connection, news).await?;
                    failpoint::hit("payment.hear.before_commit");
                }
                Ok::<_, Error>(asked)
            })
        })
        .await?;
        for intent in asked.iter().filter_map(|payment| payment.intent) {
            failpoint::hit(point(intent, At::IntentCommitted));
        }
        if !asked.is_empty() {
            self.intents.notify_one();
        }
        Ok(())
    }

    /// Those of whom something is to be asked now.
    async fn hear_in(
        &self,
        connection: &mut PgConnection,
        news: News,
    ) -> Result<Vec<Payment>, Error> {
        let now = self.clock.now();
        let booking = store::booking::lock(connection, news.booking_id).await?;
        if let Some(overstay) = news.overstay {
            if booking.overstay.is_some() {
                return Ok(Vec::new());
            }
            let charged = self.charge(connection, news.booking_id, &overstay).await?;
            return Ok(charged.into_iter().collect());
        }
        if booking.settlement.is_some() {
            return Ok(Vec::new());
        }
        let stay = news.stay.after(booking.stay.as_ref());
        store::booking::keep_stay(connection, news.booking_id, &stay).await?;
        let Some(settlement) = news.settlement else {
            if let Some(start) = stay.start {
                let near = renewal::near(start, now);
                store::renewal::ask_sooner(connection, news.booking_id, near).await?;
            }
            return Ok(Vec::new());
        };
        store::booking::settle(connection, news.booking_id, &settlement, now).await?;
        let live = store::payment::list_live(connection, news.booking_id).await?;
        warn_of_shortfall(&settlement, &live);
        let asked = ask_settled(&live, &settlement);
        for payment in &asked {
            store::payment::save(connection, payment, now, now).await?;
        }
        self.end_unasked(connection, &live, &settlement).await?;
        if live.iter().any(|live| live.action.is_some()) {
            // Nobody waits for the driver any more.
            store::payment::look_at_actions(connection, news.booking_id, now).await?;
        }
        Ok(asked)
    }

    /// Notes that an overstay is to be charged, to the card that covered the booking.
    async fn charge(
        &self,
        connection: &mut PgConnection,
        booking_id: BookingId,
        overstay: &Overstay,
    ) -> Result<Option<Payment>, Error> {
        let now = self.clock.now();
        store::booking::keep_overstay(connection, booking_id, overstay).await?;
        if overstay.amount.minor == 0 {
            return Ok(None);
        }
        let Some(covering) = store::payment::find_covering(connection, booking_id).await? else {
            tracing::error!(%booking_id, owed = %overstay.amount, "nothing is known to charge an overstay to");
            return Ok(None);
        };
        let payment = Payment {
            payment_id: self.ids.next(),
            kind: Kind::Overstay,
            authorized: overstay.amount,
            captured: None,
            refunded: Money::zero(overstay.amount.currency),
            status: Status::Pending,
            decline_code: None,
            provider_id: None,
            authorize_key: overstay_key(booking_id),
            intent: Some(Intent::Authorize),
            action_allowed: false,
            action: None,
            chases: 0,
            authorize_time: None,
            replaces: None,
            version: 1,
            create_time: now,
            ..covering
        };
        store::payment::save(connection, &payment, now, now).await?;
        Ok(Some(payment))
    }
}

/// Money that is owed and cannot be taken is somebody's mistake, not the driver's.
fn warn_of_shortfall(settlement: &Settlement, live: &[Payment]) {
    let Some(owed) = settlement.capture else { return };
    let set_aside = live.iter().filter(|live| live.authorized.currency == owed.currency);
    let authorized: i64 = set_aside.map(|live| live.authorized.minor).sum();
    if authorized < owed.minor {
        let reason = &settlement.reason;
        tracing::error!(%owed, authorized, reason, "more is owed than is set aside");
    }
}
