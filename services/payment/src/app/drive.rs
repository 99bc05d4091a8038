//! The engine: takes the open intent of a payment to the provider, and notes what came of it.
//!
//! It runs as a task of its own, so that a caller who goes away cuts nothing short; and it may run
//! twice at the same time, or die at any point: the key makes the effect single, and an outcome
//! that was noted before is passed over.

use std::time::Duration;

use parkmesh_contracts::ids::PaymentId;
use parkmesh_contracts::money::Money;
use parkmesh_eventbus::outbox;
use parkmesh_platform::fault::chain;
use parkmesh_platform::postgres;
use sqlx::PgConnection;

use super::App;
use crate::domain::settle::ask_settled;
use crate::domain::{Intent, Kind, Outcome, Payment, Receipt, Status, ledger};
use crate::error::Error;
use crate::events;
use crate::provider::{Charge, ProviderError, Standing};
use crate::store;
use crate::store::booking::BookingMoney;

/// How often a call with an unknown outcome is made, always with the same key, before it is looked
/// up.
const CALLS_MAX: u32 = 3;
/// Wait before the first repeat; doubles, and varies by half.
const REPEAT_WAIT: Duration = Duration::from_millis(100);

impl App {
    /// Takes the open intent to its end, whoever waits for it. Gives the payment as it stands then;
    /// still with the intent where the provider's answer stays unknown.
    pub(crate) async fn drive(&self, payment_id: PaymentId) -> Result<Payment, Error> {
        let app = self.clone();
        let driven = self.tasks.detached(async move { app.drive_here(payment_id).await });
        driven.await.map_err(|error| Error::Broken(format!("a payment was left open: {error}")))?
    }

    async fn drive_here(&self, payment_id: PaymentId) -> Result<Payment, Error> {
        let payment = store::payment::find(&self.pool, payment_id).await?;
        let payment = payment.ok_or(Error::PaymentNotFound)?;
        let Some(intent) = payment.intent else { return Ok(payment) };
        match self.ask(&payment, intent).await {
            Some(outcome) => self.note(payment, outcome).await,
            None => Ok(payment),
        }
    }

    /// What the provider says for certain, if it says anything.
    async fn ask(&self, payment: &Payment, intent: Intent) -> Option<Outcome> {
        let (payment_id, asked) = (payment.payment_id, intent.word());
        for attempt in 0..CALLS_MAX {
            match self.call(payment, intent).await {
                Ok(outcome) => return Some(outcome),
                Err(ProviderError::Declined(code)) => return Some(Outcome::Declined(code)),
                Err(ProviderError::Refused(why)) => {
                    return self.look_up_refused(payment, intent, why).await;
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::info!(%payment_id, asked, attempt, error, "the provider is silent");
                }
            }
            let jitter = 0.5 + self.ids.fraction();
            self.tasks.sleep(REPEAT_WAIT.mul_f64(f64::from(1 << attempt) * jitter)).await;
        }
        self.look_up(payment, intent).await
    }

    async fn call(&self, payment: &Payment, intent: Intent) -> Result<Outcome, ProviderError> {
        let provider_id = payment.provider_id.as_deref().unwrap_or_default();
        match intent {
            Intent::Authorize => {
                let charge = Charge {
                    key: payment.authorize_key,
                    amount: payment.authorized,
                    payment_method: payment.payment_method.clone(),
                    reference: payment.payment_id.to_string(),
                };
                let authorized = self.provider.authorize(&charge).await?;
                Ok(Outcome::Authorized(authorized.provider_id))
            }
            Intent::Capture(amount) => {
                let taken = self.provider.capture(payment.capture_key(), provider_id, amount);
                taken.await.map(|_taken| Outcome::Captured(amount))
            }
            Intent::Void => {
                let given = self.provider.void(payment.void_key(), provider_id);
                given.await.map(|()| Outcome::Voided)
            }
        }
    }

    /// A certain no. It may be to a repeat of something that worked, so the provider's books
    /// decide.
    async fn look_up_refused(
        &self,
        payment: &Payment,
        intent: Intent,
        why: String,
    ) -> Option<Outcome> {
        let (payment_id, asked) = (payment.payment_id, intent.word());
        match self.provider.find(&payment_id.to_string()).await {
            Ok(None) if intent == Intent::Authorize => Some(Outcome::Declined(why)),
            Ok(Some(found)) => {
                let outcome = of_standing(intent, found.standing, found.provider_id);
                if outcome.is_none() {
                    tracing::error!(%payment_id, asked, why, "the provider refuses for good");
                }
                outcome
            }
            Ok(None) => {
                tracing::error!(%payment_id, asked, why, "the provider does not know the payment");
                None
            }
            Err(_) => None,
        }
    }

