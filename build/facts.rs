//! The facts, from `(parkmesh.common.v1.fact)`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost_reflect::{FileDescriptor, Kind, MessageDescriptor};

use super::{Mistakes, names, options};

const OPTION: &str = "parkmesh.common.v1.fact";

/// Rust text of a `Fact` impl per message with the option, and of `ALL`, sorted by type.
pub fn table(files: &[FileDescriptor], mistakes: &mut Mistakes) -> String {
    let mut facts = BTreeMap::new();
    for file in files {
        let mut open: Vec<(MessageDescriptor, bool)> =
            file.messages().map(|message| (message, true)).collect();
        while let Some((message, top)) = open.pop() {
            open.extend(message.child_messages().map(|child| (child, false)));
            let Some(fact) = read(&message, top, mistakes) else { continue };
            let fact_type = fact.fact_type.clone();
            if let Some(other) = facts.insert(fact_type.clone(), fact) {
                mistakes.push(format!(
                    "fact {fact_type} has two messages, {} and {}",
                    other.message.full_name(),
                    message.full_name()
                ));
            }
        }
    }
    let mut text = String::new();
    for fact in facts.values() {
        write_impl(&mut text, fact);
    }
    text.push_str(
        "/// Every fact of Parkmesh, sorted by type.\npub static ALL: &[FactInfo] = &[\n",
    );
    for Fact { message, fact_type, stream } in facts.values() {
        let message = message.full_name();
        let _ = writeln!(
            text,
            "    FactInfo {{ fact_type: {fact_type:?}, stream: {stream:?}, message: {message:?} }},"
        );
    }
    text.push_str("];\n");
    text
}

struct Fact {
    message: MessageDescriptor,
    fact_type: String,
    stream: String,
}

fn read(message: &MessageDescriptor, top: bool, mistakes: &mut Mistakes) -> Option<Fact> {
    let policy = options::extension(message.parent_pool(), &message.options(), OPTION)?;
    let told = message.full_name();
    let (name, stream) = (options::text(&policy, "name"), options::text(&policy, "stream"));
    let before = mistakes.len();
    let file = message.parent_file();
    if !top || !file.name().ends_with("_events.proto") {
        mistakes.push(format!(
            "message {told} has the fact option: facts stand at the top of a *_events.proto, not in {}",
            file.name()
        ));
    }
    if !is_word(&name, |letter| letter.is_ascii_lowercase()) {
        mistakes.push(format!("message {told}: the fact's name {name:?} is not lower_snake_case"));
    }
    if !is_word(&stream, |letter| letter.is_ascii_uppercase()) {
        mistakes
            .push(format!("message {told}: the fact's stream {stream:?} is not UPPER_SNAKE_CASE"));
    }
    let singular_string = |field: prost_reflect::FieldDescriptor| {
        field.kind() == Kind::String && !field.is_list() && !field.supports_presence()
    };
    if !message.get_field_by_name("lot_id").is_some_and(singular_string) {
        mistakes.push(format!("message {told} is a fact and has no field `string lot_id`"));
    }
    if mistakes.len() > before {
        return None;
    }
    let fact_type = format!("{}.{name}", message.package_name());
    Some(Fact { message: message.clone(), fact_type, stream })
}

/// Letters of one case, digits and single inner underscores, beginning with a letter.
fn is_word(word: &str, letter: fn(&char) -> bool) -> bool {
    word.chars().next().is_some_and(|first| letter(&first))
        && word.chars().all(|c| letter(&c) || c.is_ascii_digit() || c == '_')
        && !word.ends_with('_')
        && !word.contains("__")
}

fn write_impl(text: &mut String, fact: &Fact) {
    let Fact { message, fact_type, stream } = fact;
    let _ = writeln!(text, "impl Fact for {} {{", names::message(message));
    let _ = writeln!(text, "    const TYPE: &'static str = {fact_type:?};");
    let _ = writeln!(text, "    const STREAM: &'static str = {stream:?};");
    let _ = writeln!(text, "    fn lot_id(&self) -> &str {{\n        &self.lot_id\n    }}\n}}\n");
}
