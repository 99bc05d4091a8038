//! A lot's words into what the picture keeps of it: its place, what windows it takes, what it costs.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::google::r#type::Money as ProtoMoney;
use parkmesh_contracts::hours::{OpeningHours, OpeningSpan};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::tariff::{Billed, Early, Rate, Rules};

use crate::domain::lot::LotPlace;
use crate::domain::places::Point;
use crate::domain::price::LotTariff;
use crate::domain::search::rules::{AHEAD_MAX, LENGTH_MAX, WindowRules};

pub(super) fn place(lot: &booking::Lot) -> LotPlace {
    let point = Point { latitude: lot.latitude, longitude: lot.longitude };
    let words = [lot.name.as_str(), lot.address.as_str()].into_iter().flat_map(words).collect();
    LotPlace { address: lot.address.clone(), point, words }
}

/// The words of a text, lower case: what letters and digits stand together.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(str::to_lowercase)
}

/// A point, as it is told.
#[must_use]
pub fn point(point: Point) -> proto::GeoPoint {
    proto::GeoPoint { latitude: point.latitude, longitude: point.longitude }
}

/// What windows a lot takes. Zeros are the defaults that `LotPolicy` documents.
pub(super) fn window_rules(lot: &booking::Lot) -> WindowRules {
    let policy = lot.policy.unwrap_or_default();
    let or = |seconds: i32, default: SignedDuration| match seconds {
        0 => default,
        seconds => SignedDuration::from_secs(i64::from(seconds)),
    };
    let span = |row: &booking::OpeningSpan| OpeningSpan {
        day: u8::try_from(row.weekday - 1).unwrap_or_default(),
        open: row.open_minute,
        close: row.close_minute,
    };
    WindowRules {
        hours: OpeningHours(lot.opening_hours.iter().map(span).collect()),
        // As booking does: a zone that this binary does not know keeps nobody out.
        zone: TimeZone::get(&lot.time_zone).unwrap_or(TimeZone::UTC),
        shortest: or(policy.shortest_window_seconds, SignedDuration::ZERO),
        longest: or(policy.longest_window_seconds, LENGTH_MAX),
        ahead: or(policy.booking_ahead_seconds, AHEAD_MAX),
        turnaround: or(policy.turnaround_seconds, SignedDuration::ZERO),
    }
}

/// The tariff that holds; None when it makes no sense to this version: then no price is told.
pub(super) fn lot_tariff(lot: &booking::Lot) -> Option<LotTariff> {
    let told = lot.tariff.as_ref()?.rules.as_ref()?;
    let step = Money::try_from(told.step_price.as_ref()?).ok()?;
    let minor = |money: &ProtoMoney| Money::try_from(money).ok().map(|money| money.minor);
    let maybe = |money: &Option<ProtoMoney>| match money {
        None => Some(None),
        Some(money) => minor(money).map(Some),
    };
    let rate = |rate: &booking::TariffRate| {
        let only = Some(rate.spot_type).filter(|only| *only != i32::from(SpotType::Unspecified));
        let weekdays = rate.weekdays.iter().map(|day| i8::try_from(*day).ok());
        Some(Rate {
            spot_type: only,
            weekdays: weekdays.collect::<Option<_>>()?,
            from_minute: rate.from_minute.into(),
            to_minute: rate.to_minute.into(),
            step_minor: minor(rate.step_price.as_ref()?)?,
        })
    };
    let rules = Rules {
        step_minutes: Some(told.step_minutes).filter(|minutes| *minutes > 0)?.into(),
        rates: told.rates.iter().map(rate).collect::<Option<_>>()?,
        free_minutes: told.free_minutes.into(),
        minimum_minor: maybe(&told.minimum_charge)?.unwrap_or(0),
        daily_cap_minor: maybe(&told.daily_cap)?,
        stay_cap_minor: maybe(&told.stay_cap)?,
        // What is charged after a stay is booking's matter.
        billed: Billed::Window,
        early_arrival: Early::Billed,
        ..Rules::flat(step.minor)
    };
    Some(LotTariff { rules, currency: step.currency })
}
