//! A message is written, in the words of who reads it, and put on the ways that they prefer.

use parkmesh_contracts::ids::{BookingId, LotId, NotificationId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::App;
use crate::domain::message::{Voice, compose};
use crate::domain::{Channel, Happening, Place};
use crate::error::Error;
use crate::store;
use crate::store::notification::New;

/// What is told of.
pub struct About<'a> {
    /// The booking, if it is about one.
    pub booking_id: Option<BookingId>,
    /// The lot.
    pub lot_id: Option<LotId>,
    /// Where.
    pub place: &'a Place,
    /// What.
    pub happening: &'a Happening,
    /// The fact, or the occasion: never two messages of one to one person.
    pub fact_id: Uuid,
}

/// A message that was written.
pub struct Written {
    user_id: UserId,
    /// Their how manieth it is.
    sequence: i64,
    /// The ways that it goes out on now.
    outgoing: Vec<Channel>,
}

impl App {
    /// Writes a message to a person, in the caller's transaction. Call [`App::written`] after the commit.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        user_id: &UserId,
        about: &About<'_>,
    ) -> Result<Written, Error> {
        let (now, sealer) = (self.clock.now(), &self.config.sealer);
        let preferences = store::preferences::find(&mut *connection, sealer, user_id).await?;
        let app_url = self.config.app_url.as_ref().zip(about.booking_id);
        let voice = Voice {
            language: preferences.language,
            booking_url: app_url.map(|(url, booking)| format!("{url}/bookings/{booking}")),
        };
        let message = compose(&voice, about.place, about.happening);
        let (id, lot_id): (NotificationId, _) = (self.ids.next(), about.lot_id);
        let (booking_id, fact_id) = (about.booking_id, about.fact_id);
        let new = New { id, user_id, booking_id, lot_id, fact_id, message: &message, now };
        let sequence = store::notification::insert(connection, &new).await?;
        let send_time = preferences.send_time(message.kind, now);
        let mut outgoing = Vec::new();
        for channel in preferences.channels(message.kind) {
            if channel == Channel::Email && self.mailer.is_none() {
                continue;
            }
            let (delivery_id, of) = (self.ids.next(), (id, user_id, lot_id));
            let times = (now, send_time);
            store::delivery::insert(connection, delivery_id, of, channel, times).await?;
            if send_time <= now {
                outgoing.push(channel);
            }
        }
        Ok(Written { user_id: user_id.clone(), sequence, outgoing })
    }

    /// Tells those who wait in this process.
    pub(super) fn written(&self, written: &[Written]) {
        for Written { user_id, sequence, outgoing } in written {
            self.hub.news(user_id.as_str(), *sequence);
            outgoing.iter().for_each(|channel| self.outgoing.wake(*channel));
        }
    }
}
