//! What an operator should look at goes to all who speak for the lot.

use parkmesh_contracts::ids::{BookingId, FactId, LotId, SpotId};
use parkmesh_eventbus::inbox;
use sqlx::PgConnection;

use super::App;
use super::write::{About, Written};
use crate::domain::{Alert, Happening};
use crate::error::Error;
use crate::store;

/// What a fact tells operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Whose lot.
    pub lot_id: LotId,
    /// Which spot, if it is about one.
    pub spot_id: Option<SpotId>,
    /// The booking, if it is about one.
    pub booking_id: Option<BookingId>,
    /// What.
    pub alert: Alert,
}

impl App {
    /// Writes the alert of a fact to everybody who speaks for the lot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alarm(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        alarm: Alarm,
    ) -> Result<(), Error> {
        let (app, now) = (self.clone(), self.clock.now());
        let written = inbox::once(&self.pool, consumer, fact_id, now, move |connection| {
            Box::pin(async move { app.alarm_in(connection, fact_id, alarm).await })
        });
        let written = written.await?.unwrap_or_default();
        self.written(&written);
        Ok(())
    }

    async fn alarm_in(
        &self,
        connection: &mut PgConnection,
        fact_id: FactId,
        alarm: Alarm,
    ) -> Result<Vec<Written>, Error> {
        let operators = store::operator::of_lot(connection, alarm.lot_id).await?;
        if operators.is_empty() {
            return Ok(Vec::new());
        }
        let place = store::names::find(connection, alarm.lot_id, alarm.spot_id).await?;
        let happening = Happening::Alert(alarm.alert);
        let about = About {
            booking_id: alarm.booking_id,
            lot_id: Some(alarm.lot_id),
            place: &place,
            happening: &happening,
            fact_id: fact_id.as_uuid(),
        };
        let mut written = Vec::with_capacity(operators.len());
        for operator in &operators {
            written.push(self.write(connection, operator, &about).await?);
        }
        Ok(written)
    }
}
