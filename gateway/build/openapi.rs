//! The rules as an OpenAPI 3.1 document, for those who make clients of it.

use std::collections::BTreeMap;

use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, ServiceDescriptor, Value as Told,
};
use serde_json::{Map, Value, json};

use crate::comments::{Comments, first_sentence};
use crate::rule::Rule;

/// How deep the fields of fields go in a query.
const QUERY_DEPTH_MAX: usize = 3;
const POLICY: &str = "parkmesh.common.v1.method";

/// Every method that has a rule, and everything that it leads to.
pub fn document(pool: &DescriptorPool) -> Value {
    let mut schemas = Schemas { comments: Comments::of(pool), all: BTreeMap::new() };
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut tags = Vec::new();
    for service in pool.services() {
        let before = paths.len();
        for method in service.methods() {
            let Some(rule) = Rule::of(&method) else { continue };
            let operation = operation(&method, &rule, &mut schemas);
            paths.entry(rule.path).or_default().insert(rule.verb.to_ascii_lowercase(), operation);
        }
        if paths.len() > before {
            tags.push(tag(&service, &schemas.comments));
        }
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
        "tags": tags,
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

fn tag(service: &ServiceDescriptor, comments: &Comments) -> Value {
    let told = comments.find(&service.parent_file(), service.path());
    described(json!({ "name": service.name() }), told)
}

/// With a description, where there is one.
fn described(mut value: Value, told: Option<&str>) -> Value {
    if let Some(told) = told {
        value["description"] = told.into();
    }
    value
}

/// Any one of which will do.
fn scopes(method: &MethodDescriptor) -> Vec<String> {
    let Some(policy) = method.parent_pool().get_extension_by_name(POLICY) else {
        return Vec::new();
    };
    let options = method.options();
    let policy = options.get_extension(&policy);
    let scopes = policy.as_message().and_then(|policy| policy.get_field_by_name("scopes"));
    let scopes = scopes.as_deref().and_then(Told::as_list).unwrap_or_default();
    scopes.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect()
}

fn operation(method: &MethodDescriptor, rule: &Rule, schemas: &mut Schemas) -> Value {
    let service = method.parent_service().name().to_owned();
    let (input, output) = (method.input(), schemas.message(&method.output()));
    let in_path: Vec<&str> =
        rule.path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
    let mut parameters: Vec<Value> = Vec::new();
    for name in &in_path {
        let Some(field) = input.get_field_by_name(name) else { continue };
        let mut parameter = schemas.parameter(&field, name, "path");
        parameter["required"] = true.into();
        parameters.push(parameter);
    }
    if !rule.in_body {
        for field in input.fields().filter(|field| !in_path.contains(&field.name())) {
            query(&field, "", QUERY_DEPTH_MAX, schemas, &mut parameters);
        }
    }
    let content = if method.is_server_streaming() {
        let line = json!({ "type": "object", "properties": { "result": output, "error": { "type": "object" } } });
        json!({ "application/x-ndjson": { "schema": line } })
    } else {
        json!({ "application/json": { "schema": output } })
    };
    let mut operation = json!({
        "operationId": format!("{service}_{}", method.name()),
        "tags": [service],
        "parameters": parameters,
        "security": scopes(method).iter().map(|scope| json!({ "token": [scope] })).collect::<Vec<_>>(),
        "responses": {
            "200": { "description": "OK", "content": content },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    if let Some(told) = schemas.comments.find(&method.parent_service().parent_file(), method.path())
    {
        operation["summary"] = first_sentence(told).into();
        operation["description"] = told.into();
    }
    if rule.in_body {
        let schema = schemas.message(&input);
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
    into.push(schemas.parameter(field, &name, "query"));
}

/// Messages and enums by name, each described once.
struct Schemas {
    comments: Comments,
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
            let property = |field: FieldDescriptor| {
                let schema = self.field(&field);
                let told = self.comments.find(&message.parent_file(), field.path());
                (field.json_name().to_owned(), described(schema, told))
            };
            let properties: Map<String, Value> = message.fields().map(property).collect();
            let told = self.comments.find(&message.parent_file(), message.path());
            let schema = json!({ "type": "object", "properties": properties });
            self.all.insert(name.to_owned(), described(schema, told));
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// JSON Schema has no place for what a value means: it stands in a list for people, and in the place that
    /// those who make clients have agreed upon.
    fn enumeration(&mut self, told: &EnumDescriptor) -> Value {
        let (name, file) = (told.full_name(), told.parent_file());
        let names: Vec<String> = told.values().map(|value| value.name().to_owned()).collect();
        let meaning = |path: &[i32]| self.comments.find(&file, path).unwrap_or_default();
        let meanings: Vec<&str> = told.values().map(|value| meaning(value.path())).collect();
        let lines = names.iter().zip(&meanings);
        let lines: Vec<String> = lines
            .map(|(name, meaning)| format!("- `{name}`: {}", meaning.replace('\n', " ")))
            .collect();
        let text = format!("{}\n\n{}", meaning(told.path()), lines.join("\n"));
        let schema = json!({
            "type": "string",
            "description": text.trim_start(),
            "enum": names,
            "x-enum-descriptions": meanings,
        });
        self.all.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn parameter(&mut self, field: &FieldDescriptor, name: &str, place: &str) -> Value {
        let schema = self.field(field);
        let told = self.comments.find(&field.parent_message().parent_file(), field.path());
        described(json!({ "name": name, "in": place, "schema": schema }), told)
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
