//! Rules of enums. The value is the number as it came, known or not.

use prost_reflect::{DynamicMessage, EnumDescriptor, Value};

use super::rules::Rules;
use super::{Check, Writer};

impl Writer<'_> {
    pub fn enumeration(
        &mut self,
        values: &EnumDescriptor,
        of_kind: &DynamicMessage,
        told: &str,
    ) -> Vec<Check> {
        let mut checks = Vec::new();
        for (rule, value) in Rules::set(of_kind) {
            match (rule.as_str(), &value) {
                ("defined_only", Value::Bool(false)) => {}
                ("defined_only", Value::Bool(true)) => {
                    let numbers: Vec<i32> = values.values().map(|value| value.number()).collect();
                    checks.push(matching(&numbers, true, "must be a known value".into()));
                }
                ("const", Value::I32(number)) => {
                    let description = format!("must be {}", name(values, *number));
                    checks.push(matching(&[*number], true, description));
                }
                ("in" | "not_in", Value::List(list)) => {
                    let numbers: Vec<i32> = list.iter().filter_map(Value::as_i32).collect();
                    let names: Vec<String> = numbers.iter().map(|n| name(values, *n)).collect();
                    let names = names.join(", ");
                    let description = match (rule.as_str(), numbers.as_slice()) {
                        ("not_in", [0]) => "must be given".to_owned(),
                        ("not_in", _) => format!("must not be one of {names}"),
                        _ => format!("must be one of {names}"),
                    };
                    checks.push(matching(&numbers, rule == "in", description));
                }
                _ => self.not_covered(told, &format!("enum.{rule}")),
            }
        }
        checks
    }
}

fn matching(numbers: &[i32], wanted: bool, description: String) -> Check {
    let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
    let not = if wanted { "" } else { "!" };
    Check { condition: format!("{not}[{}].contains(value)", numbers.join(", ")), description }
}

fn name(values: &EnumDescriptor, number: i32) -> String {
    values.get_value(number).map_or_else(|| number.to_string(), |value| value.name().to_owned())
}
