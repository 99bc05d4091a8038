//! Statements: what is asked, and what is told.

use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::payment::v1 as proto;
use parkmesh_contracts::time;

use super::days;
use crate::app::AskStatement;
use crate::domain::{Payout, Statement};
use crate::error::Error;

impl TryFrom<proto::GetPayoutStatementRequest> for AskStatement {
    type Error = Error;

    fn try_from(request: proto::GetPayoutStatementRequest) -> Result<Self, Error> {
        let currency = Currency::parse(&request.currency)
            .map_err(|error| Error::field("currency", error.to_string()))?;
        let days = days(&request.first_date, &request.last_date, &request.time_zone)?;
        Ok(Self { currency, days })
    }
}

impl From<Statement> for proto::PayoutStatement {
    fn from(statement: Statement) -> Self {
        let currency = statement.currency;
        let lots = statement.lots.into_iter().map(|(lot_id, lot_address, line)| {
            let lot_id = lot_id.to_string();
            proto::PayoutLine { lot_id, lot_address, ..payout(&line, currency) }
        });
        Self {
            currency: currency.as_str().to_owned(),
            first_date: statement.days.first.to_string(),
            last_date: statement.days.last.to_string(),
            time_zone: statement.days.time_zone_name,
            start_time: Some(time::to_proto(statement.span.0)),
            end_time: Some(time::to_proto(statement.span.1)),
            closed: statement.closed,
            lots: lots.collect(),
            total: Some(payout(&statement.total, currency)),
        }
    }
}

/// A line without its lot.
fn payout(of: &Payout, currency: Currency) -> proto::PayoutLine {
    let money = |minor: i64| Some(Money::new(minor, currency).into());
    proto::PayoutLine {
        lot_id: String::new(),
        lot_address: String::new(),
        opening_balance: money(of.opening),
        booking_amount: money(of.booking),
        overstay_amount: money(of.overstay),
        debt_paid_amount: money(of.debt_paid),
        refunded_amount: money(of.refunded),
        chargeback_amount: money(of.chargeback),
        chargeback_returned_amount: money(of.chargeback_returned),
        fee_amount: money(of.fee),
        payout_amount: money(of.payout()),
        closing_balance: money(of.closing()),
        debt_written_amount: money(of.debt_written),
        captures: of.captures,
        refunds: of.refunds,
    }
}
