//! A fact becomes a message, once.

use parkmesh_contracts::ids::{BookingId, FactId, UserId};
use parkmesh_eventbus::inbox;
use parkmesh_platform::postgres;
use sqlx::PgConnection;

use super::App;
use crate::domain::message::compose;
use crate::domain::{Happening, Place};
use crate::error::Error;
use crate::store;

/// What a fact tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The booking.
    pub booking_id: BookingId,
    /// Whom it concerns; nobody in particular for a walk-in.
    pub user_id: Option<UserId>,
    /// Where the booking is, where the fact says it.
    pub place: Option<Place>,
    /// What there is to say; nothing about a hold, whose owner sits in front of it.
    pub happening: Option<Happening>,
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
        let app = self.clone();
        let written = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if inbox::admit(connection, consumer, fact_id, app.clock.now()).await? {
                    app.tell_in(connection, fact_id, told).await
                } else {
                    Ok::<_, Error>(None)
                }
            })
        })
        .await?;
        if let Some((user_id, sequence)) = written {
            self.hub.news(user_id.as_str(), sequence);
        }
        Ok(())
    }

    async fn tell_in(
        &self,
        connection: &mut PgConnection,
        fact_id: FactId,
        told: Told,
    ) -> Result<Option<(UserId, i64)>, Error> {
        let now = self.clock.now();
        let (place, erased) = match told.place {
            Some(place) => {
                let erased = store::place::keep(connection, told.booking_id, &place, now).await?;
                (place, erased)
            }
            None => match store::place::find(connection, told.booking_id).await? {
                Some(known) => (known.place, known.erased),
                None => (Place::default(), false),
            },
        };
        let (Some(user_id), Some(happening)) = (told.user_id, told.happening) else {
            return Ok(None);
        };
        // A fact of payment may come after the driver was erased, and was written before.
        if erased || user_id.is_erased() {
            return Ok(None);
        }
        let (id, message) = (self.ids.next(), compose(&place, &happening));
        let sequence = store::notification::insert(
            connection,
            id,
            &user_id,
            told.booking_id,
            fact_id,
            &message,
            now,
        )
        .await?;
        Ok(Some((user_id, sequence)))
    }
}
