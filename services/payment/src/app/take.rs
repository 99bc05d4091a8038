//! Capture and void when somebody asks for them by hand. Normally the booking's facts do.

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use parkmesh_platform::{failpoint, postgres};

use super::points::{At, point};
use super::{Access, App};
use crate::domain::{Payment, Refusal, Status};
use crate::error::Error;
use crate::store;

impl App {
    /// Takes an amount, once.
    ///
    /// # Errors
    /// The reasons of `CapturePayment`.
    pub async fn capture(
        &self,
        access: Access,
        payment_id: PaymentId,
        amount: Money,
    ) -> Result<Payment, Error> {
        let ask = move |payment: &Payment| payment.ask_capture(amount);
        self.ask_by_hand(access, payment_id, Status::Captured, ask).await
    }

    /// Gives back what was set aside.
    ///
    /// # Errors
    /// The reasons of `VoidPayment`.
    pub async fn void(&self, access: Access, payment_id: PaymentId) -> Result<Payment, Error> {
        access.may_move_money()?;
        let named = store::payment::find(&self.pool, payment_id).await?;
        let seen = named.filter(|found| access.sees(found.lot_id, &found.user_id));
        if seen.is_some_and(|found| found.status == Status::Pending && found.is_promised()) {
            // Nothing is set aside before the provider is asked.
            let mut connection = self.pool.acquire().await?;
            store::payment::end_unasked(&mut connection, payment_id, self.clock.now()).await?;
        }
        self.ask_by_hand(access, payment_id, Status::Voided, Payment::ask_void).await
    }

    async fn ask_by_hand(
        &self,
        access: Access,
        payment_id: PaymentId,
        wanted: Status,
        ask: impl FnOnce(&Payment) -> Result<Payment, Refusal> + Send + 'static,
    ) -> Result<Payment, Error> {
        access.may_move_money()?;
        let (now, lease) = (self.clock.now(), self.config.lease());
        let asked = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let payment = store::payment::find_locked(connection, payment_id).await?;
                let payment = payment.filter(|found| access.sees(found.lot_id, &found.user_id));
                let payment = payment.ok_or(Error::PaymentNotFound)?;
                let asked = ask(&payment)?;
                if asked != payment {
                    store::payment::save(connection, &asked, now + lease, now).await?;
                }
                Ok::<_, Error>(asked)
            })
        })
        .await?;
        if let Some(intent) = asked.intent {
            failpoint::hit(point(intent, At::IntentCommitted));
        }
        let done = if asked.status == wanted { asked } else { self.drive(payment_id).await? };
        if done.status == wanted { Ok(done) } else { Err(Error::Unknown) }
    }
}
