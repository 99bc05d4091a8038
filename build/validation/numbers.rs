//! Rules of numbers, booleans and durations, and ranges in words.

use prost_reflect::{DynamicMessage, Value};

use super::rules::Rules;
use super::{Check, Writer};

/// A bound of a range: as Rust, as words, and whether it belongs to the range itself.
struct Bound {
    literal: String,
    words: String,
    inclusive: bool,
    order: f64,
}

/// The bounds collected so far.
#[derive(Default)]
struct Range {
    low: Option<Bound>,
    high: Option<Bound>,
}

impl Range {
    /// Takes a bound rule (`gt`, `gte`, `lt`, `lte`); says whether it was one.
    fn take(&mut self, rule: &str, (literal, words, order): (String, String, f64)) -> bool {
        let bound = |inclusive| Some(Bound { literal, words, inclusive, order });
        match rule {
            "gt" => self.low = bound(false),
            "gte" => self.low = bound(true),
            "lt" => self.high = bound(false),
            "lte" => self.high = bound(true),
            _ => return false,
        }
        true
    }

    /// The check that `what`, a reference, is inside. `RangeBounds::contains` says no to NaN, as it must.
    fn check(&self, what: &str) -> Option<Check> {
        let side = |bound: &Option<Bound>| match bound {
            Some(Bound { literal, inclusive: true, .. }) => {
                format!("rules::Bound::Included({literal})")
            }
            Some(Bound { literal, .. }) => format!("rules::Bound::Excluded({literal})"),
            None => "rules::Bound::Unbounded".to_owned(),
        };
        let description = match (&self.low, &self.high) {
            (None, None) => return None,
            (Some(low), Some(high)) if low.inclusive && high.inclusive => {
                format!("must be between {} and {}", low.words, high.words)
            }
            (Some(low), Some(high)) => format!("must be {} and {}", low.lower(), high.upper()),
            (Some(low), None) if low.inclusive && low.words == "0" => "must not be negative".into(),
            (Some(low), None) => format!("must be {}", low.lower()),
            (None, Some(high)) => format!("must be {}", high.upper()),
        };
        let (low, high) = (side(&self.low), side(&self.high));
        Some(Check { condition: format!("rules::within({what}, {low}, {high})"), description })
    }

    /// protovalidate gives a turned range the meaning "outside of", which nobody would guess.
    fn is_turned(&self) -> bool {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) => high.order < low.order,
            _ => false,
        }
    }
}

impl Bound {
    fn lower(&self) -> String {
        format!("{} {}", if self.inclusive { "at least" } else { "greater than" }, self.words)
    }

    fn upper(&self) -> String {
        format!("{} {}", if self.inclusive { "at most" } else { "less than" }, self.words)
    }
}

