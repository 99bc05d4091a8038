//! The method table, from `(parkmesh.common.v1.method)`.

use std::fmt::Write as _;

use prost_reflect::{DynamicMessage, FileDescriptor, MethodDescriptor};

use super::{Mistakes, options};

const OPTION: &str = "parkmesh.common.v1.method";

/// Rust text of `METHODS`, sorted by path. Every method of the files must have a policy that says everything.
pub fn table(files: &[FileDescriptor], mistakes: &mut Mistakes) -> String {
    let mut rows: Vec<(String, String)> = files
        .iter()
        .flat_map(|file| file.services().collect::<Vec<_>>())
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter_map(|method| Some((path(&method), row(&method, mistakes)?)))
        .collect();
    rows.sort();
    let mut text = String::from("/// Every method of Parkmesh, sorted by path.\n");
    text.push_str("pub static METHODS: &[Method] = &[\n");
    for (_, row) in rows {
        text.push_str(&row);
    }
    text.push_str("];\n");
    text
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn row(method: &MethodDescriptor, mistakes: &mut Mistakes) -> Option<String> {
    let name = method.full_name();
    let pool = method.parent_pool();
    let Some(policy) = options::extension(pool, &method.options(), OPTION) else {
        mistakes.push(format!("method {name} has no policy: give it option ({OPTION})"));
        return None;
    };
    let before = mistakes.len();
    let idempotency = match options::enum_number(&policy, "idempotency") {
        1 => "NoSideEffects",
        2 => "Idempotent",
        3 => "NotIdempotent",
        _ => mistake(mistakes, format!("method {name}: its policy does not say idempotency")),
    };
    let criticality = match options::enum_number(&policy, "criticality") {
        1 => "Critical",
        2 => "Normal",
        3 => "Sheddable",
        _ => mistake(mistakes, format!("method {name}: its policy does not say criticality")),
    };
    let deadline_ms = deadline_ms(method, &policy, mistakes);
    let scopes = options::texts(&policy, "scopes");
    let callers = options::texts(&policy, "callers");
    if scopes.is_empty() && callers.is_empty() {
        mistakes.push(format!("method {name}: its policy admits nobody (no scopes, no callers)"));
    }
    let Some(role) = role(method) else {
        mistakes.push(format!("method {name} is outside a package parkmesh.<domain>.v<n>"));
        return None;
    };
    if mistakes.len() > before {
        return None;
    }
    let mut text = String::from("    Method {\n");
    let _ = writeln!(text, "        path: {:?},", path(method));
    let _ = writeln!(text, "        service: {:?},", method.parent_service().full_name());
    let _ = writeln!(text, "        name: {:?},", method.name());
    let _ = writeln!(text, "        role: {role:?},");
    let _ = writeln!(text, "        scopes: &{scopes:?},");
    let _ = writeln!(text, "        callers: &{callers:?},");
    let _ = writeln!(text, "        idempotency: Idempotency::{idempotency},");
    let _ = writeln!(text, "        deadline_ms: {deadline_ms},");
    let _ = writeln!(text, "        criticality: Criticality::{criticality},");
    let _ = writeln!(text, "        client_streaming: {},", method.is_client_streaming());
    let _ = writeln!(text, "        server_streaming: {},", method.is_server_streaming());
    text.push_str("    },\n");
    Some(text)
}

fn mistake(mistakes: &mut Mistakes, told: String) -> &'static str {
    mistakes.push(told);
    ""
}

/// A call that ends needs a deadline; the life of a stream of answers is bounded elsewhere.
fn deadline_ms(method: &MethodDescriptor, policy: &DynamicMessage, mistakes: &mut Mistakes) -> u32 {
    let deadline_ms =
        policy.get_field_by_name("deadline_ms").and_then(|value| value.as_u32()).unwrap_or(0);
    let name = method.full_name();
    if deadline_ms == 0 && !method.is_server_streaming() {
        mistakes.push(format!("method {name}: deadline_ms is 0, which only a server stream may"));
    }
    deadline_ms
}

/// The process that serves it: the domain of its package, `booking` in `parkmesh.booking.v1`.
fn role(method: &MethodDescriptor) -> Option<String> {
    let service = method.parent_service();
    let mut parts = service.package_name().split('.');
    let role = (parts.next() == Some("parkmesh")).then(|| parts.next()).flatten()?;
    Some(role.to_owned())
}
