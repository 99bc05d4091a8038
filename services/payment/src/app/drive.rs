//! The engine: takes the open intent of a payment to the provider, and notes what came of it.
//!
//! It runs as a task of its own, so that a caller who goes away cuts nothing short; and it may run
//! twice at the same time, or die at any point: the key makes the effect single, and an outcome
//! that was noted before is passed over.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::ids::{PaymentId, RefundId};
use parkmesh_contracts::money::Money;
use parkmesh_eventbus::outbox;
use parkmesh_platform::fault::chain;
use parkmesh_platform::{failpoint, postgres};
use sqlx::PgConnection;

use super::App;
use super::action::{ASKED, LOOK_PERIOD};
use super::points::{At, point};
use crate::domain::debt;
use crate::domain::payment::refund_key;
use crate::domain::settle::ask_settled;
use crate::domain::{Intent, Kind, Outcome, Payment, Receipt, Status, ledger};
use crate::error::Error;
use crate::events;
use crate::provider::{Charge, Found, ProviderError, RefundStanding, Standing, Taken};
use crate::store;
use crate::store::booking::BookingMoney;

/// How often a call with an unknown outcome is made, always with the same key, before it is looked
/// up.
const CALLS_MAX: u32 = 3;
/// Why a payment is refused whose authorisation's time was over.
const EXPIRED: &str = "authorization_expired";
/// A provider remembers a key for longer than this: Stripe for 24 hours.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(20);
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
        if let Some(action) = payment.action.clone() {
            return self.await_action(payment, action).await;
        }
        match self.ask(&payment, intent).await {
            Some(outcome) => {
                failpoint::hit(point(intent, At::AfterProvider));
                self.note(&payment, Some(intent), outcome).await
            }
            None => {
                // The clockwork goes on at once, and no repeat of the call is told to wait.
                let now = self.clock.now();
                store::payment::keep_driving(&self.pool, payment_id, now, false).await?;
                Ok(payment)
            }
        }
    }

    /// What the provider says for certain, if it says anything.
    async fn ask(&self, payment: &Payment, intent: Intent) -> Option<Outcome> {
        let (payment_id, asked) = (payment.payment_id, intent.word());
        failpoint::hit(point(intent, At::BeforeProvider));
        for attempt in 0..CALLS_MAX {
            if attempt > 0 {
                let until = self.clock.now() + self.config.lease();
                let kept = store::payment::keep_driving(&self.pool, payment_id, until, false).await;
                if let Err(error) = kept {
                    tracing::info!(%payment_id, %error, "others may ask at the same time");
                }
            }
            match self.call_once(payment, intent).await {
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

    /// A call by its key, unless the key may name nothing any more: the provider's books come first then.
    async fn call_once(&self, payment: &Payment, intent: Intent) -> Result<Outcome, ProviderError> {
        if self.may_be_forgotten(payment, intent).await {
            if let Some(outcome) = self.look_up_again(payment, intent).await? {
                return Ok(outcome);
            }
            let (payment_id, asked) = (payment.payment_id, intent.word());
            tracing::warn!(%payment_id, asked, "the provider knows nothing of an old key, which is used once more");
        }
        self.call(payment, intent).await
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
                    return_url: self.config.return_url(payment.booking_id),
                };
                let authorized = self.provider.authorize(&charge).await?;
                if authorized.client_secret.is_some() {
                    return self.ask_driver(payment, authorized).await;
                }
                Ok(Outcome::Authorized(authorized.provider_id, authorized.expire_time))
            }
            Intent::Capture(amount) => {
                let taken = self.provider.capture(payment.capture_key(), provider_id, amount);
                match taken.await? {
                    Taken::Done => Ok(Outcome::Captured(amount)),
                    Taken::Pending => self.look_at_capture(provider_id, intent).await,
                }
            }
            Intent::Void => {
                let given = self.provider.void(payment.void_key(), provider_id);
                given.await.map(|()| Outcome::Voided)
            }
            Intent::Refund(refund_id, amount) => {
                let (key, reference) = (refund_key(refund_id), refund_id.to_string());
                let refund = self.provider.refund(key, provider_id, amount, &reference).await?;
                Ok(of_refund(refund_id, amount, refund.standing))
            }
        }
    }

    /// What came of a capture that the provider accepted before the card's bank had said anything.
    async fn look_at_capture(
        &self,
        provider_id: &str,
        intent: Intent,
    ) -> Result<Outcome, ProviderError> {
        let found = self.provider.look(provider_id).await?;
        let outcome = found.and_then(|found| of_found(intent, found));
        outcome.ok_or_else(|| ProviderError::Unknown("the capture is under way".into()))
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
        if let Intent::Refund(refund_id, amount) = intent {
            return match self.find_refund(payment, refund_id, amount).await {
                Ok(None) => Some(Outcome::RefundFailed(refund_id, why)),
                Ok(found) => found,
                Err(_) => None,
            };
        }
        match self.provider.find(&payment_id.to_string()).await {
            Ok(None) if intent == Intent::Authorize => Some(Outcome::Declined(why)),
            Ok(Some(found)) => {
                let outcome = of_found(intent, found);
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
        self.look_up_again(payment, intent).await.ok().flatten()
    }

    async fn look_up_again(
        &self,
        payment: &Payment,
        intent: Intent,
    ) -> Result<Option<Outcome>, ProviderError> {
        if let Intent::Refund(refund_id, amount) = intent {
            return self.find_refund(payment, refund_id, amount).await;
        }
        let found = self.provider.find(&payment.payment_id.to_string()).await?;
        Ok(found.and_then(|found| of_found(intent, found)))
    }

    /// Whether the provider may have forgotten what a key named. A capture or a void needs no key to be single: what it would move is
    /// there once.
    async fn may_be_forgotten(&self, payment: &Payment, intent: Intent) -> bool {
        let begun = match intent {
            Intent::Authorize => Some(payment.authorize_time.unwrap_or(payment.create_time)),
            Intent::Refund(refund_id, _) => {
                let refund = store::refund::get(&self.pool, refund_id).await;
                refund.ok().map(|refund| refund.create_time)
            }
            Intent::Capture(_) | Intent::Void => return false,
        };
        begun.is_none_or(|begun| self.clock.now().duration_since(begun) > KEY_LIFE)
    }

    /// What the provider's books say of a refund.
    async fn find_refund(
        &self,
        payment: &Payment,
        refund_id: RefundId,
        amount: Money,
    ) -> Result<Option<Outcome>, ProviderError> {
        let provider_id = payment.provider_id.as_deref().unwrap_or_default();
        let found = self.provider.find_refund(provider_id, &refund_id.to_string()).await?;
        Ok(found.map(|refund| of_refund(refund_id, amount, refund.standing)))
    }

    /// Commits an outcome: the payment, both sides of the movement, the receipt, the fact, and what
    /// is to be asked next.
    pub(super) async fn note(
        &self,
        payment: &Payment,
        asked: Option<Intent>,
        outcome: Outcome,
    ) -> Result<Payment, Error> {
        let app = self.clone();
        let (booking_id, payment_id) = (payment.booking_id, payment.payment_id);
        let hit = move |at| {
            if let Some(intent) = asked {
                failpoint::hit(point(intent, at));
            }
        };
        let noted = postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let booking = store::booking::lock(connection, booking_id).await?;
                let now = store::payment::find_locked(connection, payment_id).await?;
                let now = now.ok_or(Error::PaymentNotFound)?;
                match now.after(&outcome) {
                    Some(next) => {
                        let noted =
                            app.commit_step(connection, &booking, &now, next, &outcome).await?;
                        hit(At::BeforeCommit);
                        Ok::<_, Error>(noted)
                    }
                    None => Ok(now),
                }
            })
        })
        .await?;
        hit(At::Committed);
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
        before: &Payment,
        moved: Payment,
        outcome: &Outcome,
    ) -> Result<Payment, Error> {
        let (now, asked) = (self.clock.now(), before.intent);
        let acted = before.action.is_some() && moved.action.is_none();
        store::ledger::append(connection, &ledger::entries(&moved, outcome), now).await?;
        match outcome {
            Outcome::Refunded(refund_id, _) => {
                store::refund::done(connection, *refund_id, moved.refunded).await?;
            }
            Outcome::RefundFailed(refund_id, code)
            | Outcome::RefundReturned(refund_id, _, code) => {
                store::refund::failed(connection, *refund_id, code).await?;
            }
            _ => {}
        }
        let booking_id = moved.booking_id;
        let mut payments = store::payment::list_live(connection, booking_id).await?;
        for known in payments.iter_mut().filter(|known| known.payment_id == moved.payment_id) {
            known.clone_from(&moved);
        }
        if let (Outcome::Declined(_), Some(asked)) = (outcome, asked) {
            payments.extend(self.chase(connection, &moved, asked).await?);
            let ended = booking.settlement.as_ref();
            payments.extend(self.ask_again(connection, ended, &moved, &payments).await?);
        }
        let moved = match outcome {
            Outcome::Authorized(..) => self.take_place(connection, moved, &mut payments).await?,
            _ => moved,
        };
        let receipt = match outcome {
            Outcome::Captured(_) => {
                self.write_receipt(connection, booking, &moved, &payments).await?
            }
            _ => None,
        };
        let mut facts = events::rows(&self.ids, now, &moved, outcome, receipt.as_ref());
        if acted {
            facts.push(events::action_finished(&self.ids, now, &moved));
        }
        outbox::append(connection, &facts).await?;
        // The booking may have ended while the answer was awaited.
        let settled = booking.settlement.as_ref().map(|ended| ask_settled(&payments, ended));
        let mut next = moved.ask_owed().unwrap_or(moved);
        for asked in settled.unwrap_or_default() {
            match asked.payment_id == next.payment_id {
                true => next = asked,
                false => store::payment::save(connection, &asked, now, now).await?,
            }
        }
        let waits = next.open_action().filter(|_| booking.settlement.is_none());
        let due = waits.map_or(now, |_| now + LOOK_PERIOD);
        store::payment::save(connection, &next, due, now).await?;
        self.keep_renewal(connection, &next, outcome, booking).await?;
        Ok(next)
    }

    /// Notes that what a refused payment has left owed is to be asked for again.
    async fn chase(
        &self,
        connection: &mut PgConnection,
        declined: &Payment,
        asked: Intent,
    ) -> Result<Option<Payment>, Error> {
        let now = self.clock.now();
        let Some((chase, due)) = debt::chase(declined, asked, self.ids.next(), now) else {
            return Ok(None);
        };
        // First the place becomes free that it takes.
        store::payment::save(connection, declined, now, now).await?;
        let (payment_id, owed, chases) = (chase.payment_id, chase.authorized, chase.chases);
        tracing::warn!(%payment_id, %owed, chases, "money is owed and is asked for again");
        store::payment::save(connection, &chase, due, now).await?;
        Ok(Some(chase))
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
        let open = told().any(|one| {
            let owed = one.kind == Kind::Debt && one.intent.is_some();
            owed || matches!(one.intent, Some(Intent::Capture(_)))
        });
        if open || store::receipt::is_written(connection, moved.booking_id, overstay).await? {
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
        let seller = store::lot::find(connection, moved.lot_id).await?;
        let receipt = Receipt::of(first, total, number, stay, lines, seller, self.clock.now());
        store::receipt::insert(connection, &receipt).await?;
        Ok(Some(receipt))
    }
}

