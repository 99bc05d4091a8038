//! Times as people at the lot read them off a clock.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parkmesh_contracts::window::Window;

/// `Fri 20 Nov`.
const DAY: &str = "%a %-d %b";
/// `14:05`.
const TIME: &str = "%H:%M";

/// The zone of this name; UTC for one that is unknown, which the texts then say.
fn zone(name: &str) -> (TimeZone, &'static str) {
    match TimeZone::get(name) {
        Ok(zone) => (zone, ""),
        Err(_) => (TimeZone::UTC, " UTC"),
    }
}

/// `Fri 20 Nov, 14:05`.
pub fn moment(at: Timestamp, zone_name: &str) -> String {
    let (zone, suffix) = zone(zone_name);
    let local = at.to_zoned(zone);
    format!("{}, {}{suffix}", local.strftime(DAY), local.strftime(TIME))
}

/// `Fri 20 Nov, 14:00 to 16:00`, or with both days when they differ.
pub fn span(window: &Window, zone_name: &str) -> String {
    let (zone, suffix) = zone(zone_name);
    let (start, end) = (window.start().to_zoned(zone.clone()), window.end().to_zoned(zone));
    let from = format!("{}, {}", start.strftime(DAY), start.strftime(TIME));
    if start.date() == end.date() {
        format!("{from} to {}{suffix}", end.strftime(TIME))
    } else {
        format!("{from} to {}, {}{suffix}", end.strftime(DAY), end.strftime(TIME))
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
        let time = at("2026-11-20T13:05:59Z");
        assert_eq!(moment(time, "Europe/Berlin"), "Fri 20 Nov, 14:05");
        assert_eq!(moment(time, "Asia/Tokyo"), "Fri 20 Nov, 22:05");
        assert_eq!(moment(time, "Nowhere/None"), "Fri 20 Nov, 13:05 UTC");
    }

    #[test]
    fn a_span_names_the_second_day_only_when_it_is_another() {
        let span_of = |start: &str, end: &str| {
            span(&Window::try_new(at(start), at(end)).unwrap(), "Europe/Berlin")
        };
        assert_eq!(
            span_of("2026-11-20T13:00:00Z", "2026-11-20T15:00:00Z"),
            "Fri 20 Nov, 14:00 to 16:00"
        );
        assert_eq!(
            span_of("2026-11-20T22:30:00Z", "2026-11-20T23:30:00Z"),
            "Fri 20 Nov, 23:30 to Sat 21 Nov, 00:30"
        );
        // The night in which clocks go back: two hours pass between 02:00 and 03:00.
        assert_eq!(
            span_of("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
            "Sun 25 Oct, 02:00 to 03:00"
        );
    }
}
