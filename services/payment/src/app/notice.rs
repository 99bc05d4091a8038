//! What the provider tells by itself. A notice is kept once, and answered at once; then the provider's
//! books are asked about what it names, and what they say is noted. So it is the same whether a notice
//! comes twice, late, or after a newer one.

use http::HeaderMap;
use jiff::SignedDuration;
use parkmesh_contracts::ids::{PaymentId, RefundId};
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres;

use super::App;
use super::drive::of_found;
use crate::domain::chargeback::{Change, change};
use crate::domain::{Chargeback, Outcome, Payment, RefundStatus, Status, ledger};
use crate::error::Error;
use crate::provider::{NoticeError, ProviderError, RefundStanding, Standing};
use crate::store;
use crate::store::notice::{About, Kept};

/// Notices claimed at a time.
const CLAIM_MAX: usize = 64;

/// How long an event is known again that was applied; providers repeat one for days at most, and no signature is good for so long.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why a webhook was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// It is not the provider's, or says nothing.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The store failed: the provider sends it again.
    #[error("the store failed")]
    Store(#[from] sqlx::Error),
}

impl App {
    /// Verifies and keeps a webhook.
    ///
    /// # Errors
    /// When it is not the provider's, or the store fails.
    pub async fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Unheard> {
        let now = self.clock.now();
        let Some(notice) = self.provider.notice(headers, body, now)? else { return Ok(()) };
        if store::notice::keep(&self.pool, &notice, now).await? {
            self.notices.notify_one();
        }
        Ok(())
    }

    /// Applies the notices that are due; tells how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn apply_notices(&self) -> Result<usize, Error> {
        let (now, wait_max) = (self.clock.now(), self.config.rescue_wait_max_seconds);
        let due = store::notice::claim_due(&self.pool, now, CLAIM_MAX, wait_max).await?;
        if due.is_empty() {
            store::notice::forget(&self.pool, now - KEPT).await?;
        }
        for kept in &due {
            match self.apply(kept).await {
                Ok(()) => store::notice::done(&self.pool, &kept.event_id).await?,
                Err(error) => {
                    let (event_id, error) = (&kept.event_id, chain(&error));
                    tracing::info!(event_id, error, "a notice is put off");
                }
            }
        }
        Ok(due.len())
    }

    async fn apply(&self, kept: &Kept) -> Result<(), Error> {
        let Some(payment) = self.payment_of(kept).await? else {
            tracing::info!(event_id = kept.event_id, "a notice is of no payment of ours");
            return Ok(());
        };
        match &kept.about {
            About::Payment => self.look_again(&payment, &kept.provider_id).await,
            About::Refund(reference) => {
                self.look_at_refund(&payment, &kept.provider_id, reference).await
            }
            About::Chargeback(told) => self.note_chargeback(&payment, told.clone()).await,
        }
    }

    async fn payment_of(&self, kept: &Kept) -> Result<Option<Payment>, Error> {
        if let Ok(payment_id) = kept.reference.parse::<PaymentId>() {
            let known = store::payment::find(&self.pool, payment_id).await?;
            // Another authorisation under our reference is not the one that we count on.
            let same = |known: &Payment| {
                known.provider_id.as_ref().is_none_or(|known| *known == kept.provider_id)
            };
            return Ok(known.filter(same));
        }
        Ok(store::payment::find_by_provider(&self.pool, &kept.provider_id).await?)
    }

    /// Notes what the provider's books say of an authorisation now.
    async fn look_again(&self, payment: &Payment, provider_id: &str) -> Result<(), Error> {
        let found = self.provider.look(provider_id).await.map_err(away)?;
        let Some(found) = found else { return Ok(()) };
        let outcome = match payment.intent {
            Some(intent) => of_found(intent, found),
            None => match (payment.status, found.standing) {
                (Status::Authorized, Standing::Expired | Standing::Voided) => Some(Outcome::Lapsed),
                _ => None,
            },
        };
        if let Some(outcome) = outcome {
            self.note(payment, payment.intent, outcome).await?;
        }
        Ok(())
    }

    /// Notes that a refund came back which was on its way; everything else of it is noted by whoever
    /// asked for it.
    async fn look_at_refund(
        &self,
        payment: &Payment,
        provider_id: &str,
        reference: &str,
    ) -> Result<(), Error> {
        let Ok(refund_id) = reference.parse::<RefundId>() else {
            let payment_id = payment.payment_id;
            tracing::warn!(%payment_id, "a refund was made at the provider that is not ours");
            return Ok(());
        };
        let known = store::refund::find(&self.pool, payment.payment_id, refund_id).await?;
        let Some(known) = known else { return Ok(()) };
        let found = self.provider.find_refund(provider_id, reference).await;
        let standing = found.map_err(away)?.map(|refund| refund.standing);
        match (known.status, standing) {
            (RefundStatus::Refunded(_), Some(RefundStanding::Failed(code))) => {
                tracing::error!(%refund_id, code, "a refund was sent back by the bank");
                let outcome = Outcome::RefundReturned(refund_id, known.amount, code);
                self.note(payment, None, outcome).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Notes a dispute, and where the money goes with it.
    async fn note_chargeback(&self, payment: &Payment, told: Chargeback) -> Result<(), Error> {
        let (app, payment_id) = (self.clone(), payment.payment_id);
        let booking_id = payment.booking_id;
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                store::booking::lock(connection, booking_id).await?;
                let payment = store::payment::find_locked(connection, payment_id).await?;
                let payment = payment.ok_or(Error::PaymentNotFound)?;
                let known = store::chargeback::find(connection, &told.chargeback_id).await?;
                let Some(change) = change(known, told.dispute) else { return Ok(()) };
                let now = app.clock.now();
                store::chargeback::save(connection, payment_id, &told, now).await?;
                if change != Change::Standing {
                    let returned = change == Change::Returned;
                    let entries = ledger::chargeback_entries(&payment, &told, returned);
                    store::ledger::append(connection, &entries, now).await?;
                }
                let (amount, dispute) = (told.amount, told.dispute.word());
                tracing::warn!(%payment_id, %amount, dispute, "a charge is disputed");
                Ok::<_, Error>(())
            })
        })
        .await
    }
}

fn away(error: ProviderError) -> Error {
    tracing::info!(error = chain(&error), "the provider is silent about a notice of its own");
    Error::ProviderAway
}
