//! Validation, from `(buf.validate.*)`: one `Validate` impl per message.
//!
//! Rules mean what they mean to protovalidate. A rule that is not covered here is a mistake that names field and rule, so that a
//! proto never promises a check that nobody does. Parts: `rules` takes one element's rules apart, `numbers`, `texts` and
//! `enums` turn those of a kind into conditions, `fields` puts them around presence, lists, maps and oneofs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prost_reflect::{FileDescriptor, Kind, MessageDescriptor};

use super::{Mistakes, names, options};

mod enums;
mod fields;
mod numbers;
mod rules;
mod texts;

/// A condition on `value`, a reference to what is checked, and what to say when it is false.
struct Check {
    condition: String,
    description: String,
}

/// What the generator knows while it writes.
struct Writer<'a> {
    /// Messages with rules in them or somewhere below: only into these is it worth to descend.
    ruled: BTreeSet<String>,
    mistakes: &'a mut Mistakes,
}

/// Rust text of a `Validate` impl for every message of the files.
pub fn impls(files: &[FileDescriptor], mistakes: &mut Mistakes) -> String {
    let messages = all_messages(files);
    let mut writer = Writer { ruled: ruled(&messages), mistakes };
    let mut text = String::from("use super::{Path, Validate, Violations, rules};\n");
    for message in &messages {
        let body = writer.message(message);
        let at = if body.is_empty() { ["_", "_"] } else { ["at", "found"] };
        let _ = writeln!(text, "\nimpl Validate for {} {{", names::message(message));
        let [at, found] = at;
        let _ = writeln!(text, "fn check(&self, {at}: &Path<'_>, {found}: &mut Violations) {{");
        text.push_str(&body);
        text.push_str("}\n}\n");
    }
    text
}

fn all_messages(files: &[FileDescriptor]) -> Vec<MessageDescriptor> {
    let mut open: Vec<MessageDescriptor> =
        files.iter().flat_map(|file| file.messages().collect::<Vec<_>>()).collect();
    let mut messages = Vec::new();
    while let Some(message) = open.pop() {
        open.extend(message.child_messages().filter(|child| !child.is_map_entry()));
        messages.push(message);
    }
    messages.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    messages
}

/// Names of the messages that have a rule, or hold a message that has.
fn ruled(messages: &[MessageDescriptor]) -> BTreeSet<String> {
    let mut ruled: BTreeSet<String> = messages
        .iter()
        .filter(|message| {
            message.fields().any(|field| rules::of_field(&field).is_some())
                || message.oneofs().any(|oneof| rules::of_oneof(&oneof).is_some())
        })
        .map(|message| message.full_name().to_owned())
        .collect();
    loop {
        let before = ruled.len();
        for message in messages {
            if message.fields().any(|field| held(&field.kind()).any(|name| ruled.contains(&name))) {
                ruled.insert(message.full_name().to_owned());
            }
        }
        if ruled.len() == before {
            return ruled;
        }
    }
}

/// Full name of the message that a field of this kind holds, the value's for a map.
fn held(kind: &Kind) -> impl Iterator<Item = String> {
    let message = match kind.as_message() {
        Some(entry) if entry.is_map_entry() => {
            entry.map_entry_value_field().kind().as_message().cloned()
        }
        other => other.cloned(),
    };
    message.into_iter().map(|message| message.full_name().to_owned())
}

impl Writer<'_> {
    /// Statements that check `self` at `at` into `found`; empty when there is nothing to check.
    fn message(&mut self, message: &MessageDescriptor) -> String {
        let pool = message.parent_pool();
        if let Some(rules) = options::extension(pool, &message.options(), "buf.validate.message") {
            for (rule, _) in rules.fields() {
                let (told, rule) = (message.full_name(), rule.name());
                self.mistakes
                    .push(format!("message {told}: the rule message.{rule} is not covered"));
            }
        }
        let mut text = String::new();
        for field in message.fields() {
            if field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()) {
                text.push_str(&self.field(&field));
            }
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            text.push_str(&self.oneof(&oneof));
        }
        text
    }

    fn not_covered(&mut self, told: &str, rule: &str) {
        self.mistakes.push(format!(
            "field {told}: the rule {rule} is not covered by build/validation; teach it there, or say it otherwise"
        ));
    }
}
