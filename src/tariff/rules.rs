//! The rules of one version of a tariff, as they are kept.

use jiff::civil::{DateTime, Weekday};
use serde::{Deserialize, Serialize};

use crate::common::v1::SpotType;

/// Most minor units of any one price of a tariff; sums over months of it still fit 64 bits by far.
pub const PRICE_MINOR_MAX: i64 = 100_000_000_000;
/// Minutes of an hour, which steps divide.
const HOUR_MINUTES: i64 = 60;
/// Minutes of a local day as clocks show it.
pub(super) const DAY_MINUTES: i64 = 24 * 60;

/// What a stay costs. The serde form is what the database keeps: only add to it, with a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Length of a step; divides 60.
    pub step_minutes: i64,
    /// The plain rate: a step for which no other rate holds.
    pub step_minor: i64,
    /// The first that holds for a step gives its price.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// Minutes at the beginning that cost nothing.
    #[serde(default)]
    pub free_minutes: i64,
    /// The least that a stay costs beyond them; 0 for none.
    #[serde(default)]
    pub minimum_minor: i64,
    /// The most for a calendar day of the lot.
    #[serde(default)]
    pub daily_cap_minor: Option<i64>,
    /// The most for a stay.
    #[serde(default)]
    pub stay_cap_minor: Option<i64>,
    /// What is billed.
    #[serde(default)]
    pub billed: Billed,
    /// From when on an early car is billed.
    #[serde(default)]
    pub early_arrival: Early,
    /// A step past the end of the window; None for the rates above.
    #[serde(default)]
    pub overstay_minor: Option<i64>,
    /// What giving a reservation back costs; None for nothing.
    #[serde(default)]
    pub cancellation: Option<Cancellation>,
    /// What not coming costs; None for nothing.
    #[serde(default)]
    pub no_show: Option<Fee>,
}

/// A price for some spots at some times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Only spots of this type, by the number that the protos give it; None for all.
    #[serde(default)]
    pub spot_type: Option<i32>,
    /// ISO 8601: 1 is Monday; empty for all.
    #[serde(default)]
    pub weekdays: Vec<i8>,
    /// First minute of the local day.
    pub from_minute: i64,
    /// First minute after; at most 1,440.
    pub to_minute: i64,
    /// One step.
    pub step_minor: i64,
}

/// What is billed of a booking whose car came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    /// The stay.
    #[default]
    Stay,
    /// The booked window.
    Window,
    /// Whichever costs more.
    Larger,
}

/// From when on a car is billed that came before its window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Early {
    /// From its arrival.
    #[default]
    Billed,
    /// From the start of the window.
    Free,
}

/// A fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fee {
    /// So many minor units.
    Minor(i64),
    /// A share of the authorised amount, 0 to 100.
    Percent(i64),
}

/// What giving a reservation back costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// Nothing until so long before the start.
    pub free_until_minutes: i64,
    /// From then on.
    pub fee: Fee,
}

impl Rules {
    /// One price for every started hour and nothing else: what a lot begins with.
    pub const fn flat(hourly_minor: i64) -> Self {
        Self {
            step_minutes: HOUR_MINUTES,
            step_minor: hourly_minor,
            rates: Vec::new(),
            free_minutes: 0,
            minimum_minor: 0,
            daily_cap_minor: None,
            stay_cap_minor: None,
            billed: Billed::Stay,
            early_arrival: Early::Billed,
            overstay_minor: None,
            cancellation: None,
            no_show: None,
        }
    }

    /// An hour at the plain rate.
    pub const fn hourly_minor(&self) -> i64 {
        self.step_minor.saturating_mul(HOUR_MINUTES / self.step_minutes)
    }

    /// Whether local dates and times matter for a spot of this type.
    pub fn needs_calendar(&self, spot_type: SpotType) -> bool {
        self.daily_cap_minor.is_some() || self.rates.iter().any(|rate| rate.is_for(spot_type))
    }

    /// What cannot be, as field (in the words of the proto) and sentence.
    pub fn mistakes(&self) -> Vec<(String, &'static str)> {
        let mut found = Vec::new();
        for (index, rate) in self.rates.iter().enumerate() {
            if rate.from_minute >= rate.to_minute {
                let field = format!("rates[{index}].to_minute");
                found.push((field, "must be after from_minute; a night is told as two rates"));
            }
        }
        let above = |cap: Option<i64>| cap.is_some_and(|cap| self.minimum_minor > cap);
        if above(self.daily_cap_minor) {
            found.push(("minimum_charge".to_owned(), "must not be above daily_cap"));
        }
        if above(self.stay_cap_minor) {
            found.push(("minimum_charge".to_owned(), "must not be above stay_cap"));
        }
        found
    }
}

impl Rate {
    /// Whether it is a price for spots of this type.
    pub fn is_for(&self, spot_type: SpotType) -> bool {
        self.spot_type.is_none_or(|only| only == i32::from(spot_type))
    }

    /// Whether it holds at this local time.
    pub fn holds_at(&self, local: DateTime) -> bool {
        let minute = i64::from(local.hour()) * HOUR_MINUTES + i64::from(local.minute());
        self.holds_on(local.weekday()) && (self.from_minute..self.to_minute).contains(&minute)
    }

    fn holds_on(&self, weekday: Weekday) -> bool {
        self.weekdays.is_empty() || self.weekdays.contains(&weekday.to_monday_one_offset())
    }
}
