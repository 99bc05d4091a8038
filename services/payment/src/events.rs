//! Payments into facts, and booking's facts into what they mean for money. The one translator.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingCompleted, BookingExpired, BookingExtended,
    BookingMoved, BookingNoShow, BookingOverstayed, BookingRelocated, BookingReserved,
    BookingSummary, InventoryChanged, QuoteLine, UserErased,
};
use parkmesh_contracts::erasure::Erasure;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{BookingId, ErasureId, LotId, UserId};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::payment::v1::{
    PaymentActionFinished, PaymentAuthorized, PaymentCaptured, PaymentDeclined, PaymentRefunded,
    PaymentStuck, PaymentStuckCause, PaymentVoided, UserDataErased,
};
use parkmesh_contracts::time;
use parkmesh_eventbus::outbox::Row;
use parkmesh_eventbus::{Delivered, Failure};
use parkmesh_platform::ids::Ids;

use crate::app::News;
use crate::domain::receipt::number_text;
use crate::domain::{Intent, Line, Outcome, Overstay, Payment, Receipt, Seller, Settlement, Stay};
use crate::store::stuck::Stuck;

/// What we listen to.
pub const HEARD: &[&str] = &[
    BookingReserved::TYPE,
    BookingActivated::TYPE,
    BookingCompleted::TYPE,
    BookingCancelled::TYPE,
    BookingExpired::TYPE,
    BookingNoShow::TYPE,
    UserErased::TYPE,
    BookingExtended::TYPE,
    BookingMoved::TYPE,
    BookingRelocated::TYPE,
    BookingOverstayed::TYPE,
];

/// What we hear of booking for receipts and ownership, apart from the rest: a city that is imported holds up
/// nobody's money.
pub const OF_LOTS: &[&str] = &[InventoryChanged::TYPE];

