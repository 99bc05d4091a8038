//! The rules as an OpenAPI 3.1 document, for those who make clients of it.

use std::collections::BTreeMap;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value, json};

use super::Binding;

/// How deep the fields of fields go in a query.
const QUERY_DEPTH_MAX: usize = 3;

/// Everything that the bindings lead to.
pub fn document(bindings: &[Binding], pool: &DescriptorPool) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for binding in bindings {
        let verb = binding.verb.as_str().to_ascii_lowercase();
        let path = paths.entry(binding.template.to_string()).or_default();
        path.insert(verb, operation(binding, &mut schemas));
    }
    let status = pool.get_message_by_name("google.rpc.Status");
    let status = status.map_or(json!({ "type": "object" }), |status| schemas.message(&status));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parkmesh",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The calls of the contracts as REST. Field names are protobuf's in JSON; errors are google.rpc.Status; streams are lines of JSON.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.all,
            "responses": {
                "Error": {
                    "description": "The HTTP status stands for the code.",
                    "content": { "application/json": { "schema": status } },
                },
            },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

fn operation(binding: &Binding, schemas: &mut Schemas) -> Value {
    let service = binding.method.service.rsplit('.').next().unwrap_or_default();
    let in_path: Vec<&str> = binding.template.names().collect();
    let mut parameters: Vec<Value> = Vec::new();
    for name in &in_path {
        let schema = binding.input.get_field_by_name(name).map(|field| schemas.field(&field));
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    if !binding.in_body {
        let fields = binding.input.fields().filter(|field| !in_path.contains(&field.name()));
        for field in fields {
            query(&field, "", QUERY_DEPTH_MAX, schemas, &mut parameters);
        }
    }
    let output = schemas.message(&binding.output);
    let content = if binding.method.server_streaming {
        let line = json!({ "type": "object", "properties": { "result": output, "error": { "type": "object" } } });
        json!({ "application/x-ndjson": { "schema": line } })
    } else {
        json!({ "application/json": { "schema": output } })
    };
    let mut operation = json!({
        "operationId": format!("{service}_{}", binding.method.name),
        "tags": [service],
        "parameters": parameters,
        // Any one of the scopes will do.
        "security": binding.method.scopes.iter().map(|scope| json!({ "token": [scope] })).collect::<Vec<_>>(),
        "responses": {
            "200": { "description": "OK", "content": content },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    if binding.in_body {
        let schema = schemas.message(&binding.input);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// A field as arguments of a query: `window.start_time`.
fn query(
    field: &FieldDescriptor,
    before: &str,
    depth: usize,
    schemas: &mut Schemas,
    into: &mut Vec<Value>,
) {
    let name = format!("{before}{}", field.name());
    if let Kind::Message(inner) = field.kind()
        && well_known(inner.full_name()).is_none()
    {
        if !field.is_list() && !field.is_map() && depth > 0 {
            let before = format!("{name}.");
            for field in inner.fields() {
                query(&field, &before, depth - 1, schemas, into);
            }
        }
        return;
    }
    into.push(json!({ "name": name, "in": "query", "schema": schemas.field(field) }));
}

/// Messages and enums by name, each described once.
#[derive(Default)]
struct Schemas {
    all: BTreeMap<String, Value>,
}

impl Schemas {
    fn message(&mut self, message: &MessageDescriptor) -> Value {
        let name = message.full_name();
        if let Some(known) = well_known(name) {
            return known;
        }
        if !self.all.contains_key(name) {
            // First the name: messages may hold themselves.
            self.all.insert(name.to_owned(), Value::Null);
            let fields =
                message.fields().map(|field| (field.json_name().to_owned(), self.field(&field)));
            let properties: Map<String, Value> = fields.collect();
            self.all.insert(name.to_owned(), json!({ "type": "object", "properties": properties }));
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn enumeration(&mut self, told: &EnumDescriptor) -> Value {
        let name = told.full_name();
        let values: Vec<String> = told.values().map(|value| value.name().to_owned()).collect();
        self.all.insert(name.to_owned(), json!({ "type": "string", "enum": values }));
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let value = self.kind(entry.map_entry_value_field().kind());
            return json!({ "type": "object", "additionalProperties": value });
        }
        let one = self.kind(field.kind());
        if field.cardinality() == Cardinality::Repeated {
            return json!({ "type": "array", "items": one });
        }
        one
    }

    fn kind(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Message(message) => self.message(&message),
            Kind::Enum(told) => self.enumeration(&told),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Double | Kind::Float => json!({ "type": "number", "format": "double" }),
            // 64 bits do not fit into the numbers that JavaScript has.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": "string", "format": "int64" })
            }
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "format": "int32" })
            }
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "uint32" }),
        }
    }
}

/// Messages that JSON writes in a way of their own.
fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => json!({ "type": "string", "examples": ["1.5s"] }),
        "google.protobuf.FieldMask" => json!({ "type": "string", "examples": ["name,address"] }),
        "google.protobuf.Any" => {
            json!({ "type": "object", "properties": { "@type": { "type": "string" } }, "additionalProperties": true })
        }
        _ => return None,
    })
}
