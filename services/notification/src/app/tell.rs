//! A fact becomes a message, once.

use parkmesh_contracts::ids::{BookingId, FactId, LotId, UserId};
use parkmesh_contracts::window::Window;
use parkmesh_eventbus::inbox;
use sqlx::PgConnection;

use super::App;
use super::write::{About, Written};
use crate::domain::reminder::{Reminder, Stage};
use crate::domain::{Happening, Place};
use crate::error::Error;
use crate::store;
use crate::store::place::Seen;

/// What a fact tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The booking.
    pub booking_id: BookingId,
    /// Whom it concerns; nobody in particular for a walk-in.
    pub user_id: Option<UserId>,
    /// The booking itself, where the fact says it.
    pub booked: Option<Booked>,
    /// What there is to say; nothing about a hold, whose owner sits in front of it.
    pub happening: Option<Happening>,
}

/// A booking, as a fact of it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Its lot.
    pub lot_id: Option<LotId>,
    /// Where.
    pub place: Place,
    /// What the QR shows.
    pub code: String,
    /// Its window.
    pub window: Option<Window>,
    /// Its version after the fact.
    pub version: i64,
    /// How far it is; `None`: the fact does not say.
    pub stage: Option<Stage>,
}

impl App {
    /// Writes the message of a fact and wakes those who wait for it here.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        told: Told,
    ) -> Result<(), Error> {
        let (app, now) = (self.clone(), self.clock.now());
        let written = inbox::once(&self.pool, consumer, fact_id, now, move |connection| {
            Box::pin(async move { app.tell_in(connection, fact_id, told).await })
        });
        let written = written.await?.flatten();
        self.written(written.as_slice());
        Ok(())
    }

    async fn tell_in(
        &self,
        connection: &mut PgConnection,
        fact_id: FactId,
        told: Told,
    ) -> Result<Option<Written>, Error> {
        let (place, lot_id, erased) = match &told.booked {
            Some(booked) => {
                let erased = self.keep(connection, &told, booked).await?;
                (booked.place.clone(), booked.lot_id, erased)
            }
            None => match store::place::find(connection, told.booking_id).await? {
                Some(known) => (known.place, known.lot_id, known.erased),
                None => (Place::default(), None, false),
            },
        };
        let (Some(user_id), Some(happening)) = (told.user_id, told.happening) else {
            return Ok(None);
        };
        // A fact of payment may come after the driver was erased, and was written before.
        if erased || user_id.is_erased() {
            return Ok(None);
        }
        let about = About {
            booking_id: Some(told.booking_id),
            lot_id,
            place: &place,
            happening: &happening,
            fact_id: fact_id.as_uuid(),
        };
        self.write(connection, &user_id, &about).await.map(Some)
    }

    /// Keeps what a fact says of a booking. Whether its driver was erased.
    async fn keep(
        &self,
        connection: &mut PgConnection,
        told: &Told,
        booked: &Booked,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        let next = |stage| booked.window.and_then(|window| Reminder::next(stage, &window, now));
        let seen = Seen {
            booking_id: told.booking_id,
            lot_id: booked.lot_id,
            user_id: told.user_id.as_ref().filter(|user_id| !user_id.is_erased()),
            place: &booked.place,
            code: &booked.code,
            window: booked.window.as_ref(),
            version: booked.version,
            reminder: booked.stage.map(next),
        };
        Ok(store::place::keep(connection, &seen, now).await?)
    }
}
