//! A charge as a person reads it: lines that add up exactly.

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Currency, Money, MoneyError};
use parkmesh_contracts::tariff::Tally;

use super::{Rate, Rules};

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// One line of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// For people.
    pub description: String,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub unit_amount: Money,
    /// Quantity times unit.
    pub amount: Money,
}

impl Line {
    /// One of something; negative for what is taken off.
    pub fn one(description: impl Into<String>, amount: Money) -> Self {
        Self { description: description.into(), quantity: 1, unit_amount: amount, amount }
    }
}

/// What is charged, and how it adds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The sum of the lines.
    pub amount: Money,
    /// In the order applied.
    pub lines: Vec<Line>,
}

impl Bill {
    /// The bill with a line for what it differs from `amount` by, if it does.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn made_up_to(mut self, amount: Money, description: &str) -> Result<Self, MoneyError> {
        let difference = amount.checked_sub(self.amount)?;
        if difference.minor != 0 {
            self.lines.push(Line::one(description, difference));
            self.amount = amount;
        }
        Ok(self)
    }
}

/// The lines of a tally.
///
/// # Errors
/// When a line does not fit, which the limits of prices and windows rule out.
pub fn bill(
    rules: &Rules,
    spot_type: SpotType,
    currency: Currency,
    tally: &Tally,
) -> Result<Bill, MoneyError> {
    let money = |minor| Money::new(minor, currency);
    let mut lines = Vec::new();
    if tally.free_minutes > 0 {
        lines.push(Line::one(format!("The first {} min are free", tally.free_minutes), money(0)));
    }
    for (rate, quantity) in tally.steps.iter().enumerate().filter(|(_, steps)| **steps > 0) {
        let rate = rules.rates.get(rate);
        let unit_amount = money(rate.map_or(rules.step_minor, |rate| rate.step_minor));
        lines.push(Line {
            description: format!("{}, {}", when(rules, rate, spot_type), step(rules.step_minutes)),
            quantity: *quantity,
            unit_amount,
            amount: unit_amount.checked_mul(*quantity)?,
        });
    }
    if let Some(cap) = rules.daily_cap_minor.filter(|_| tally.capped_days > 0) {
        let days = match tally.capped_days {
            1 => String::new(),
            days => format!(", on {days} days"),
        };
        let beyond = format!("Beyond the daily cap of {}{days}", money(cap));
        lines.push(Line::one(beyond, money(-tally.beyond_daily_cap)));
    }
    if tally.up_to_minimum > 0 {
        let minimum = format!("Up to the minimum of {}", money(rules.minimum_minor));
        lines.push(Line::one(minimum, money(tally.up_to_minimum)));
    }
    if let Some(cap) = rules.stay_cap_minor.filter(|_| tally.beyond_stay_cap > 0) {
        let beyond = format!("Beyond the cap of {} for the whole stay", money(cap));
        lines.push(Line::one(beyond, money(-tally.beyond_stay_cap)));
    }
    Ok(Bill { amount: money(tally.total), lines })
}

/// `by the started hour`.
pub(super) fn step(minutes: i64) -> String {
    match minutes {
        60 => "by the started hour".to_owned(),
        30 => "by the started half hour".to_owned(),
        1 => "by the started minute".to_owned(),
        other => format!("by the started {other} min"),
    }
}

/// `Mon–Fri 08:00–20:00`; `Other times` of the plain rate where there are others.
fn when(rules: &Rules, rate: Option<&Rate>, spot_type: SpotType) -> String {
    let Some(rate) = rate else {
        let others = rules.rates.iter().any(|rate| rate.is_for(spot_type));
        return if others { "Other times" } else { "Parking" }.to_owned();
    };
    let days = days(&rate.weekdays);
    let times = match (rate.from_minute, rate.to_minute) {
        (0, 1_440) => String::new(),
        (from, to) => format!("{}–{}", clock(from), clock(to)),
    };
    match (days.is_empty(), times.is_empty()) {
        (true, true) => "Parking".to_owned(),
        (false, false) => format!("{days} {times}"),
        _ => days + &times,
    }
}

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Runs of at least three days with a dash: `Mon–Fri, Sun`.
fn days(weekdays: &[i8]) -> String {
    let chosen = |day: usize| weekdays.iter().any(|one| usize::try_from(*one) == Ok(day + 1));
    let mut parts = Vec::new();
    let mut day = 0;
    while day < WEEKDAYS.len() {
        let run = (day..WEEKDAYS.len()).take_while(|day| chosen(*day)).count();
        match run {
            0 => {}
            1 | 2 => parts.extend(WEEKDAYS[day..day + run].iter().map(|name| (*name).to_owned())),
            _ => parts.push(format!("{}–{}", WEEKDAYS[day], WEEKDAYS[day + run - 1])),
        }
        day += run + 1;
    }
    if weekdays.len() == WEEKDAYS.len() { String::new() } else { parts.join(", ") }
}