/// The fact of what has just been noted of a payment; none where nothing happened.
pub fn rows(
    ids: &Ids,
    now: Timestamp,
    payment: &Payment,
    outcome: &Outcome,
    receipt: Option<&Receipt>,
) -> Vec<Row> {
    let (lot_id, version) = (payment.lot_id.to_string(), payment.version);
    let (payment_id, booking_id) = (payment.payment_id.to_string(), payment.booking_id.to_string());
    let user_id = payment.user_id.to_string();
    let aggregate = payment.payment_id.as_uuid();
    let amount = Some(payment.authorized.into());
    let replaces_payment_id = payment.replaces.map(|id| id.to_string()).unwrap_or_default();
    let row = match outcome {
        Outcome::RefundFailed(..) | Outcome::RefundReturned(..) | Outcome::ActionRequired(_) => {
            return Vec::new();
        }
        Outcome::Authorized(..) => {
            let fact = PaymentAuthorized {
                lot_id,
                version,
                payment_id,
                booking_id,
                user_id,
                amount,
                replaces_payment_id,
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
        Outcome::Declined(code) => {
            let fact = PaymentDeclined {
                lot_id,
                version,
                payment_id,
                booking_id,
                user_id,
                decline_code: code.clone(),
                promised: payment.comes_by_itself(),
                replaces_payment_id,
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
        Outcome::Captured(taken) => {
            let receipt_number =
                receipt.map(|receipt| number_text(receipt.number)).unwrap_or_default();
            let fact = PaymentCaptured {
                lot_id,
                version,
                payment_id,
                booking_id,
                user_id,
                amount: Some((*taken).into()),
                receipt_number,
                receipt_total: receipt.map(|receipt| receipt.total.into()),
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
        Outcome::Voided | Outcome::Lapsed => {
            let fact = PaymentVoided { lot_id, version, payment_id, booking_id, user_id, amount };
            Row::of(ids, now, aggregate, version, &fact)
        }
        Outcome::Refunded(refund_id, back) => {
            let fact = PaymentRefunded {
                lot_id,
                version,
                payment_id,
                booking_id,
                user_id,
                amount: Some((*back).into()),
                total_refunded_amount: Some(payment.refunded.into()),
                refund_id: refund_id.to_string(),
            };
            Row::of(ids, now, aggregate, version, &fact)
        }
    };
    vec![row]
}

/// The fact that what a card's bank had asked its owner to do is over.
pub fn action_finished(ids: &Ids, now: Timestamp, payment: &Payment) -> Row {
    let version = payment.version;
    let fact = PaymentActionFinished {
        lot_id: payment.lot_id.to_string(),
        version,
        payment_id: payment.payment_id.to_string(),
        booking_id: payment.booking_id.to_string(),
    };
    Row::of(ids, now, payment.payment_id.as_uuid(), version, &fact)
}

/// The fact that a payment does not come to an end by itself.
pub fn stuck(ids: &Ids, now: Timestamp, stuck: &Stuck) -> Row {
    let payment = &stuck.payment;
    let (cause, amount) = match payment.intent {
        Some(Intent::Capture(amount)) => (PaymentStuckCause::Capture, amount),
        Some(Intent::Refund(_, amount)) => (PaymentStuckCause::Refund, amount),
        Some(Intent::Void) => (PaymentStuckCause::Void, payment.authorized),
        Some(Intent::Authorize) | None => (PaymentStuckCause::Authorize, payment.authorized),
    };
    let fact = PaymentStuck {
        lot_id: payment.lot_id.to_string(),
        version: payment.version,
        payment_id: payment.payment_id.to_string(),
        booking_id: payment.booking_id.to_string(),
        amount: Some(amount.into()),
        cause: cause.into(),
        since_time: Some(time::to_proto(stuck.since)),
    };
    Row::of(ids, now, payment.payment_id.as_uuid(), payment.version, &fact)
}

/// The fact that what was kept of a person is erased.
pub fn user_data_erased(ids: &Ids, now: Timestamp, erasure_id: ErasureId) -> Row {
    let (lot_id, version) = (String::new(), 1);
    let fact = UserDataErased { lot_id, version, erasure_id: erasure_id.to_string() };
    Row::of(ids, now, erasure_id.into(), version, &fact)
}

/// Whom a fact asks to erase; `None` when it is no such fact.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn erasure(fact: &Delivered) -> Result<Option<Erasure>, Failure> {
    let told = (fact.fact_type == UserErased::TYPE).then(|| fact.decode::<UserErased>());
    told.transpose()?.map(Erasure::try_from).transpose().map_err(poison)
}

/// A lot, as booking tells of it.
pub struct LotTold {
    /// Which.
    pub lot_id: LotId,
    /// What receipts say of it.
    pub seller: Seller,
    /// Who runs it.
    pub operator_id: UserId,
    /// Of the lot.
    pub version: i64,
}

/// What a fact tells of a lot.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn lot(fact: &Delivered) -> Result<LotTold, Failure> {
    let told: InventoryChanged = fact.decode()?;
    let lot = told.lot.ok_or_else(|| poison("lot is missing"))?;
    let vat_basis_points = lot.policy.map_or(0, |policy| policy.vat_basis_points);
    let lot_id = told.lot_id.parse().map_err(poison)?;
    let operator_id = UserId::parse(&lot.operator_id).map_err(poison)?;
    let seller = Seller { address: lot.address, vat_basis_points };
    Ok(LotTold { lot_id, seller, operator_id, version: told.version })
}

/// What a fact of booking means for money; `None` for one that we do not know.
///
/// # Errors
/// [`Failure::Poison`] for a body that makes no sense.
pub fn news(fact: &Delivered) -> Result<Option<News>, Failure> {
    let news = match fact.fact_type.as_str() {
        BookingReserved::TYPE => stay(fact.decode::<BookingReserved>()?.booking)?,
        BookingActivated::TYPE => {
            let activated: BookingActivated = fact.decode()?;
            let mut news = stay(activated.booking)?;
            news.stay.start = instant(activated.arrive_time.as_ref())?.or(news.stay.start);
            news.stay.arrived = true;
            news
        }
        BookingCompleted::TYPE => {
            let completed: BookingCompleted = fact.decode()?;
            let mut news = stay(completed.booking)?;
            news.stay.end = instant(completed.leave_time.as_ref())?.or(news.stay.end);
            let capture = amount(completed.amount.as_ref())?;
            let lines = completed.lines.iter().map(line).collect::<Result<_, _>>()?;
            end(news, fact, capture, lines)
        }
        BookingCancelled::TYPE => {
            let cancelled: BookingCancelled = fact.decode()?;
            let fee = amount(cancelled.fee.as_ref())?;
            end(stay(cancelled.booking)?, fact, fee, fee_line("Cancellation fee", fee))
        }
        BookingNoShow::TYPE => {
            let no_show: BookingNoShow = fact.decode()?;
            let fee = amount(no_show.fee.as_ref())?;
            end(stay(no_show.booking)?, fact, fee, fee_line("No-show fee", fee))
        }
        BookingExpired::TYPE => {
            let expired: BookingExpired = fact.decode()?;
            end(stay(expired.booking)?, fact, None, Vec::new())
        }
        // The window is another one: the receipt of a fee is to tell it.
        BookingExtended::TYPE => stay(fact.decode::<BookingExtended>()?.booking)?,
        BookingMoved::TYPE => stay(fact.decode::<BookingMoved>()?.booking)?,
        BookingRelocated::TYPE => stay(fact.decode::<BookingRelocated>()?.booking)?,
        BookingOverstayed::TYPE => overstayed(fact.decode()?)?,
        _ => return Ok(None),
    };
    Ok(Some(news))
}

fn overstayed(fact: BookingOverstayed) -> Result<News, Failure> {
    let mut news = stay(fact.booking)?;
    let amount = fact.amount.as_ref().ok_or_else(|| poison("amount is missing"))?;
    let amount = Money::try_from(amount).map_err(poison)?;
    let left = instant(fact.leave_time.as_ref())?;
    let stay = Stay { start: news.stay.end, end: left, ..news.stay.clone() };
    let lines = fact.lines.iter().map(line).collect::<Result<_, _>>()?;
    news.overstay = Some(Overstay { amount, stay, lines });
    Ok(news)
}

fn end(news: News, fact: &Delivered, capture: Option<Money>, lines: Vec<Line>) -> News {
    let reason = fact.fact_type.rsplit('.').next().unwrap_or_default().to_owned();
    News { settlement: Some(Settlement { capture, lines, reason }), ..news }
}

fn fee_line(description: &str, fee: Option<Money>) -> Vec<Line> {
    fee.map(|fee| Line::one(description, fee)).into_iter().collect()
}

fn stay(booking: Option<BookingSummary>) -> Result<News, Failure> {
    let booking = booking.ok_or_else(|| poison("booking is missing"))?;
    let booking_id: BookingId = booking.booking_id.parse().map_err(poison)?;
    let window = booking.window.unwrap_or_default();
    let stay = Stay {
        lot_name: booking.lot_name,
        spot_number: booking.spot_number,
        time_zone: booking.time_zone,
        start: instant(window.start_time.as_ref())?,
        end: instant(window.end_time.as_ref())?,
        arrived: false,
    };
    Ok(News { booking_id, stay, settlement: None, overstay: None })
}

fn instant(time: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Failure> {
    time.map(time::from_proto).transpose().map_err(poison)
}

/// More than nothing, or `None`.
fn amount(money: Option<&ProtoMoney>) -> Result<Option<Money>, Failure> {
    // An amount that nobody filled in is nothing, whatever its currency.
    let money = money.filter(|money| money.units != 0 || money.nanos != 0);
    let money = money.map(Money::try_from).transpose().map_err(poison)?;
    match money {
        Some(money) if money.minor < 0 => Err(poison(format!("a negative amount: {money}"))),
        money => Ok(money),
    }
}

fn line(line: &QuoteLine) -> Result<Line, Failure> {
    let money = |money: Option<&ProtoMoney>| {
        let money = money.ok_or_else(|| poison("a line without an amount"))?;
        Money::try_from(money).map_err(poison)
    };
    Ok(Line {
        description: line.description.clone(),
        quantity: line.quantity,
        unit: money(line.unit_amount.as_ref())?,
        amount: money(line.amount.as_ref())?,
    })
}

fn poison(error: impl ToString) -> Failure {
    Failure::Poison(error.to_string())
}