/// What came of a refund. One that the card's bank has still to book is on its way: the provider has
/// it off what it owes us.
fn of_refund(refund_id: RefundId, amount: Money, standing: RefundStanding) -> Outcome {
    match standing {
        RefundStanding::Failed(code) => Outcome::RefundFailed(refund_id, code),
        RefundStanding::Pending | RefundStanding::Succeeded => Outcome::Refunded(refund_id, amount),
    }
}

/// What the provider's books say about what was asked; `None` when they do not answer it.
pub(super) fn of_found(intent: Intent, found: Found) -> Option<Outcome> {
    match (intent, found.standing) {
        (Intent::Authorize, Standing::Authorized) => {
            Some(Outcome::Authorized(found.provider_id, found.expire_time))
        }
        (Intent::Authorize, Standing::Declined(code)) => Some(Outcome::Declined(code)),
        (Intent::Capture(asked), Standing::Captured(taken)) if asked == taken => {
            Some(Outcome::Captured(taken))
        }
        (Intent::Capture(_), Standing::Declined(code)) => Some(Outcome::Declined(code)),
        (Intent::Authorize | Intent::Capture(_), Standing::Expired) => {
            Some(Outcome::Declined(EXPIRED.to_owned()))
        }
        (Intent::Authorize, Standing::Voided) => Some(Outcome::Declined(ASKED.to_owned())),
        (Intent::Void, Standing::Voided | Standing::Expired) => Some(Outcome::Voided),
        _ => None,
    }
}
