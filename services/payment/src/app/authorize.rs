//! Setting money aside, at once or near the start of a stay that is far ahead: one live payment to a booking, others beside it for what it costs more, one
//! outcome to a request.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parkmesh_contracts::ids::{BookingId, LotId, RequestId, UserId};
use parkmesh_contracts::money::Money;
use parkmesh_platform::{failpoint, postgres};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::App;
use super::points::{At, point};
use crate::domain::payment::authorize_key;
use crate::domain::{Intent, Kind, Payment, Status, card, renewal};
use crate::error::Error;
use crate::store;

/// What to set aside, and for what.
#[derive(Clone)]
pub struct Authorize {
    /// Names the request; its key at the provider follows from it.
    pub request_id: RequestId,
    /// The booking.
    pub booking_id: BookingId,
    /// Its lot.
    pub lot_id: LotId,
    /// Whose money.
    pub user_id: UserId,
    /// More than zero.
    pub amount: Money,
    /// The provider's token; empty only with `additional`, for that of the booking's payment.
    pub payment_method: String,
    /// Beside what covers the booking already.
    pub additional: bool,
    /// Whether the driver can do what the card's bank asks for.
    pub action_allowed: bool,
    /// When what is booked begins, if that is known.
    pub start: Option<Timestamp>,
}

/// Why a card is refused that will have expired when it is needed.
const EXPIRED_CARD: &str = "expired_card";

/// What stands after the intent is committed.
enum Begun {
    /// The payment of this request.
    Mine(Payment),
    /// Another authorisation for the booking is open, or on its way back; its end comes first.
    Before(Payment),
}

impl App {
    /// Sets an amount aside. The same request has the same outcome, however often it comes.
    ///
    /// # Errors
    /// The reasons of `AuthorizePayment`.
    pub async fn authorize(&self, asked: Authorize) -> Result<Payment, Error> {
        if card::is_card_number(&asked.payment_method) {
            return Err(Error::CardNumberRefused);
        }
        if let Some(at) = asked.later(self.clock.now()) {
            self.check_card(&asked, at).await?;
        }
        // Another authorisation in the way is brought to its end: it comes, and then goes.
        for _ in 0..3 {
            match self.begin(asked.clone()).await? {
                Begun::Before(other) => {
                    self.end_action(&other).await?;
                    drop(self.drive(other.payment_id).await?);
                }
                Begun::Mine(payment) if payment.open_action().is_some() => {
                    return self.answer(payment).await;
                }
                Begun::Mine(payment)
                    if payment.status == Status::Pending && !payment.is_promised() =>
                {
                    failpoint::hit(point(Intent::Authorize, At::IntentCommitted));
                    let payment = self.drive(payment.payment_id).await?;
                    return self.answer(payment).await;
                }
                Begun::Mine(payment) => return self.answer(payment).await,
            }
        }
        Err(Error::Unknown)
    }

    /// Commits the intent, or finds what the request led to before.
    async fn begin(&self, asked: Authorize) -> Result<Begun, Error> {
        let app = self.clone();
        postgres::transaction(&self.pool, move |connection| {
            Box::pin(async move { app.begin_in(connection, &asked).await })
        })
        .await
    }

    async fn begin_in(
        &self,
        connection: &mut PgConnection,
        asked: &Authorize,
    ) -> Result<Begun, Error> {
        let (hash, now) = (asked.hash(), self.clock.now());
        let booking = store::booking::lock(connection, asked.booking_id).await?;
        if let Some(known) = self.repeated(connection, asked.request_id, &hash).await? {
            return Ok(Begun::Mine(known));
        }
        if booking.settlement.is_some() {
            return Err(Error::BookingClosed);
        }
        let named = self.token_of(connection, &asked.user_id, &asked.payment_method).await?;
        let asked = &Authorize { payment_method: named, ..asked.clone() };
        let live = match asked.additional {
            true => None,
            false => {
                let live = store::payment::list_live(connection, asked.booking_id).await?;
                live.into_iter().find(|live| live.kind == Kind::Booking)
            }
        };
        let live = match live {
            // Another card, before the first was ever asked.
            Some(live) if live.is_promised() && !asked.is_covered_by(&live) => {
                let ended = store::payment::end_unasked(connection, live.payment_id, now).await?;
                (!ended).then_some(live)
            }
            live => live,
        };
        let payment = match live {
            None => {
                let payment = self.new_payment(connection, asked).await?;
                let due = payment.authorize_time.unwrap_or(now + self.config.lease());
                store::payment::save(connection, &payment, due, now).await?;
                payment
            }
            // On its way back: nobody may count on it.
            Some(live) if live.intent == Some(Intent::Void) => return Ok(Begun::Before(live)),
            Some(live) if asked.is_covered_by(&live) => live,
            Some(live) if live.status == Status::Pending => {
                return Ok(Begun::Before(live));
            }
            Some(live) => return Err(Error::StateWrong(live.status)),
        };
        let (request_id, id) = (asked.request_id, payment.payment_id);
        if !store::payment::keep_request(connection, request_id, &hash, id, now).await? {
            return Err(Error::RequestIdReused);
        }
        Ok(Begun::Mine(payment))
    }

