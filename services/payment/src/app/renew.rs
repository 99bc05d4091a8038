//! What is set aside does not stay so for ever, and is not always there at first: setting it aside anew,
//! asking again after a refusal, and what a booking's end makes of what was still to be asked for.

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, PaymentId};
use parkmesh_platform::{failpoint, postgres};
use sqlx::PgConnection;

use super::App;
use super::points::RENEW_COMMITTED;
use crate::domain::{Kind, Outcome, Payment, Settlement, Status, debt, renewal};
use crate::error::Error;
use crate::store;
use crate::store::booking::BookingMoney;

/// Renewals of one turn.
const BATCH_MAX: usize = 64;

impl App {
    /// Notes that what the provider lets go of soon is to be set aside anew. Tells how much that is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn renew_due(&self, now: Timestamp) -> Result<usize, Error> {
        let due = store::renewal::list_due(&self.pool, now, BATCH_MAX).await?;
        for (booking_id, payment_id) in &due {
            self.renew(*booking_id, *payment_id).await?;
        }
        if !due.is_empty() {
            self.intents.notify_one();
        }
        Ok(due.len())
    }

    async fn renew(&self, booking_id: BookingId, payment_id: PaymentId) -> Result<(), Error> {
        let app = self.clone();
        let begun = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let booking = store::booking::lock(connection, booking_id).await?;
                let old = store::payment::find_locked(connection, payment_id).await?;
                let old = old.ok_or(Error::PaymentNotFound)?;
                // Another process may have been faster.
                let first = store::renewal::keep(connection, payment_id, None).await?;
                let stands = old.status == Status::Authorized && old.intent.is_none();
                if !first || !stands || booking.settlement.is_some() {
                    return Ok(false);
                }
                let now = app.clock.now();
                let new = renewal::renewal(&old, app.ids.next(), now);
                store::payment::save(connection, &new, now, now).await?;
                Ok::<_, Error>(true)
            })
        })
        .await?;
        if begun {
            failpoint::hit(RENEW_COMMITTED);
        }
        Ok(())
    }

    /// What a refusal that came by itself leaves: what asks again while the booking goes on, and a debt
    /// where it has ended and owes.
    pub(super) async fn ask_again(
        &self,
        connection: &mut PgConnection,
        settlement: Option<&Settlement>,
        declined: &Payment,
        payments: &[Payment],
    ) -> Result<Option<Payment>, Error> {
        if !declined.comes_by_itself() {
            return Ok(None);
        }
        let (now, id) = (self.clock.now(), self.ids.next());
        let (next, due) = match settlement {
            None => renewal::again(declined, id, now),
            Some(ended) => match renewal::uncovered(payments, ended) {
                Some(owed) => debt::owing(declined, owed, id, now),
                None => return Ok(None),
            },
        };
        // First the place becomes free that it takes.
        store::payment::save(connection, declined, now, now).await?;
        store::payment::save(connection, &next, due, now).await?;
        Ok(Some(next))
    }

    /// Notes when what has just been set aside is to be set aside anew.
    pub(super) async fn keep_renewal(
        &self,
        connection: &mut PgConnection,
        moved: &Payment,
        outcome: &Outcome,
        booking: &BookingMoney,
    ) -> Result<(), Error> {
        let covering = matches!(moved.kind, Kind::Booking | Kind::Addition);
        if let Outcome::Authorized(_, Some(until)) = outcome
            && covering
            && moved.intent.is_none()
            && booking.settlement.is_none()
        {
            let renew_time = renewal::renew_time(*until, self.clock.now());
            store::renewal::keep(connection, moved.payment_id, Some(renew_time)).await?;
        }
        Ok(())
    }

    /// Another payment's place is taken: of the two one goes back. Gives the new one as it stands then.
    pub(super) async fn take_place(
        &self,
        connection: &mut PgConnection,
        new: Payment,
        payments: &mut [Payment],
    ) -> Result<Payment, Error> {
        let old = payments.iter_mut().find(|one| Some(one.payment_id) == new.replaces);
        let Some(old) = old else { return Ok(new) };
        let now = self.clock.now();
        let (given, new) = renewal::replaced(old, &new);
        if given.intent != old.intent {
            store::payment::save(connection, &given, now, now).await?;
            *old = given;
        }
        Ok(new)
    }

    /// What is still to be asked for when a booking ends: nothing, unless it owes more than is set aside.
    pub(super) async fn end_unasked(
        &self,
        connection: &mut PgConnection,
        live: &[Payment],
        ended: &Settlement,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let waits = |one: &&Payment| {
            one.status == Status::Pending
                && one.authorize_time.is_some()
                && matches!(one.kind, Kind::Booking | Kind::Addition)
        };
        let mut open = renewal::uncovered(live, ended).map_or(0, |owed| owed.minor);
        for one in live.iter().filter(waits) {
            match open > 0 {
                true => store::renewal::ask_now(connection, one.payment_id, now).await?,
                false => {
                    store::payment::end_unasked(connection, one.payment_id, now).await?;
                }
            }
            open -= one.authorized.minor;
        }
        Ok(())
    }
}
