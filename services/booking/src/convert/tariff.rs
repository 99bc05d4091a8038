//! Tariffs: rules from messages and back.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::money::{Currency, Money};
use parkmesh_contracts::time;
use parkmesh_contracts::validate::{MAX_VIOLATIONS, Violation};
use parkmesh_platform::fault::invalid;

use crate::domain::inventory::Tariff;
use crate::domain::tariff::{Billed, Cancellation, Early, Fee, PRICE_MINOR_MAX, Rate, Rules};
use crate::error::Error;

/// Rules that a request asks for, and the currency that all their amounts share.
///
/// # Errors
/// [`Error::Invalid`] that names every field that cannot be.
pub fn rules(asked: Option<&proto::TariffRules>) -> Result<(Rules, Currency), Error> {
    let asked = asked.ok_or_else(|| Error::field("rules", "is required"))?;
    let mut amounts = Amounts::default();
    let rules = Rules {
        step_minutes: asked.step_minutes.into(),
        step_minor: amounts.required("step_price", asked.step_price.as_ref()),
        rates: asked.rates.iter().enumerate().map(|(at, rate)| amounts.rate(at, rate)).collect(),
        free_minutes: asked.free_minutes.into(),
        minimum_minor: amounts.optional("minimum_charge", &asked.minimum_charge).unwrap_or(0),
        daily_cap_minor: amounts.optional("daily_cap", &asked.daily_cap),
        stay_cap_minor: amounts.optional("stay_cap", &asked.stay_cap),
        billed: match asked.billed_time() {
            proto::BilledTime::Window => Billed::Window,
            proto::BilledTime::Larger => Billed::Larger,
            proto::BilledTime::Stay | proto::BilledTime::Unspecified => Billed::Stay,
        },
        early_arrival: match asked.early_arrival() {
            proto::EarlyArrival::Free => Early::Free,
            proto::EarlyArrival::Billed | proto::EarlyArrival::Unspecified => Early::Billed,
        },
        overstay_minor: amounts.optional("overstay_step_price", &asked.overstay_step_price),
        cancellation: asked.cancellation.as_ref().map(|terms| Cancellation {
            free_until_minutes: terms.free_until_minutes.into(),
            fee: amounts.fee("cancellation.fee", terms.fee.as_ref()),
        }),
        no_show: asked.no_show_fee.as_ref().map(|fee| amounts.fee("no_show_fee", Some(fee))),
    };
    // Of amounts that could not be read nothing else can be said.
    if amounts.found.is_empty() {
        let mistakes = rules.mistakes().into_iter();
        amounts.found =
            mistakes.map(|(field, why)| invalid(format!("rules.{field}"), why)).collect();
    }
    amounts.found.truncate(MAX_VIOLATIONS);
    match amounts.currency {
        Some(currency) if amounts.found.is_empty() => Ok((rules, currency)),
        _ => Err(Error::Invalid(amounts.found)),
    }
}

/// Reads the amounts of a tariff and notes what is wrong with them.
#[derive(Default)]
struct Amounts {
    currency: Option<Currency>,
    found: Vec<Violation>,
}

impl Amounts {
    fn required(&mut self, field: &str, money: Option<&ProtoMoney>) -> i64 {
        match money.map(|money| self.price(money)) {
            Some(Ok(minor)) => minor,
            Some(Err(why)) => self.refuse(field, why),
            None => self.refuse(field, "is required".to_owned()),
        }
    }

    fn optional(&mut self, field: &str, money: &Option<ProtoMoney>) -> Option<i64> {
        money.as_ref().map(|money| self.required(field, Some(money)))
    }

    fn rate(&mut self, at: usize, rate: &proto::TariffRate) -> Rate {
        let spot_type = Some(rate.spot_type()).filter(|only| *only != SpotType::Unspecified);
        Rate {
            spot_type: spot_type.map(i32::from),
            weekdays: rate.weekdays.iter().filter_map(|day| i8::try_from(*day).ok()).collect(),
            from_minute: rate.from_minute.into(),
            to_minute: rate.to_minute.into(),
            step_minor: self.required(&format!("rates[{at}].step_price"), rate.step_price.as_ref()),
        }
    }

