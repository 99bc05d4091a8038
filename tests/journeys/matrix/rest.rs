//! A call in JSON, by the rule of its method.

use prost_reflect::{DescriptorPool, MethodDescriptor};
use serde_json::{Map, Value};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::ways::SILENCE;

/// A verb, a path with fields, and whether the arguments are a body.
pub struct Rule {
    verb: reqwest::Method,
    path: String,
    in_body: bool,
}

/// The rule of a method, if it has one.
pub fn rule(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<Rule> {
    let extension = pool.get_extension_by_name("google.api.http").expect("the annotations");
    let options = method.options();
    if !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    let rule = value.as_message().expect("a rule");
    let text = |name: &str| {
        let value = rule.get_field_by_name(name)?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let verbs = ["get", "post", "patch", "delete"];
    let (verb, path) = verbs.into_iter().find_map(|verb| Some((verb, text(verb)?)))?;
    let verb = verb.to_ascii_uppercase().parse().expect("a verb");
    Some(Rule { verb, path, in_body: text("body").is_some() })
}

/// The answer, or its first line.
pub async fn call(
    http: &reqwest::Client,
    gateway: &str,
    rule: &Rule,
    request: &str,
    token: Option<&str>,
) -> Result<Value, Status> {
    let mut arguments: Map<String, Value> = serde_json::from_str(request).expect("JSON");
    let mut path = rule.path.clone();
    while let Some((before, name)) = path.split_once('{') {
        let (name, after) = name.split_once('}').expect("a field");
        let value = arguments.remove(&camel(name)).unwrap_or_else(|| panic!("{name} of {request}"));
        path = format!("{before}{}{after}", value.as_str().expect("a text"));
    }
    let mut asked = http.request(rule.verb.clone(), format!("{gateway}{path}"));
    if rule.in_body {
        let body = Value::Object(arguments).to_string();
        asked = asked.header("content-type", "application/json").body(body);
    } else {
        let mut pairs = Vec::new();
        flat("", &Value::Object(arguments), &mut pairs);
        asked = asked.query(&pairs);
    }
    if let Some(token) = token {
        asked = asked.bearer_auth(token);
    }
    let mut response = asked.send().await.expect("an answer");
    let status = response.status();
    let mut text = Vec::new();
    let lines = response.headers()["content-type"] == "application/x-ndjson";
    loop {
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(chunk) => match chunk.expect("a chunk") {
                Some(chunk) => text.extend_from_slice(&chunk),
                None => break,
            },
            Err(_silent) => return Ok(Value::Null),
        }
        if lines && text.contains(&b'\n') {
            break;
        }
    }
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let told: Value =
        if first.is_empty() { Value::Null } else { serde_json::from_slice(first).expect("JSON") };
    if status.is_success() && told.get("error").is_none() {
        return Ok(told);
    }
    let told = told.get("error").unwrap_or(&told);
    let code = told["code"].as_i64().and_then(|code| i32::try_from(code).ok()).expect("a code");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reason = text(&told["details"][0]["reason"]);
    let details = ErrorDetails::with_error_info(reason, "", []);
    Err(Status::with_error_details(Code::from_i32(code), text(&told["message"]), details))
}

/// `window.startTime=…` for each value.
fn flat(before: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if before.is_empty() { "" } else { "." };
                flat(&format!("{before}{dot}{name}"), value, into);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| flat(before, one, into)),
        Value::String(text) => into.push((before.to_owned(), text.clone())),
        other => into.push((before.to_owned(), other.to_string())),
    }
}

/// A field's name in JSON.
fn camel(name: &str) -> String {
    let mut upper = false;
    let letters = name.chars().filter_map(|letter| {
        let under = letter == '_';
        let turned = if upper { letter.to_ascii_uppercase() } else { letter };
        upper = under;
        (!under).then_some(turned)
    });
    letters.collect()
}
