//! Cards of what is promised already: payment sets the money of a stay far ahead aside near its start, and
//! that of a long stay anew, when nobody is there to hear a refusal. Then the driver is asked for another
//! card, and what nobody pays for is given up before it begins.

use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::{BookingId, PaymentId};
use parkmesh_platform::postgres::transaction;

use super::carry_out;
use crate::app::App;
use crate::domain::booking::Command;
use crate::error::Error;
use crate::store::booking as store;
use crate::store::booking::card;

/// Bookings that one tick gives up.
const BATCH_MAX: i64 = 50;

impl App {
    /// Asks the driver of a booking for another card, once for all that is asked for in the place of a payment.
    ///
    /// # Errors
    /// The store's.
    pub async fn ask_card(
        &self,
        booking_id: BookingId,
        payment_id: PaymentId,
        code: String,
    ) -> Result<(), Error> {
        let ids = self.ids.clone();
        let asked = transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                if !card::refused(connection, payment_id, booking_id).await? {
                    return Ok(false);
                }
                let kept = match store::lock(connection, booking_id).await {
                    // Payment knows bookings of others, too.
                    Err(Error::BookingNotFound) => return Ok(false),
                    kept => kept?,
                };
                let (booking, now) = (&kept.booking, store::now(&mut *connection).await?);
                let promised =
                    matches!(booking.state, BookingState::Reserved | BookingState::Active);
                if !promised || booking.is_due(now) {
                    return Ok(false);
                }
                let command = Command::AskCard(code, booking.card_time(now));
                carry_out(connection, &ids, &kept, &command, now).await.map(|_| true)
            })
        })
        .await?;
        if asked {
            self.relay.wake();
        }
        Ok(())
    }

    /// Notes that another payment stands in the place of this one: nothing is asked of its driver any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_covered(
        &self,
        booking_id: BookingId,
        payment_id: PaymentId,
    ) -> Result<(), Error> {
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move { card::covered(connection, payment_id, booking_id).await })
        })
        .await
    }

    /// Gives up what no card was given for in time; how many there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_unpaid(&self) -> Result<usize, Error> {
        let due = card::list_due(&self.pool, BATCH_MAX).await?;
        for booking_id in &due {
            self.give_up_unpaid(*booking_id).await?;
        }
        if !due.is_empty() {
            self.relay.wake();
        }
        Ok(due.len())
    }

    async fn give_up_unpaid(&self, booking_id: BookingId) -> Result<(), Error> {
        let ids = self.ids.clone();
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let kept = store::lock(connection, booking_id).await?;
                let (booking, now) = (&kept.booking, store::now(&mut *connection).await?);
                let unpaid = booking.card_due_time.is_some_and(|due| due <= now);
                if !unpaid || booking.state != BookingState::Reserved || booking.is_due(now) {
                    return Ok(());
                }
                carry_out(connection, &ids, &kept, &Command::Unpaid, now).await.map(drop)
            })
        })
        .await
    }
}
