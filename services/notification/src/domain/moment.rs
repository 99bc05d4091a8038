//! Times as people at the lot read them off a clock, in their language.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use parkmesh_contracts::window::Window;

use super::Language;

const GERMAN_DAYS: [&str; 7] = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];
const GERMAN_MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"];

/// The zone of this name; UTC for one that is unknown, which the texts then say.
fn zone(name: &str) -> (TimeZone, &'static str) {
    match TimeZone::get(name) {
        Ok(zone) => (zone, ""),
        Err(_) => (TimeZone::UTC, " UTC"),
    }
}

/// `Fri 20 Nov`, `Fr 20. Nov`.
fn day(local: &Zoned, language: Language) -> String {
    match language {
        Language::English => local.strftime("%a %-d %b").to_string(),
        Language::German => {
            let weekday = usize::try_from(local.weekday().to_monday_zero_offset());
            let month = usize::try_from(local.month() - 1);
            let of = |names: &[&'static str], at: Result<usize, _>| {
                at.ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
            };
            let (weekday, month) = (of(&GERMAN_DAYS, weekday), of(&GERMAN_MONTHS, month));
            format!("{weekday} {}. {month}", local.day())
        }
    }
}

/// `14:05`.
fn time(local: &Zoned) -> String {
    local.strftime("%H:%M").to_string()
}

/// `Fri 20 Nov, 14:05`.
pub fn moment(at: Timestamp, zone_name: &str, language: Language) -> String {
    let (zone, suffix) = zone(zone_name);
    let local = at.to_zoned(zone);
    format!("{}, {}{suffix}", day(&local, language), time(&local))
}

/// `Fri 20 Nov, 14:00 to 16:00`, or with both days when they differ.
pub fn span(window: &Window, zone_name: &str, language: Language) -> String {
    let (zone, suffix) = zone(zone_name);
    let (start, end) = (window.start().to_zoned(zone.clone()), window.end().to_zoned(zone));
    let from = format!("{}, {}", day(&start, language), time(&start));
    let to = match language {
        Language::English => "to",
        Language::German => "bis",
    };
    if start.date() == end.date() {
        format!("{from} {to} {}{suffix}", time(&end))
    } else {
        format!("{from} {to} {}, {}{suffix}", day(&end, language), time(&end))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_told_in_the_lots_local_time() {
        let told = |zone| moment(at("2026-11-20T13:05:59Z"), zone, Language::English);
        assert_eq!(told("Europe/Berlin"), "Fri 20 Nov, 14:05");
        assert_eq!(told("Asia/Tokyo"), "Fri 20 Nov, 22:05");
        assert_eq!(told("Nowhere/None"), "Fri 20 Nov, 13:05 UTC");
    }

    #[test]
    fn every_day_and_month_has_a_name_in_german() {
        let told = |time| moment(at(time), "Europe/Berlin", Language::German);
        assert_eq!(told("2026-11-20T13:05:59Z"), "Fr 20. Nov, 14:05");
        assert_eq!(told("2026-03-01T22:59:00Z"), "So 1. Mär, 23:59");
        assert_eq!(told("2026-12-28T00:00:00Z"), "Mo 28. Dez, 01:00");
        assert_eq!(told("2026-01-03T00:00:00Z"), "Sa 3. Jan, 01:00");
    }

    #[test]
    fn a_span_names_the_second_day_only_when_it_is_another() {
        let span_of = |start: &str, end: &str, language| {
            span(&Window::try_new(at(start), at(end)).unwrap(), "Europe/Berlin", language)
        };
        let english = |start, end| span_of(start, end, Language::English);
        assert_eq!(
            english("2026-11-20T13:00:00Z", "2026-11-20T15:00:00Z"),
            "Fri 20 Nov, 14:00 to 16:00"
        );
        assert_eq!(
            english("2026-11-20T22:30:00Z", "2026-11-20T23:30:00Z"),
            "Fri 20 Nov, 23:30 to Sat 21 Nov, 00:30"
        );
        // The night in which clocks go back: two hours pass between 02:00 and 03:00.
        assert_eq!(
            english("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
            "Sun 25 Oct, 02:00 to 03:00"
        );
        assert_eq!(
            span_of("2026-11-20T22:30:00Z", "2026-11-20T23:30:00Z", Language::German),
            "Fr 20. Nov, 23:30 bis Sa 21. Nov, 00:30"
        );
    }
}
