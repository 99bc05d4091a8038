//! Opening hours and limits of windows: requests into rules, rules into messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::Weekday;
use parkmesh_platform::fault::invalid;

use super::inventory::none_found;
use crate::domain::rules::{LotRules, OpeningHours, OpeningSpan, RuleRefusal};
use crate::error::Error;

/// The rules that a new lot is to have.
///
/// # Errors
/// [`Error::Invalid`] that names each field which cannot be.
pub fn rules(
    policy: Option<&proto::LotPolicy>,
    spans: &[proto::OpeningSpan],
) -> Result<LotRules, Error> {
    let hours = LotRules { hours: hours(spans)?, ..LotRules::default() };
    let rules = policy.map_or_else(|| hours.clone(), |policy| limits(hours.clone(), policy));
    check_limits(&rules)?;
    Ok(rules)
}

/// The limits of a policy in place of what was.
pub fn limits(rules: LotRules, policy: &proto::LotPolicy) -> LotRules {
    LotRules {
        hours: rules.hours,
        shortest_window_seconds: policy.shortest_window_seconds,
        longest_window_seconds: policy.longest_window_seconds,
        booking_ahead_seconds: policy.booking_ahead_seconds,
        turnaround_seconds: policy.turnaround_seconds,
        unpaid_holds_per_hour: policy.unpaid_holds_per_hour,
        walk_in_seconds: policy.walk_in_seconds,
        drive_up_allowed: policy.drive_up_allowed,
        vat_basis_points: policy.vat_basis_points,
    }
}

/// Takes one limit over. False when there is none of this name.
pub fn limit(rules: &mut LotRules, field: &str, asked: &proto::LotPolicy) -> bool {
    match field {
        "shortest_window_seconds" => rules.shortest_window_seconds = asked.shortest_window_seconds,
        "longest_window_seconds" => rules.longest_window_seconds = asked.longest_window_seconds,
        "booking_ahead_seconds" => rules.booking_ahead_seconds = asked.booking_ahead_seconds,
        "turnaround_seconds" => rules.turnaround_seconds = asked.turnaround_seconds,
        "unpaid_holds_per_hour" => rules.unpaid_holds_per_hour = asked.unpaid_holds_per_hour,
        "walk_in_seconds" => rules.walk_in_seconds = asked.walk_in_seconds,
        "drive_up_allowed" => rules.drive_up_allowed = asked.drive_up_allowed,
        "vat_basis_points" => rules.vat_basis_points = asked.vat_basis_points,
        _ => return false,
    }
    true
}

/// Limits that no window keeps are a mistake.
///
/// # Errors
/// [`Error::Invalid`].
pub fn check_limits(rules: &LotRules) -> Result<(), Error> {
    if rules.admit_some_window() {
        return Ok(());
    }
    let why = "must not be more than longest_window_seconds";
    Err(Error::field("policy.shortest_window_seconds", why))
}

/// The opening hours of a request.
///
/// # Errors
/// [`Error::Invalid`] that names each span which is none.
pub fn hours(spans: &[proto::OpeningSpan]) -> Result<OpeningHours, Error> {
    let (mut hours, mut found) = (Vec::with_capacity(spans.len()), Vec::new());
    for (index, asked) in spans.iter().enumerate() {
        let day = u8::try_from(asked.weekday - 1).unwrap_or(u8::MAX);
        let span = OpeningSpan { day, open: asked.open_minute, close: asked.close_minute };
        if !span.is_possible() {
            let why = "must be after open_minute, at most 1440 minutes";
            found.push(invalid(format!("opening_hours[{index}].close_minute"), why));
        }
        hours.push(span);
    }
    none_found(found)?;
    Ok(OpeningHours(hours))
}

/// Opening hours as messages.
pub fn opening_hours(hours: &OpeningHours) -> Vec<proto::OpeningSpan> {
    let span = |span: &OpeningSpan| proto::OpeningSpan {
        weekday: Weekday::try_from(i32::from(span.day) + 1).unwrap_or_default().into(),
        open_minute: span.open,
        close_minute: span.close,
    };
    hours.0.iter().map(span).collect()
}

impl From<RuleRefusal> for Error {
    fn from(refusal: RuleRefusal) -> Self {
        match refusal {
            RuleRefusal::TooShort(least) => {
                Self::WindowInvalid(format!("must be at least {least:#} long in this lot"))
            }
            RuleRefusal::TooLong(most) => {
                Self::WindowInvalid(format!("must be at most {most:#} long in this lot"))
            }
            RuleRefusal::TooFar(most) => {
                Self::WindowInvalid(format!("must begin within the next {most:#} in this lot"))
            }
            RuleRefusal::SpotClosed(until) => Self::SpotClosed(until),
            RuleRefusal::Closed(next) => Self::WindowOutsideOpeningHours(next),
        }
    }
}
