//! Giving back what was taken, by hand: a part, all of it, in several steps, never more.

use parkmesh_contracts::ids::{PaymentId, RequestId};
use parkmesh_contracts::money::Money;
use parkmesh_platform::{failpoint, postgres};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::points::{At, point};
use super::{Access, App};
use crate::domain::{Intent, Refund, RefundStatus};
use crate::error::Error;
use crate::store;

/// What to give back.
#[derive(Clone)]
pub struct AskRefund {
    /// Names the refund.
    pub request_id: RequestId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// More than zero; `None`: all that is left.
    pub amount: Option<Money>,
    /// For the books.
    pub reason: String,
}

impl App {
    /// Gives back. The same request has the same answer, however often it comes.
    ///
    /// # Errors
    /// The reasons of `RefundPayment`.
    pub async fn refund(&self, access: Access, asked: AskRefund) -> Result<Refund, Error> {
        access.may_move_money()?;
        let app = self.clone();
        let begun = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move { app.begin_refund(connection, &access, &asked).await })
        })
        .await?;
        let refund = match begun.status {
            RefundStatus::Pending => {
                failpoint::hit(point(
                    Intent::Refund(begun.refund_id, begun.amount),
                    At::IntentCommitted,
                ));
                self.drive(begun.payment_id).await?;
                store::refund::get(&self.pool, begun.refund_id).await?
            }
            _ => begun,
        };
        match refund.status {
            RefundStatus::Pending => Err(Error::Unknown),
            RefundStatus::Failed(code) => Err(Error::RefundFailed(code)),
            RefundStatus::Refunded(_) => Ok(refund),
        }
    }

    /// Commits the intent, or finds what the request led to before.
    async fn begin_refund(
        &self,
        connection: &mut PgConnection,
        access: &Access,
        asked: &AskRefund,
    ) -> Result<Refund, Error> {
        let (now, body_hash) = (self.clock.now(), asked.hash());
        let payment = store::payment::find_locked(connection, asked.payment_id).await?;
        let payment = payment.filter(|found| access.sees(found.lot_id, &found.user_id));
        let payment = payment.ok_or(Error::PaymentNotFound)?;
        if let Some(known) = store::refund::find_request(connection, asked.request_id).await? {
            if known.body_hash != body_hash {
                return Err(Error::RequestIdReused);
            }
            if known.status == RefundStatus::Pending {
                self.take_over(connection, known.payment_id).await?;
            }
            return Ok(known);
        }
        let refund_id = self.ids.next();
        let next = payment.ask_refund(refund_id, asked.amount)?;
        let Some(Intent::Refund(_, amount)) = next.intent else {
            return Err(Error::Broken("a refund without its intent".to_owned()));
        };
        let refund = Refund {
            refund_id,
            payment_id: asked.payment_id,
            request_id: asked.request_id,
            body_hash,
            amount,
            reason: asked.reason.clone(),
            status: RefundStatus::Pending,
            create_time: now,
        };
        if !store::refund::insert(connection, &refund).await? {
            return Err(Error::RequestIdReused);
        }
        store::payment::save(connection, &next, now + self.config.lease(), now).await?;
        Ok(refund)
    }

    /// Goes on with what a request has begun, unless a call is at it.
    ///
    /// # Errors
    /// [`Error::RequestInFlight`].
    pub(super) async fn take_over(
        &self,
        connection: &mut PgConnection,
        payment_id: PaymentId,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        if store::payment::is_driven(connection, payment_id, now).await? {
            return Err(Error::RequestInFlight);
        }
        let until = now + self.config.lease();
        Ok(store::payment::keep_driving(connection, payment_id, until, true).await?)
    }
}

impl AskRefund {
    /// SHA-256 of all that is asked, so that a reused id is noticed.
    fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.payment_id.as_uuid());
        // With its length in front, so that an amount and a reason never run together.
        let amount = self.amount.map(|amount| amount.to_string()).unwrap_or_default();
        hash.update((amount.len() as u64).to_be_bytes());
        hash.update(amount);
        hash.update(&self.reason);
        hash.finalize().to_vec()
    }
}
