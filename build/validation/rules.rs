//! The rules of one element: a field, an item of a list, a key or a value of a map.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, Value};

use super::{Check, Writer};
use crate::generate::options;

/// The `(buf.validate.field)` of a field.
pub fn of_field(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let pool = field.parent_message().parent_pool();
    options::extension(pool, &field.options(), "buf.validate.field")
}

/// The `(buf.validate.oneof)` of a oneof.
pub fn of_oneof(oneof: &OneofDescriptor) -> Option<DynamicMessage> {
    let pool = oneof.parent_message().parent_pool();
    options::extension(pool, &oneof.options(), "buf.validate.oneof")
}

/// An element's rules, taken apart.
#[derive(Default)]
pub struct Rules {
    /// It must be there; without presence: it must not be zero or empty.
    pub required: bool,
    /// A zero or empty value is always right.
    pub zero_is_right: bool,
    /// No rule applies, here or below.
    pub ignored: bool,
    /// The rules of its kind: `string {…}`, `int32 {…}`.
    pub of_kind: Option<DynamicMessage>,
}

impl Rules {
    /// `expected` is the only member of `FieldRules.type` that may be set.
    pub fn read(
        rules: Option<&DynamicMessage>,
        expected: &str,
        told: &str,
        writer: &mut Writer<'_>,
    ) -> Self {
        let mut read = Self::default();
        let Some(rules) = rules else { return read };
        for (field, value) in rules.fields() {
            match (field.name(), value) {
                ("required", Value::Bool(required)) => read.required = *required,
                // 0 = IGNORE_UNSPECIFIED, 1 = IGNORE_IF_ZERO_VALUE, 3 = IGNORE_ALWAYS.
                ("ignore", Value::EnumNumber(0)) => {}
                ("ignore", Value::EnumNumber(1)) => read.zero_is_right = true,
                ("ignore", Value::EnumNumber(3)) => read.ignored = true,
                (name, Value::Message(of_kind)) if name == expected => {
                    read.of_kind = Some(of_kind.clone());
                }
                (name, _) => writer.not_covered(told, &format!("{name} (on {expected})")),
            }
        }
        if rules.extensions().next().is_some() || rules.unknown_fields().next().is_some() {
            writer.not_covered(told, "in an extension of buf.validate");
        }
        if read.required && (read.zero_is_right || read.ignored) {
            writer.mistakes.push(format!("field {told} is both required and ignored"));
        }
        read
    }

    /// The rules of the kind that are set, by name; `example` is documentation only.
    pub fn set(of_kind: &DynamicMessage) -> Vec<(String, Value)> {
        of_kind
            .fields()
            .filter(|(field, _)| field.name() != "example")
            .map(|(field, value)| (field.name().to_owned(), value.clone()))
            .collect()
    }
}

/// Which member of `FieldRules.type` fits a single value of this kind.
pub fn name_of_kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Enum(_) => "enum",
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Duration" => "duration",
            // Timestamps have no rule of their kind that is covered, messages have none at all.
            "google.protobuf.Timestamp" => "timestamp",
            _ => "message",
        },
    }
}

/// The condition that `value` is neither zero nor empty, for kinds without presence.
pub fn is_given(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Bytes => "!value.is_empty()",
        Kind::Bool => "*value",
        Kind::Double | Kind::Float => "*value != 0.0",
        _ => "*value != 0",
    }
}

impl Writer<'_> {
    /// The checks of one value of `kind`.
    pub fn checks(&mut self, kind: &Kind, of_kind: &DynamicMessage, told: &str) -> Vec<Check> {
        if of_kind.extensions().next().is_some() || of_kind.unknown_fields().next().is_some() {
            self.not_covered(told, "in an extension of buf.validate");
        }
        match kind {
            Kind::String => self.string(of_kind, told),
            Kind::Bytes => self.bytes(of_kind, told),
            Kind::Enum(values) => self.enumeration(values, of_kind, told),
            Kind::Bool => self.boolean(of_kind, told),
            Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
                self.duration(of_kind, told)
            }
            Kind::Message(_) => {
                for (rule, _) in Rules::set(of_kind) {
                    self.not_covered(told, &format!("{}.{rule}", name_of_kind(kind)));
                }
                Vec::new()
            }
            _ => self.number(name_of_kind(kind), of_kind, told),
        }
    }
}
