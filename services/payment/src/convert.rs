//! Messages into commands, payments into messages. Parse once, here.

use jiff::tz::TimeZone;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::ids::{IdError, PaymentId};
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::payment::v1 as proto;
use parkmesh_contracts::time;

use crate::app::{AskRefund, AskReport, Authorize};
use crate::domain::days::Days;
use crate::domain::receipt::number_text;
use crate::domain::{
    Kind, Line, Method, Payment, Receipt, Refund, RefundStatus, Report, Revenue, Status,
};
use crate::error::Error;
use crate::store::ledger::Written;
use page::Language;

pub mod page;
pub mod statement;
pub mod statement_page;

/// The id in this field.
///
/// # Errors
/// [`Error::Invalid`] that names the field.
pub fn id<T: std::str::FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: IdError| Error::field(field, error.to_string()))
}

/// More than nothing.
///
/// # Errors
/// [`Error::Invalid`].
pub fn amount(money: Option<&ProtoMoney>) -> Result<Money, Error> {
    let money = money.ok_or_else(|| Error::field("amount", "is required"))?;
    let money = Money::try_from(money)
        .map_err(|error| Error::field("amount", format!("is not an amount: {error}")))?;
    if money.minor < 1 {
        return Err(Error::field("amount", "must be more than zero"));
    }
    Ok(money)
}

impl TryFrom<proto::AuthorizePaymentRequest> for Authorize {
    type Error = Error;

    fn try_from(request: proto::AuthorizePaymentRequest) -> Result<Self, Error> {
        Ok(Self {
            request_id: id("request_id", &request.request_id)?,
            booking_id: id("booking_id", &request.booking_id)?,
            lot_id: id("lot_id", &request.lot_id)?,
            user_id: id("user_id", &request.user_id)?,
            amount: amount(request.amount.as_ref())?,
            payment_method: method(request.payment_method, request.additional)?,
            additional: request.additional,
            action_allowed: request.action_allowed,
            start: request
                .start_time
                .as_ref()
                .map(time::from_proto)
                .transpose()
                .map_err(|error| Error::field("start_time", format!("is not a time: {error}")))?,
        })
    }
}

/// Only what is set aside beside something else may leave it to that.
fn method(text: String, additional: bool) -> Result<String, Error> {
    match text.is_empty() && !additional {
        true => Err(Error::field("payment_method", "is required")),
        false => Ok(text),
    }
}

impl From<Payment> for proto::Payment {
    fn from(payment: Payment) -> Self {
        let status = match payment.status {
            Status::Pending if payment.open_action().is_some() => {
                proto::PaymentStatus::ActionRequired
            }
            Status::Pending => proto::PaymentStatus::Pending,
            Status::Authorized => proto::PaymentStatus::Authorized,
            Status::Declined => proto::PaymentStatus::Declined,
            Status::Captured => proto::PaymentStatus::Captured,
            Status::Voided => proto::PaymentStatus::Voided,
        };
        let kind = match payment.kind {
            Kind::Booking => proto::PaymentKind::Booking,
            Kind::Addition => proto::PaymentKind::Addition,
            Kind::Overstay => proto::PaymentKind::Overstay,
            Kind::Debt => proto::PaymentKind::Debt,
        };
        let action = payment.open_action().cloned();
        Self {
            payment_id: payment.payment_id.to_string(),
            booking_id: payment.booking_id.to_string(),
            kind: kind.into(),
            lot_id: payment.lot_id.to_string(),
            user_id: payment.user_id.to_string(),
            authorized_amount: Some(payment.authorized.into()),
            captured_amount: payment.captured.map(Into::into),
            status: status.into(),
            decline_code: payment.decline_code.unwrap_or_default(),
            version: payment.version,
            create_time: Some(time::to_proto(payment.create_time)),
            refunded_amount: (payment.refunded.minor > 0).then(|| payment.refunded.into()),
            action_expire_time: action.as_ref().map(|action| time::to_proto(action.expire_time)),
            action_url: String::new(),
            authorize_time: payment
                .authorize_time
                .filter(|_| payment.status == Status::Pending)
                .map(time::to_proto),
        }
    }
}

/// The answer to whoever sets money aside: with the page that the driver is to be sent to.
pub fn asked(payment: Payment) -> proto::Payment {
    let action_url = payment.open_action().map(|action| action.url.clone()).unwrap_or_default();
    proto::Payment { action_url, ..payment.into() }
}

impl TryFrom<proto::RefundPaymentRequest> for AskRefund {
    type Error = Error;

    fn try_from(request: proto::RefundPaymentRequest) -> Result<Self, Error> {
        Ok(Self {
            request_id: id("request_id", &request.request_id)?,
            payment_id: id("payment_id", &request.payment_id)?,
            amount: match request.amount {
                Some(money) => Some(amount(Some(&money))?),
                None => None,
            },
            reason: request.reason,
        })
    }
}