    fn fee(&mut self, field: &str, fee: Option<&proto::Fee>) -> Fee {
        use proto::fee::Kind;
        match fee.and_then(|fee| fee.kind.as_ref()) {
            Some(Kind::Amount(money)) => {
                Fee::Minor(self.required(&format!("{field}.amount"), Some(money)))
            }
            Some(Kind::Percent(percent)) => Fee::Percent(i64::from(*percent)),
            None => Fee::Minor(self.refuse(field, "is required".to_owned())),
        }
    }

    fn price(&mut self, money: &ProtoMoney) -> Result<i64, String> {
        let price = Money::try_from(money).map_err(|error| format!("is not an amount: {error}"))?;
        if *self.currency.get_or_insert(price.currency) != price.currency {
            return Err("must be in the same currency as the amounts before it".to_owned());
        }
        if !(0..=PRICE_MINOR_MAX).contains(&price.minor) {
            let max = Money::new(PRICE_MINOR_MAX, price.currency);
            return Err(format!("must be between 0 and {max}"));
        }
        Ok(price.minor)
    }

    fn refuse(&mut self, field: &str, why: String) -> i64 {
        self.found.push(invalid(format!("rules.{field}"), why));
        0
    }
}

impl From<&Tariff> for proto::Tariff {
    fn from(tariff: &Tariff) -> Self {
        Self {
            tariff_id: tariff.tariff_id.to_string(),
            lot_id: tariff.lot_id.to_string(),
            version: tariff.version,
            hourly_rate: Some(tariff.hourly_rate().into()),
            create_time: Some(time::to_proto(tariff.create_time)),
            rules: Some(told(&tariff.rules, tariff.currency)),
        }
    }
}

/// The rules as a message, nothing left for the reader to guess.
fn told(rules: &Rules, currency: Currency) -> proto::TariffRules {
    let money = |minor: i64| -> Option<ProtoMoney> { Some(Money::new(minor, currency).into()) };
    // Every number of the rules was a 32-bit number of a message, or is a constant.
    let small = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let fee = |fee: Fee| proto::Fee {
        kind: Some(match fee {
            Fee::Minor(minor) => proto::fee::Kind::Amount(Money::new(minor, currency).into()),
            Fee::Percent(percent) => proto::fee::Kind::Percent(small(percent)),
        }),
    };
    let rate = |rate: &Rate| proto::TariffRate {
        spot_type: rate.spot_type.unwrap_or_default(),
        weekdays: rate.weekdays.iter().map(|day| i32::from(*day)).collect(),
        from_minute: small(rate.from_minute),
        to_minute: small(rate.to_minute),
        step_price: money(rate.step_minor),
    };
    proto::TariffRules {
        step_minutes: small(rules.step_minutes),
        step_price: money(rules.step_minor),
        rates: rules.rates.iter().map(rate).collect(),
        free_minutes: small(rules.free_minutes),
        minimum_charge: Some(rules.minimum_minor).filter(|minor| *minor > 0).and_then(money),
        daily_cap: rules.daily_cap_minor.and_then(money),
        stay_cap: rules.stay_cap_minor.and_then(money),
        billed_time: match rules.billed {
            Billed::Stay => proto::BilledTime::Stay,
            Billed::Window => proto::BilledTime::Window,
            Billed::Larger => proto::BilledTime::Larger,
        }
        .into(),
        early_arrival: match rules.early_arrival {
            Early::Billed => proto::EarlyArrival::Billed,
            Early::Free => proto::EarlyArrival::Free,
        }
        .into(),
        overstay_step_price: rules.overstay_minor.and_then(money),
        cancellation: rules.cancellation.map(|terms| proto::CancellationTerms {
            free_until_minutes: small(terms.free_until_minutes),
            fee: Some(fee(terms.fee)),
        }),
        no_show_fee: rules.no_show.map(fee),
    }
}

#[cfg(test)]
#[path = "tariff/tests.rs"]
mod tests;
