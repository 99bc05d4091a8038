//! Rules of strings and bytes, and counts in words.

use prost_reflect::{DynamicMessage, Value};

use super::numbers::check;
use super::rules::Rules;
use super::{Check, Writer};

/// Least and most of something that is counted.
#[derive(Default)]
pub struct Count {
    pub min: Option<u64>,
    pub max: Option<u64>,
}

impl Count {
    /// The check that `counted` (Rust, a usize) is within; `unit` is the singular.
    pub fn check(&self, counted: &str, unit: &str) -> Option<Check> {
        let many = |count: u64| if count == 1 { unit.to_owned() } else { format!("{unit}s") };
        Some(match (self.min, self.max) {
            (None, None) => return None,
            (Some(min), Some(max)) if min == max => {
                check(&format!("{counted} == {min}"), format!("must have {min} {}", many(min)))
            }
            (Some(min), Some(max)) => check(
                &format!("({min}..={max}).contains(&{counted})"),
                format!("must have {min} to {max} {}", many(max)),
            ),
            (Some(1), None) => check("!value.is_empty()", "must not be empty".into()),
            (Some(min), None) => check(
                &format!("{counted} >= {min}"),
                format!("must have at least {min} {}", many(min)),
            ),
            (None, Some(max)) => check(
                &format!("{counted} <= {max}"),
                format!("must have at most {max} {}", many(max)),
            ),
        })
    }
}

impl Writer<'_> {
    /// Lengths count characters (Unicode scalar values), `_bytes` count bytes.
    pub fn string(&mut self, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        let (mut chars, mut bytes) = (Count::default(), Count::default());
        let mut checks = Vec::new();
        for (rule, value) in Rules::set(of_kind) {
            match (rule.as_str(), &value) {
                ("min_len", Value::U64(count)) => chars.min = Some(*count),
                ("max_len", Value::U64(count)) => chars.max = Some(*count),
                ("len", Value::U64(count)) => (chars.min, chars.max) = (Some(*count), Some(*count)),
                ("min_bytes", Value::U64(count)) => bytes.min = Some(*count),
                ("max_bytes", Value::U64(count)) => bytes.max = Some(*count),
                ("len_bytes", Value::U64(count)) => {
                    (bytes.min, bytes.max) = (Some(*count), Some(*count));
                }
                ("uuid" | "email", Value::Bool(false)) => {}
                ("uuid", _) => checks.push(check("rules::is_uuid(value)", "must be a UUID".into())),
                ("email", _) => {
                    checks
                        .push(check("rules::is_email(value)", "must be an e-mail address".into()));
                }
                ("const", Value::String(text)) => {
                    checks.push(check(&format!("value == {text:?}"), format!("must be {text:?}")));
                }
                ("prefix", Value::String(text)) => checks.push(check(
                    &format!("value.starts_with({text:?})"),
                    format!("must begin with {text:?}"),
                )),
                ("suffix", Value::String(text)) => checks.push(check(
                    &format!("value.ends_with({text:?})"),
                    format!("must end with {text:?}"),
                )),
                ("contains", Value::String(text)) => checks.push(check(
                    &format!("value.contains({text:?})"),
                    format!("must contain {text:?}"),
                )),
                ("not_contains", Value::String(text)) => checks.push(check(
                    &format!("!value.contains({text:?})"),
                    format!("must not contain {text:?}"),
                )),
                ("in" | "not_in", Value::List(list)) => checks.push(one_of(list, rule == "in")),
                _ => self.not_covered(told, &format!("string.{rule}")),
            }
        }
        checks.extend(chars.check("rules::chars(value)", "character"));
        checks.extend(bytes.check("value.len()", "byte"));
        checks
    }

    /// Only lengths.
    pub fn bytes(&mut self, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        let mut bytes = Count::default();
        for (rule, value) in Rules::set(of_kind) {
            match (rule.as_str(), &value) {
                ("min_len", Value::U64(count)) => bytes.min = Some(*count),
                ("max_len", Value::U64(count)) => bytes.max = Some(*count),
                ("len", Value::U64(count)) => (bytes.min, bytes.max) = (Some(*count), Some(*count)),
                _ => self.not_covered(told, &format!("bytes.{rule}")),
            }
        }
        bytes.check("value.len()", "byte").into_iter().collect()
    }
}

fn one_of(list: &[Value], wanted: bool) -> Check {
    let texts: Vec<String> =
        list.iter().filter_map(Value::as_str).map(|text| format!("{text:?}")).collect();
    let texts = texts.join(", ");
    let (not, must) = if wanted { ("", "must be one of") } else { ("!", "must not be one of") };
    check(&format!("{not}[{texts}].contains(&value.as_str())"), format!("{must} {texts}"))
}
