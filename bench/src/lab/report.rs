//! The tables, in Markdown.

use std::fmt::Write;

use crate::Failure;
use crate::lab::load::Load;
use crate::lab::result::{OfStrategy, Result as Figures};

/// Share of the processors that others may have before the page says so.
const OTHERS_MAX: f64 = 0.15;

/// Both tables.
pub fn tables(strategies: &[OfStrategy]) -> String {
    let mut text = String::new();
    let part = |text: &mut String, title: &str, steady: (Load, &str), crowd: Load| {
        let of_pool = |of: &&OfStrategy| of.under(Load::LastPlaces).is_some();
        let wanted = crowd == Load::LastPlaces;
        let rows: Vec<_> = strategies.iter().filter(|of| of_pool(of) == wanted).collect();
        if rows.is_empty() {
            return;
        }
        let _written = write!(
            text,
            "### {title}\n\n| strategy | double or oversold | refused while free | deadlocks | \
             reserved/s, spread | p50 / p99 won, ms | CPU µs | {} | crowd: attempts/s | won p50 / p99, ms | \
             lost p50 / p99, ms | out of order |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            steady.1
        );
        for of in rows {
            line(text, of, steady.0, crowd);
        }
        text.push('\n');
    };
    let one_spot = (Load::OneSpot, "reserved/s, one spot");
    part(&mut text, "A given spot", one_spot, Load::Herd);
    let last = (Load::LastPlaces, "reserved/s, last places");
    part(&mut text, "Any spot of a pool, and tickets", last, Load::LastPlaces);
    text.push_str(&disturbance(strategies));
    text
}

/// A word of warning where other programs had the processors too, or nothing.
fn disturbance(strategies: &[OfStrategy]) -> String {
    let shares = strategies.iter().flat_map(|of| &of.results).filter_map(|result| result.others);
    let most = shares.fold(0.0, f64::max);
    match most > OTHERS_MAX {
        true => format!(
            "Other programs had up to {:.0} % of the processors during these runs: compare the CPU \
             columns, not the rates.\n\n",
            most * 100.0
        ),
        false => String::new(),
    }
}

/// Puts the tables into a page, between its comments `<!-- name -->` and `<!-- end of name -->`.
pub fn put(page: &str, name: &str, tables: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or_else(|| format!("the page has no place for {name}"))?;
    Ok(format!("{before}{begin}\n{tables}{end}{after}"))
}

fn line(text: &mut String, of: &OfStrategy, second: Load, crowd: Load) {
    let all = |count: &dyn Fn(&Figures) -> u64| of.results.iter().map(count).sum::<u64>();
    let wrong = all(&|result| result.double_bookings.max(result.oversold));
    let refused = all(&|result| result.false_refusals);
    let losers = all(&|result| (result.attempts - result.reserved - result.errors) as u64);
    let share = if losers == 0 { 0.0 } else { refused as f64 * 100.0 / losers as f64 };
    let deadlocks = all(&|result| u64::try_from(result.deadlocks).unwrap_or(0));
    let (spread, crowd) = (of.under(Load::Spread), of.under(crowd));
    let cells = [
        format!("`{}`", of.name),
        if wrong > 0 { format!("**{wrong}**") } else { "0".to_owned() },
        if refused > 0 { format!("{refused} ({share:.1} %)") } else { "0".to_owned() },
        deadlocks.to_string(),
        told(spread, |result| Some(number(result.reserved_a_second))),
        told(spread, |result| result.winners_ms.map(pair)),
        told(spread, |result| Some(format!("{:.0}", result.cpu_us))),
        told(of.under(second), |result| Some(number(result.reserved_a_second))),
        told(crowd, |result| Some(number(result.attempts_a_second))),
        told(crowd, |result| result.winners_ms.map(pair)),
        told(crowd, |result| result.losers_ms.map(pair)),
        told(crowd, |result| result.departure.map(|share| format!("{share:.2}"))),
    ];
    let _written = writeln!(text, "| {} |", cells.join(" | "));
}

fn told(result: Option<&Figures>, tell: impl Fn(&Figures) -> Option<String>) -> String {
    result.and_then(tell).unwrap_or_else(|| "–".to_owned())
}

fn pair((middle, end): (f64, f64)) -> String {
    format!("{} / {}", short(middle), short(end))
}

fn short(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// With a comma between the thousands.
pub fn number(value: f64) -> String {
    let value = value.round() as u64;
    match value / 1_000 {
        0 => value.to_string(),
        thousands => format!("{thousands},{:03}", value % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_the_place_of_the_old_ones() {
        let page = "a\n<!-- lab -->\nold\n<!-- end of lab -->\nb\n";
        let put = put(page, "lab", "new\n").unwrap_or_default();
        assert_eq!(put, "a\n<!-- lab -->\n\nnew\n<!-- end of lab -->\nb\n");
        assert!(super::put("a", "lab", "new").is_err());
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(999.4), "999");
        assert_eq!(number(12_034.0), "12,034");
        assert_eq!(pair((0.25, 1_234.5)), "0.2 / 1234");
    }
}
