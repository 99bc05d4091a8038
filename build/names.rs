//! What prost-build calls a thing in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{FieldDescriptor, MessageDescriptor, OneofDescriptor};

/// The module of a package under `generated`, which every includer of the generated code has at its root.
fn package(name: &str) -> String {
    let mut path = String::from("crate::generated");
    for part in name.split('.') {
        path.push_str("::");
        path.push_str(&keyword_safe(&part.to_snake_case()));
    }
    path
}

/// The module that holds what is nested in a message.
fn inside(message: &MessageDescriptor) -> String {
    format!("{}::{}", around(message), keyword_safe(&message.name().to_snake_case()))
}

fn around(message: &MessageDescriptor) -> String {
    match message.parent_message() {
        Some(parent) => inside(&parent),
        None => package(message.package_name()),
    }
}

/// Path of a message's struct.
pub fn message(message: &MessageDescriptor) -> String {
    format!("{}::{}", around(message), type_name(message.name()))
}

/// Name of a message's field or oneof.
pub fn field(name: &str) -> String {
    keyword_safe(&name.to_snake_case())
}

/// Path of the variant that holds a member of a oneof.
pub fn variant(oneof: &OneofDescriptor, member: &FieldDescriptor) -> String {
    let oneof_type = type_name(oneof.name());
    format!("{}::{oneof_type}::{}", inside(oneof.parent_message()), type_name(member.name()))
}

fn type_name(name: &str) -> String {
    keyword_safe(&name.to_upper_camel_case())
}

fn keyword_safe(name: &str) -> String {
    match name {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        "self" | "Self" | "super" | "crate" | "extern" => format!("{name}_"),
        _ => name.to_owned(),
    }
}
