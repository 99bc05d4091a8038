//! What is due goes out: each delivery is taken under a lease, tried, and its end written down.

use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parkmesh_platform::telemetry;

use super::App;
use crate::domain::Channel;
use crate::domain::delivery::{Next, Outcome};
use crate::error::Error;
use crate::store;
use crate::store::delivery::Claimed;

/// Deliveries that a worker takes at a time, one after the other, and how long it may take over them: each
/// attempt has its own, shorter bound. What a worker dies over waits for the end of that.
const fn turn(channel: Channel) -> (i64, Duration) {
    match channel {
        Channel::Email => (1, Duration::from_secs(40)),
        Channel::Webhook => (4, Duration::from_secs(50)),
    }
}

/// Counts what became of deliveries.
pub struct Meter(Counter<u64>);

impl Meter {
    /// A meter.
    pub fn new() -> Self {
        let counter = telemetry::meter()
            .u64_counter("parkmesh_deliveries")
            .with_description("Attempts to deliver a message, by channel and outcome")
            .build();
        Self(counter)
    }

    fn count(&self, channel: Channel, next: Next) {
        let outcome = match next {
            Next::Delivered => "delivered",
            Next::Again(_) => "retried",
            Next::Failed => "failed",
        };
        let labels = [KeyValue::new("channel", channel.word()), KeyValue::new("outcome", outcome)];
        self.0.add(1, &labels);
    }
}

impl App {
    /// Delivers some of what is due on a way. How many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliver(&self, channel: Channel, meter: &Meter) -> Result<usize, Error> {
        let (limit, lease) = turn(channel);
        let now = self.clock.now();
        let taken = store::delivery::claim(&self.pool, channel, limit, lease, now).await?;
        if i64::try_from(taken.len()).is_ok_and(|taken| taken == limit) {
            // There may be more.
            self.outgoing.wake(channel);
        }
        for claimed in &taken {
            self.attempt(channel, claimed, meter).await?;
        }
        Ok(taken.len())
    }

    async fn attempt(
        &self,
        channel: Channel,
        claimed: &Claimed,
        meter: &Meter,
    ) -> Result<(), Error> {
        let (begun, started) = (self.clock.now(), Instant::now());
        let outcome = self.send(channel, claimed).await?;
        let now = self.clock.now();
        let attempts = u32::try_from(claimed.attempt).unwrap_or(1);
        let next = outcome.next(claimed.begin_time, attempts, now, self.ids.fraction());
        let took = (begun, started.elapsed());
        store::delivery::settle(&self.pool, claimed, &outcome, took, next).await?;
        meter.count(channel, next);
        if let (Channel::Webhook, Next::Again(until)) = (channel, next) {
            store::delivery::put_off(&self.pool, &claimed.user_id, channel, until).await?;
        }
        if next == Next::Failed {
            let (delivery_id, error) = (claimed.delivery_id, outcome.error());
            tracing::warn!(%delivery_id, channel = channel.word(), error, "a delivery is given up");
        }
        Ok(())
    }

    async fn send(&self, channel: Channel, claimed: &Claimed) -> Result<Outcome, Error> {
        let none = |error: &str| Outcome::Refused { status: 0, error: error.to_owned() };
        let preferences = self.preferences(&claimed.user_id).await?;
        let (id, notification) = (claimed.delivery_id, &claimed.notification);
        Ok(match channel {
            Channel::Email => match (&self.mailer, &preferences.email) {
                (Some(mailer), Some(to)) => mailer.send(id, to, notification).await,
                _ => none("there is no address any more"),
            },
            Channel::Webhook => match &preferences.webhook {
                Some(webhook) => {
                    let now = self.clock.now();
                    self.webhooks.send(id, webhook, notification, now).await
                }
                None => none("there is no address any more"),
            },
        })
    }
}