impl Writer<'_> {
    /// Numbers of every width.
    pub fn number(&mut self, kind: &str, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        let (mut range, mut checks) = (Range::default(), Vec::new());
        for (rule, value) in Rules::set(of_kind) {
            let covered = match (rule.as_str(), &value) {
                ("finite", Value::Bool(finite)) => {
                    if *finite {
                        checks.push(check("value.is_finite()", "must be a finite number".into()));
                    }
                    true
                }
                ("in" | "not_in", Value::List(list)) => {
                    let numbers: Option<Vec<_>> = list.iter().map(literal).collect();
                    numbers.is_some_and(|numbers| {
                        checks.push(one_of(&numbers, rule == "in"));
                        true
                    })
                }
                ("const", value) => literal(value).is_some_and(|(number, words, _)| {
                    checks.push(check(&format!("*value == {number}"), format!("must be {words}")));
                    true
                }),
                (rule, value) => literal(value).is_some_and(|number| range.take(rule, number)),
            };
            if !covered {
                self.not_covered(told, &format!("{kind}.{rule}"));
            }
        }
        self.with_range(range, "value", kind, told, checks)
    }

    /// Only a constant can be asked of a bool.
    pub fn boolean(&mut self, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        let mut checks = Vec::new();
        for (rule, value) in Rules::set(of_kind) {
            match (rule.as_str(), value) {
                ("const", Value::Bool(true)) => checks.push(check("*value", "must be true".into())),
                ("const", Value::Bool(false)) => {
                    checks.push(check("!*value", "must be false".into()));
                }
                _ => self.not_covered(told, &format!("bool.{rule}")),
            }
        }
        checks
    }

    /// Bounds of a duration, compared in nanoseconds.
    pub fn duration(&mut self, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        let mut range = Range::default();
        for (rule, value) in Rules::set(of_kind) {
            let nanos = value.as_message().map(duration_nanos);
            #[expect(clippy::cast_precision_loss, reason = "only to see which bound is greater")]
            let bound =
                nanos.map(|nanos| (format!("{nanos}_i128"), duration_words(nanos), nanos as f64));
            if !bound.is_some_and(|bound| range.take(&rule, bound)) {
                self.not_covered(told, &format!("duration.{rule}"));
            }
        }
        self.with_range(range, "&rules::nanos(value)", "duration", told, Vec::new())
    }

    fn with_range(
        &mut self,
        range: Range,
        what: &str,
        kind: &str,
        told: &str,
        mut checks: Vec<Check>,
    ) -> Vec<Check> {
        if range.is_turned() {
            self.not_covered(told, &format!("{kind} with its greatest below its least"));
        }
        checks.extend(range.check(what));
        checks
    }
}

pub fn check(condition: &str, description: String) -> Check {
    Check { condition: condition.to_owned(), description }
}

fn one_of(numbers: &[(String, String, f64)], wanted: bool) -> Check {
    let literals: Vec<&str> = numbers.iter().map(|(literal, ..)| literal.as_str()).collect();
    let words: Vec<&str> = numbers.iter().map(|(_, words, _)| words.as_str()).collect();
    let (not, must) = if wanted { ("", "must be one of") } else { ("!", "must not be one of") };
    let condition = format!("{not}[{}].contains(value)", literals.join(", "));
    Check { condition, description: format!("{must} {}", words.join(", ")) }
}

/// A finite number as Rust, as words and roughly.
#[expect(clippy::cast_precision_loss, reason = "only to see which bound is greater")]
fn literal(value: &Value) -> Option<(String, String, f64)> {
    Some(match value {
        Value::I32(number) => (format!("{number}_i32"), number.to_string(), f64::from(*number)),
        Value::I64(number) => (format!("{number}_i64"), number.to_string(), *number as f64),
        Value::U32(number) => (format!("{number}_u32"), number.to_string(), f64::from(*number)),
        Value::U64(number) => (format!("{number}_u64"), number.to_string(), *number as f64),
        Value::F32(number) if number.is_finite() => {
            (format!("{number:?}_f32"), number.to_string(), f64::from(*number))
        }
        Value::F64(number) if number.is_finite() => {
            (format!("{number:?}_f64"), number.to_string(), *number)
        }
        _ => return None,
    })
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

fn duration_nanos(duration: &DynamicMessage) -> i128 {
    let part = |name: &str| {
        let value = duration.get_field_by_name(name);
        value.and_then(|value| value.as_i64().or(value.as_i32().map(i64::from))).unwrap_or(0)
    };
    i128::from(part("seconds")) * NANOS_PER_SECOND + i128::from(part("nanos"))
}

/// In the largest unit that leaves a whole number.
fn duration_words(nanos: i128) -> String {
    const UNITS: [(i128, &str); 5] = [
        (86_400 * NANOS_PER_SECOND, "days"),
        (3_600 * NANOS_PER_SECOND, "hours"),
        (60 * NANOS_PER_SECOND, "minutes"),
        (NANOS_PER_SECOND, "seconds"),
        (1_000_000, "milliseconds"),
    ];
    if nanos == 0 {
        return "0".to_owned();
    }
    for (size, name) in UNITS {
        if nanos % size == 0 {
            let name = if nanos == size { name.trim_end_matches('s') } else { name };
            return format!("{} {name}", nanos / size);
        }
    }
    format!("{nanos} nanoseconds")
}