impl From<Refund> for proto::Refund {
    fn from(refund: Refund) -> Self {
        let (status, failure_code, total) = match refund.status {
            RefundStatus::Pending => (proto::RefundStatus::Pending, String::new(), None),
            RefundStatus::Refunded(total) => {
                (proto::RefundStatus::Refunded, String::new(), Some(total.into()))
            }
            RefundStatus::Failed(code) => (proto::RefundStatus::Failed, code, None),
        };
        Self {
            refund_id: refund.refund_id.to_string(),
            payment_id: refund.payment_id.to_string(),
            amount: Some(refund.amount.into()),
            reason: refund.reason,
            status: status.into(),
            failure_code,
            total_refunded_amount: total,
            create_time: Some(time::to_proto(refund.create_time)),
        }
    }
}

impl From<Method> for proto::PaymentMethod {
    fn from(method: Method) -> Self {
        Self {
            payment_method_id: method.method_id.to_string(),
            brand: method.face.brand,
            last_four: method.face.last_four,
            expiry_month: method.face.expiry_month.into(),
            expiry_year: method.face.expiry_year.into(),
            create_time: Some(time::to_proto(method.create_time)),
        }
    }
}

impl TryFrom<proto::GetRevenueReportRequest> for AskReport {
    type Error = Error;

    fn try_from(request: proto::GetRevenueReportRequest) -> Result<Self, Error> {
        let days = days(&request.first_date, &request.last_date, &request.time_zone)?;
        Ok(Self { lot_id: id("lot_id", &request.lot_id)?, days })
    }
}

/// The days from `first_date` to `last_date` in `time_zone`, which may be empty.
fn days(first: &str, last: &str, time_zone: &str) -> Result<Days, Error> {
    let date = |field: &str, text: &str| {
        text.parse().map_err(|_| Error::field(field, "must be a day like 2026-11-26"))
    };
    let time_zone_name = match time_zone {
        "" => "UTC".to_owned(),
        name => name.to_owned(),
    };
    let time_zone = TimeZone::get(&time_zone_name)
        .map_err(|_| Error::field("time_zone", "is not a zone of the IANA database"))?;
    let (first, last) = (date("first_date", first)?, date("last_date", last)?);
    Ok(Days { first, last, time_zone, time_zone_name })
}

/// One day of a report, or all of it.
fn revenue(date: String, of: &Revenue, currency: Currency) -> proto::Revenue {
    let money = |minor: i64| Some(Money::new(minor, currency).into());
    proto::Revenue {
        date,
        booking_amount: money(of.booking),
        overstay_amount: money(of.overstay),
        refunded_amount: money(of.refunded),
        fee_amount: money(of.fee),
        disputed_amount: money(of.disputed),
        payout_amount: money(of.payout()),
        captures: of.captures,
        refunds: of.refunds,
    }
}

impl From<Report> for proto::GetRevenueReportResponse {
    fn from(report: Report) -> Self {
        let day = |(date, of): &(jiff::civil::Date, Revenue)| {
            revenue(date.to_string(), of, report.currency)
        };
        Self {
            days: report.days.iter().map(day).collect(),
            total: Some(revenue(String::new(), &report.total, report.currency)),
        }
    }
}

impl From<Line> for proto::ReceiptLine {
    fn from(line: Line) -> Self {
        Self {
            description: line.description,
            quantity: line.quantity,
            unit_amount: Some(line.unit.into()),
            amount: Some(line.amount.into()),
        }
    }
}

impl From<Receipt> for proto::Receipt {
    fn from(receipt: Receipt) -> Self {
        let (vat, net) = (receipt.vat(), receipt.net());
        Self {
            receipt_number: number_text(receipt.number),
            payment_id: receipt.payment_id.to_string(),
            booking_id: receipt.booking_id.to_string(),
            lot_name: receipt.stay.lot_name,
            spot_number: receipt.stay.spot_number,
            start_time: receipt.stay.start.map(time::to_proto),
            end_time: receipt.stay.end.map(time::to_proto),
            time_zone: receipt.stay.time_zone,
            lines: receipt.lines.into_iter().map(Into::into).collect(),
            total: Some(receipt.total.into()),
            issue_time: Some(time::to_proto(receipt.issue_time)),
            lot_address: receipt.seller.address,
            vat_basis_points: receipt.seller.vat_basis_points,
            vat_amount: vat.map(Into::into),
            net_amount: net.map(Into::into),
        }
    }
}

/// The language of a page that is asked for.
pub const fn page_language(asked: proto::ReceiptLanguage) -> Option<Language> {
    match asked {
        proto::ReceiptLanguage::Unspecified => None,
        proto::ReceiptLanguage::English => Some(Language::English),
        proto::ReceiptLanguage::German => Some(Language::German),
    }
}

/// An entry of this payment.
pub fn entry(payment_id: PaymentId, written: Written) -> proto::LedgerEntry {
    proto::LedgerEntry {
        movement_id: written.movement_id.to_string(),
        account: written.account,
        amount: Some(written.amount.into()),
        kind: written.kind,
        payment_id: payment_id.to_string(),
        create_time: Some(time::to_proto(written.create_time)),
    }
}
