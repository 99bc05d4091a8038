//! Fields: the checks of their values, inside presence, lists, maps and oneofs.
//!
//! The text speaks of `self`, `at` (the path of the message) and `found`; inside an element `value` is a reference to it and
//! `here` its path.

use std::fmt::Write as _;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, Value};

use super::rules::{self, Rules, is_given, name_of_kind};
use super::texts::Count;
use super::{Check, Writer};
use crate::generate::names;

/// What to say of a field that is not there.
const NOT_GIVEN: &str = "must be given";

/// Statements for one element, and what its rules say about its absence.
struct Element {
    required: bool,
    code: String,
}

impl Writer<'_> {
    /// Statements that check a field outside oneofs; empty when there is nothing to check.
    pub fn field(&mut self, field: &FieldDescriptor) -> String {
        if field.is_map() {
            self.map(field)
        } else if field.is_list() {
            self.list(field)
        } else if field.supports_presence() {
            self.present_or_not(field)
        } else {
            self.plain(field)
        }
    }

    /// A value that is always there; zero is how absence looks.
    fn plain(&mut self, field: &FieldDescriptor) -> String {
        let told = field.full_name();
        let element = self.element(&field.kind(), rules::of_field(field).as_ref(), told);
        let code = match (element.required, element.code.is_empty()) {
            (false, _) => element.code,
            (true, true) => {
                format!("found.add_unless({}, here, {NOT_GIVEN:?});\n", is_given(&field.kind()))
            }
            (true, false) => format!(
                "if {} {{\n{}}} else {{\n{}}}\n",
                is_given(&field.kind()),
                element.code,
                add(NOT_GIVEN)
            ),
        };
        if code.is_empty() {
            return code;
        }
        format!("let value = &self.{};\n{}{code}", names::field(field.name()), here(field))
    }

    /// `optional`, and every message: rules hold when it is set.
    fn present_or_not(&mut self, field: &FieldDescriptor) -> String {
        let told = field.full_name();
        let Element { required, code } =
            self.element(&field.kind(), rules::of_field(field).as_ref(), told);
        let (name, here) = (names::field(field.name()), here(field));
        match (required, code.is_empty()) {
            (false, true) => String::new(),
            (true, true) => {
                format!("{here}found.add_unless(self.{name}.is_some(), here, {NOT_GIVEN:?});\n")
            }
            (false, false) => format!("if let Some(value) = &self.{name} {{\n{here}{code}}}\n"),
            (true, false) => format!(
                "{here}if let Some(value) = &self.{name} {{\n{code}}} else {{\n{}}}\n",
                add(NOT_GIVEN)
            ),
        }
    }

    fn list(&mut self, field: &FieldDescriptor) -> String {
        let told = field.full_name();
        let rules = Rules::read(rules::of_field(field).as_ref(), "repeated", told, self);
        if rules.ignored {
            return String::new();
        }
        let mut count = Count { min: rules.required.then_some(1), max: None };
        let (mut items, mut unique) = (None, false);
        for (rule, value) in rules.of_kind.iter().flat_map(Rules::set) {
            match (rule.as_str(), value) {
                ("min_items", Value::U64(min)) => count.min = Some(min.max(count.min.unwrap_or(0))),
                ("max_items", Value::U64(max)) => count.max = Some(max),
                ("unique", Value::Bool(wanted)) if is_ordered(&field.kind()) => unique = wanted,
                ("items", Value::Message(rules)) => items = Some(rules),
                _ => self.not_covered(told, &format!("repeated.{rule}")),
            }
        }
        let mut checks: Vec<Check> = count.check("value.len()", "item").into_iter().collect();
        if unique {
            let condition = "rules::is_unique(value)".to_owned();
            checks.push(Check { condition, description: "must not repeat an item".into() });
        }
        let item = self.inner_element(&field.kind(), items.as_ref(), told);
        let mut code = unless_zero(rules.zero_is_right, "!value.is_empty()", &statements(&checks));
        if !item.is_empty() {
            let _ = writeln!(code, "for (index, value) in value.iter().enumerate() {{");
            let _ = writeln!(code, "let here = &here.index(index);\n{item}}}");
        }
        self.container(field, &code)
    }

    fn map(&mut self, field: &FieldDescriptor) -> String {
        let told = field.full_name();
        let rules = Rules::read(rules::of_field(field).as_ref(), "map", told, self);
        if rules.ignored {
            return String::new();
        }
        let mut count = Count { min: rules.required.then_some(1), max: None };
        let (mut of_keys, mut of_values) = (None, None);
        for (rule, value) in rules.of_kind.iter().flat_map(Rules::set) {
            match (rule.as_str(), value) {
                ("min_pairs", Value::U64(min)) => count.min = Some(min.max(count.min.unwrap_or(0))),
                ("max_pairs", Value::U64(max)) => count.max = Some(max),
                ("keys", Value::Message(rules)) => of_keys = Some(rules),
                ("values", Value::Message(rules)) => of_values = Some(rules),
                _ => self.not_covered(told, &format!("map.{rule}")),
            }
        }
        let checks: Vec<Check> = count.check("value.len()", "pair").into_iter().collect();
        let mut code = unless_zero(rules.zero_is_right, "!value.is_empty()", &statements(&checks));
        let kind = field.kind();
        let Some(entry) = kind.as_message() else { return String::new() };
        let key = self.inner_element(&entry.map_entry_key_field().kind(), of_keys.as_ref(), told);
        let value =
            self.inner_element(&entry.map_entry_value_field().kind(), of_values.as_ref(), told);
        if !key.is_empty() {
            let _ = writeln!(code, "for value in value.keys() {{");
            let _ = writeln!(code, "let here = &here.key(value);\n{key}}}");
        }
        if !value.is_empty() {
            let _ = writeln!(code, "for (key, value) in value {{");
            let _ = writeln!(code, "let here = &here.key(key);\n{value}}}");
        }
        self.container(field, &code)
    }

    fn container(&self, field: &FieldDescriptor, code: &str) -> String {
        if code.is_empty() {
            return String::new();
        }
        format!("let value = &self.{};\n{}{code}", names::field(field.name()), here(field))
    }

    /// Statements for a oneof: its own presence, and the member that is set.
    pub fn oneof(&mut self, oneof: &OneofDescriptor) -> String {
        let mut required = false;
        for (rule, value) in rules::of_oneof(oneof).iter().flat_map(Rules::set) {
            match (rule.as_str(), value) {
                ("required", Value::Bool(wanted)) => required = wanted,
                _ => self.not_covered(oneof.full_name(), &format!("oneof.{rule}")),
            }
        }
        let (mut arms, mut any, mut members) = (String::new(), required, Vec::new());
        for member in oneof.fields() {
            let told = member.full_name();
            let element = self.element(&member.kind(), rules::of_field(&member).as_ref(), told);
            if element.required {
                self.not_covered(told, "required (on a member of a oneof)");
            }
            any |= !element.code.is_empty();
            members.push(member.name().to_owned());
            let value = if element.code.is_empty() { "_" } else { "value" };
            let here = if element.code.is_empty() { String::new() } else { here(&member) };
            let variant = names::variant(oneof, &member);
            let _ = writeln!(arms, "Some({variant}({value})) => {{\n{here}{}}}", element.code);
        }
        if !any {
            return String::new();
        }
        let missing = if required {
            let told = format!("{NOT_GIVEN}: one of {}", members.join(", "));
            format!("let here = &at.field({:?});\n{}", oneof.name(), add(&told))
        } else {
            String::new()
        };
        format!(
            "match &self.{} {{\n{arms}None => {{\n{missing}}}\n}}\n",
            names::field(oneof.name())
        )
    }

    /// An item, key or value, where absence cannot be told.
    fn inner_element(&mut self, kind: &Kind, rules: Option<&DynamicMessage>, told: &str) -> String {
        let element = self.element(kind, rules, told);
        if element.required {
            self.not_covered(told, "required (on items, keys or values)");
        }
        element.code
    }

    /// Statements that check one `value` at `here`, and what is inside it.
    fn element(&mut self, kind: &Kind, rules: Option<&DynamicMessage>, told: &str) -> Element {
        let rules = Rules::read(rules, name_of_kind(kind), told, self);
        if rules.ignored {
            return Element { required: false, code: String::new() };
        }
        let checks = match &rules.of_kind {
            Some(of_kind) => self.checks(kind, of_kind, told),
            None => Vec::new(),
        };
        let mut code = statements(&checks);
        if let Kind::Message(message) = kind {
            if rules.zero_is_right {
                self.not_covered(told, "ignore = IGNORE_IF_ZERO_VALUE (on a message)");
            }
            if self.ruled.contains(message.full_name()) {
                code.push_str("value.check(here, found);\n");
            }
        }
        let code = unless_zero(rules.zero_is_right, is_given(kind), &code);
        Element { required: rules.required, code }
    }
}

fn here(field: &FieldDescriptor) -> String {
    format!("let here = &at.field({:?});\n", field.name())
}

fn add(description: &str) -> String {
    format!("found.add(here, {description:?});\n")
}

fn statements(checks: &[Check]) -> String {
    let statement = |Check { condition, description }: &Check| {
        format!("found.add_unless({condition}, here, {description:?});\n")
    };
    checks.iter().map(statement).collect()
}

fn unless_zero(zero_is_right: bool, is_given: &str, code: &str) -> String {
    if !zero_is_right || code.is_empty() {
        return code.to_owned();
    }
    format!("if {is_given} {{\n{code}}}\n")
}

/// Kinds whose values can be sorted to find a repetition.
fn is_ordered(kind: &Kind) -> bool {
    !matches!(kind, Kind::Message(_) | Kind::Double | Kind::Float)
}