    /// What this request led to before. An intent that nobody drives is the caller's to drive.
    pub(super) async fn repeated(
        &self,
        connection: &mut PgConnection,
        request_id: RequestId,
        hash: &[u8],
    ) -> Result<Option<Payment>, Error> {
        let known = store::payment::find_request(connection, request_id).await?;
        let Some((first, id)) = known else { return Ok(None) };
        if first != hash {
            return Err(Error::RequestIdReused);
        }
        let payment = store::payment::find_locked(connection, id).await?;
        let payment = payment.ok_or(Error::PaymentNotFound)?;
        let driven = payment.open_action().is_some() || payment.is_promised();
        if payment.status == Status::Pending && !driven {
            self.take_over(connection, id).await?;
        }
        Ok(Some(payment))
    }

    async fn new_payment(
        &self,
        connection: &mut PgConnection,
        asked: &Authorize,
    ) -> Result<Payment, Error> {
        let payment_method = match asked.payment_method.as_str() {
            "" => {
                let covering = store::payment::find_covering(connection, asked.booking_id).await?;
                let none = || Error::field("payment_method", "is required: nothing covers it yet");
                covering.ok_or_else(none)?.payment_method
            }
            method => method.to_owned(),
        };
        let authorize_time = asked.later(self.clock.now());
        Ok(Payment {
            payment_id: self.ids.next(),
            booking_id: asked.booking_id,
            kind: if asked.additional { Kind::Addition } else { Kind::Booking },
            lot_id: asked.lot_id,
            user_id: asked.user_id.clone(),
            authorized: asked.amount,
            captured: None,
            refunded: Money::zero(asked.amount.currency),
            payment_method,
            status: Status::Pending,
            decline_code: None,
            provider_id: None,
            authorize_key: authorize_key(asked.request_id),
            intent: Some(Intent::Authorize),
            // Later nobody is there to act.
            action_allowed: asked.action_allowed && authorize_time.is_none(),
            action: None,
            chases: 0,
            authorize_time,
            replaces: None,
            version: 1,
            create_time: self.clock.now(),
        })
    }

    /// Whether a card is one that may be asked at that time, as far as can be told now. A request that
    /// was answered before is not looked at again.
    async fn check_card(&self, asked: &Authorize, at: Timestamp) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        if store::payment::find_request(&mut connection, asked.request_id).await?.is_some() {
            return Ok(());
        }
        let token = self.token_of(&mut connection, &asked.user_id, &asked.payment_method).await?;
        drop(connection);
        let face = self.inspect(&token).await?;
        let day = at.to_zoned(TimeZone::UTC).date();
        let (year, month) = (i64::from(day.year()), i64::from(day.month()));
        match (i64::from(face.expiry_year), i64::from(face.expiry_month)) < (year, month) {
            true => Err(Error::Declined(EXPIRED_CARD.to_owned())),
            false => Ok(()),
        }
    }

    /// What a payment says to whoever asked for it.
    pub(super) async fn answer(&self, payment: Payment) -> Result<Payment, Error> {
        match (payment.status, payment.intent) {
            (Status::Pending, _) if payment.open_action().is_some() => Ok(payment),
            (Status::Voided, _) | (_, Some(Intent::Void)) => {
                if store::booking::is_settled(&self.pool, payment.booking_id).await? {
                    return Err(Error::BookingClosed);
                }
                Err(Error::StateWrong(Status::Voided))
            }
            _ if payment.is_promised() => Ok(payment.when_promised()),
            (Status::Pending, _) => Err(Error::Unknown),
            (Status::Declined, _) => Err(Error::Declined(payment.decline_code.unwrap_or_default())),
            // The first answer, to the byte, however the payment went on.
            (Status::Authorized | Status::Captured, _) => Ok(payment.when_authorized()),
        }
    }
}

impl Authorize {
    /// Of everything but the request id, each part with its length, so that no two run together.
    fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        let (booking, lot) = (self.booking_id.to_string(), self.lot_id.to_string());
        let amount = self.amount.to_string();
        let user = self.user_id.as_str();
        hash_parts(&mut hash, &[&booking, &lot, user, &amount, &self.payment_method]);
        if self.additional {
            hash.update(b"additional");
        }
        if self.action_allowed {
            hash.update(b"action_allowed");
        }
        if let Some(start) = self.start {
            hash_parts(&mut hash, &["start", &start.to_string()]);
        }
        hash.finalize().to_vec()
    }

    /// When it is set aside, where that is not at once.
    fn later(&self, now: Timestamp) -> Option<Timestamp> {
        let start = self.start.filter(|_| !self.additional)?;
        renewal::authorize_time(start, now)
    }

    /// Whether a live payment is what this request wants: a driver who confirms again after a crash
    /// gets the money that is already set aside. While its outcome is open, only the same card
    /// counts.
    fn is_covered_by(&self, live: &Payment) -> bool {
        let same_card =
            live.status != Status::Pending || live.payment_method == self.payment_method;
        same_card
            && live.authorized == self.amount
            && live.lot_id == self.lot_id
            && live.user_id == self.user_id
    }
}

/// Each part with its length in front, so that no two run together.
pub(super) fn hash_parts(hash: &mut Sha256, parts: &[&str]) {
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
}
