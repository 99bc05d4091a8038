//! Another card for what a refused one has left open. What was to ask again with the old card ends, if
//! the provider was never asked for it, in the transaction that makes the new payment: of the two only
//! one is ever asked for.

use parkmesh_contracts::ids::{PaymentId, RequestId, UserId};
use parkmesh_platform::{failpoint, postgres};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::App;
use super::authorize::hash_parts;
use super::points::RETRY_COMMITTED;
use crate::domain::payment::authorize_key;
use crate::domain::{Intent, Payment, Status, card};
use crate::error::Error;
use crate::store;

/// What to ask for again, and with what.
#[derive(Clone)]
pub struct AskRetry {
    /// Names the try; its key at the provider follows from it.
    pub request_id: RequestId,
    /// Who pays.
    pub user_id: UserId,
    /// What is open, or the refusal that has left it so.
    pub payment_id: PaymentId,
    /// The provider's token, or a card on file.
    pub payment_method: String,
}

impl App {
    /// Asks with another card, at once.
    ///
    /// # Errors
    /// The reasons of `RetryPayment`.
    pub async fn retry(&self, asked: AskRetry) -> Result<Payment, Error> {
        if card::is_card_number(&asked.payment_method) {
            return Err(Error::CardNumberRefused);
        }
        let named = store::payment::find(&self.pool, asked.payment_id).await?;
        let named = named.filter(|named| named.user_id == asked.user_id);
        let named = named.ok_or(Error::PaymentNotFound)?;
        let app = self.clone();
        let payment = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move { app.begin_retry(connection, &asked, &named).await })
        })
        .await?;
        if payment.status != Status::Pending {
            return self.answer(payment).await;
        }
        failpoint::hit(RETRY_COMMITTED);
        let payment = self.drive(payment.payment_id).await?;
        self.answer(payment).await
    }

    async fn begin_retry(
        &self,
        connection: &mut PgConnection,
        asked: &AskRetry,
        named: &Payment,
    ) -> Result<Payment, Error> {
        let (hash, now) = (asked.hash(), self.clock.now());
        store::booking::lock(connection, named.booking_id).await?;
        if let Some(known) = self.repeated(connection, asked.request_id, &hash).await? {
            return Ok(known);
        }
        let token = self.token_of(connection, &asked.user_id, &asked.payment_method).await?;
        let mut open = store::payment::list_live(connection, named.booking_id).await?;
        open.retain(|one| one.goes_on_from(named));
        let open = match open.iter().position(|one| one.payment_id == named.payment_id) {
            Some(at) => Some(open.swap_remove(at)),
            None => open.into_iter().next(),
        };
        let open = open.ok_or(Error::StateWrong(named.status))?;
        if !store::payment::end_unasked(connection, open.payment_id, now).await? {
            return Err(Error::RequestInFlight);
        }
        let payment = Payment {
            payment_id: self.ids.next(),
            payment_method: token,
            authorize_key: authorize_key(asked.request_id),
            intent: Some(Intent::Authorize),
            authorize_time: None,
            // Whoever asks again after a refusal knows by this that the booking is promised.
            replaces: open.replaces.or(Some(open.payment_id)),
            version: 1,
            create_time: now,
            ..open
        };
        store::payment::save(connection, &payment, now + self.config.lease(), now).await?;
        let id = payment.payment_id;
        if !store::payment::keep_request(connection, asked.request_id, &hash, id, now).await? {
            return Err(Error::RequestIdReused);
        }
        Ok(payment)
    }
}

impl AskRetry {
    /// Of everything but the request id.
    fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new_with_prefix(b"retry");
        let payment = self.payment_id.to_string();
        hash_parts(&mut hash, &[&payment, self.user_id.as_str(), &self.payment_method]);
        hash.finalize().to_vec()
    }
}