    /// Nothing found is no outcome: a request may still be on its way.
    async fn look_up(&self, payment: &Payment, intent: Intent) -> Option<Outcome> {
        let found = self.provider.find(&payment.payment_id.to_string()).await;
        let found = found.ok().flatten()?;
        of_standing(intent, found.standing, found.provider_id)
    }

    /// Commits an outcome: the payment, both sides of the movement, the receipt, the fact, and what
    /// is to be asked next.
    async fn note(&self, payment: Payment, outcome: Outcome) -> Result<Payment, Error> {
        let app = self.clone();
        let noted = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let booking = store::booking::lock(connection, payment.booking_id).await?;
                let now = store::payment::find_locked(connection, payment.payment_id).await?;
                let now = now.ok_or(Error::PaymentNotFound)?;
                match now.after(&outcome) {
                    Some(next) => app.commit_step(connection, &booking, next).await,
                    None => Ok(now),
                }
            })
        })
        .await?;
        self.relay.wake();
        if noted.intent.is_some() {
            self.intents.notify_one();
        }
        Ok(noted)
    }

    async fn commit_step(
        &self,
        connection: &mut PgConnection,
        booking: &BookingMoney,
        moved: Payment,
    ) -> Result<Payment, Error> {
        let now = self.clock.now();
        store::ledger::append(connection, &ledger::entries(&moved), now).await?;
        let booking_id = moved.booking_id;
        let mut payments = store::payment::list_live(connection, booking_id).await?;
        for known in payments.iter_mut().filter(|known| known.payment_id == moved.payment_id) {
            known.clone_from(&moved);
        }
        let receipt = self.write_receipt(connection, booking, &moved, &payments).await?;
        outbox::append(connection, &events::rows(&self.ids, now, &moved, receipt.as_ref())).await?;
        // The booking may have ended while the answer was awaited.
        let settled = booking.settlement.as_ref().map(|ended| ask_settled(&payments, ended));
        let mut next = moved.ask_overstay().unwrap_or(moved);
        for asked in settled.unwrap_or_default() {
            match asked.payment_id == next.payment_id {
                true => next = asked,
                false => store::payment::save(connection, &asked, now, now).await?,
            }
        }
        store::payment::save(connection, &next, now, now).await?;
        Ok(next)
    }

    /// Writes the receipt when the last of what it is to tell is captured.
    async fn write_receipt(
        &self,
        connection: &mut PgConnection,
        booking: &BookingMoney,
        moved: &Payment,
        payments: &[Payment],
    ) -> Result<Option<Receipt>, Error> {
        let overstay = moved.kind == Kind::Overstay;
        let told = || payments.iter().filter(|one| (one.kind == Kind::Overstay) == overstay);
        let open = told().any(|one| matches!(one.intent, Some(Intent::Capture(_))));
        if moved.status != Status::Captured
            || open
            || store::receipt::is_written(connection, moved.booking_id, overstay).await?
        {
            return Ok(None);
        }
        let captured = told().filter(|one| one.status == Status::Captured);
        let minor = captured.clone().filter_map(|one| one.captured).map(|taken| taken.minor).sum();
        let (stay, lines) = match (&booking.overstay, &booking.settlement) {
            (Some(told), _) if overstay => (Some(told.stay.clone()), &told.lines[..]),
            (_, Some(ended)) if !overstay => (booking.stay.clone(), &ended.lines[..]),
            _ => (booking.stay.clone(), &[][..]),
        };
        let first = captured.clone().next().unwrap_or(moved);
        let (number, total) = (
            store::receipt::next_number(connection, moved.lot_id).await?,
            Money::new(minor, moved.authorized.currency),
        );
        let stay = stay.unwrap_or_default();
        let receipt = Receipt::of(first, total, number, stay, lines, self.clock.now());
        store::receipt::insert(connection, &receipt).await?;
        Ok(Some(receipt))
    }
}

/// What the provider's books say about what was asked; `None` when they do not answer it.
fn of_standing(intent: Intent, standing: Standing, provider_id: String) -> Option<Outcome> {
    match (intent, standing) {
        (Intent::Authorize, Standing::Authorized) => Some(Outcome::Authorized(provider_id)),
        (Intent::Authorize, Standing::Declined(code)) => Some(Outcome::Declined(code)),
        (Intent::Capture(asked), Standing::Captured(taken)) if asked == taken => {
            Some(Outcome::Captured(taken))
        }
        (Intent::Void, Standing::Voided) => Some(Outcome::Voided),
        _ => None,
    }
}
