//! REST for those without gRPC: JSON to protobuf and back, as the `google.api.http` rules in the contracts say. The one module that decodes messages.
//!
//! It stands before the gate's own way of a call and goes through it: a request becomes the gRPC-Web call that it means, so that
//! tokens, limits, deadlines, replicas and logs are the same, and nothing here decides who may do what.

mod answer;
mod argument;
mod rule;
mod template;

use std::io::Read;
use std::net::IpAddr;
use std::sync::LazyLock;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use parkmesh_contracts::methods::{self, Method};
use parkmesh_platform::fault::{self, Fault};
use parkmesh_platform::serve::Deadline;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool, MessageDescriptor, MethodDescriptor};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::call::Gate;
use crate::error::Error;
use crate::files;
use crate::pages::only;
use crate::web::request::{Encoding, Protocol};
use rule::Rule;
use template::Template;

/// What all paths begin with.
pub const PREFIX: &str = "/v1/";
/// Where the description lies.
pub const DOCUMENT: &str = "/openapi.json";
/// The description, as the build made it: read from the program's file when somebody asks, and held by nobody.
const DESCRIBED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));
/// What a client may say beside its arguments.
const TAKEN: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("grpc-timeout"),
];
const AS_CALL: Protocol = Protocol::Web { request: Encoding::Binary, answer: Encoding::Binary };

/// The rules of the contracts, read when the first request comes: they take some megabytes, and many gates serve no REST.
static RULES: LazyLock<Rules> = LazyLock::new(|| match Rules::read() {
    Ok(rules) => rules,
    Err(error) => {
        tracing::error!(%error, "the contracts' descriptors are not what the build made");
        Rules::default()
    }
});

/// The rules of the contracts.
#[derive(Default)]
struct Rules {
    bindings: Vec<Binding>,
    pool: DescriptorPool,
}

/// One rule: a verb and a path stand for a method.
struct Binding {
    verb: http::Method,
    template: Template,
    /// Whether the arguments come in a body of JSON; else they are in the query.
    in_body: bool,
    method: &'static Method,
    input: MessageDescriptor,
    output: MessageDescriptor,
}

/// What a path leads to.
enum Found<'r> {
    /// A method, with the values in the path by field.
    Binding(&'r Binding, Vec<(&'r str, String)>),
    /// Nothing by this verb, but by these.
    OtherVerbs(String),
    /// Nothing.
    Nothing,
}

impl Rules {
    fn read() -> Result<Self, DescriptorError> {
        let pool = DescriptorPool::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET)?;
        let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let mut bindings: Vec<Binding> = methods.filter_map(|one| Binding::of(&one)).collect();
        bindings.sort_by(|a, b| a.method.path.cmp(b.method.path));
        Ok(Self { bindings, pool })
    }

    fn find(&self, verb: &http::Method, path: &str) -> Found<'_> {
        let mut verbs = Vec::new();
        for binding in &self.bindings {
            let Some(values) = binding.template.values(path) else { continue };
            if binding.verb == *verb {
                return Found::Binding(binding, values);
            }
            verbs.push(binding.verb.as_str());
        }
        verbs.sort_unstable();
        if verbs.is_empty() { Found::Nothing } else { Found::OtherVerbs(verbs.join(", ")) }
    }
}

/// What describes all this.
pub fn document<B>(request: &Request<B>) -> Option<Response<Body>> {
    if request.method() != http::Method::GET || request.uri().path() != DOCUMENT {
        return None;
    }
    let zipped = files::accepts(request.headers(), "gzip");
    let bytes = if zipped { Bytes::from_static(DESCRIBED) } else { unzipped(DESCRIBED) };
    let mut response = Response::new(Body::new(Full::new(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if zipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

/// Answers one request.
pub async fn serve(
    gate: &Gate,
    request: Request<Incoming>,
    peer: IpAddr,
    ending: CancellationToken,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (binding, values) = match RULES.find(&parts.method, parts.uri.path()) {
        Found::Binding(binding, values) => (binding, values),
        Found::OtherVerbs(verbs) => return answer::wrong_verb(&verbs),
        Found::Nothing => return answer::no_path(),
    };
    let (body, wrong) = match binding.body(gate, &parts, &values, body).await {
        Ok(body) => (body, None),
        Err(wrong) => (Bytes::new(), Some(wrong)),
    };
    let mut call = Request::new(Full::new(body));
    *call.method_mut() = http::Method::POST;
    *call.uri_mut() = http::Uri::from_static(binding.method.path);
    *call.version_mut() = parts.version;
    *call.headers_mut() = only(&parts.headers, &TAKEN);
    let answered = gate.call(call, AS_CALL, peer, ending).await;
    match wrong {
        Some(wrong) if is_broken(&answered) => answer::of_status(&RULES.pool, &wrong.into()),
        _ => answer::of(answered, binding.output.clone(), binding.method, &RULES.pool).await,
    }
}

impl Binding {
    /// The rule of a method, if it has one.
    fn of(described: &MethodDescriptor) -> Option<Self> {
        let path = format!("/{}/{}", described.parent_service().full_name(), described.name());
        let method = methods::find(&path)?;
        let rule = Rule::of(described)?;
        Some(Self {
            verb: rule.verb.parse().ok()?,
            template: Template::parse(&rule.path),
            in_body: rule.in_body,
            method,
            input: described.input(),
            output: described.output(),
        })
    }

    /// The body of the call. From whoever is refused anyway nothing is read, and what makes no sense is sent as nothing: without a
    /// message a call goes nowhere, but it is counted, limited and told like any other.
    async fn body(
        &self,
        gate: &Gate,
        parts: &http::request::Parts,
        values: &[(&str, String)],
        body: Incoming,
    ) -> Result<Bytes, Error> {
        // Held while a body comes in; the call asks again.
        let room = gate.admission.room(self.method);
        let known = gate.admission.identity(self.method, &parts.headers).await;
        if room.is_err() || known.is_err() {
            return Ok(Bytes::new());
        }
        self.read(gate, parts, values, body).await.map(|message| framed(&message))
    }

    /// The message that a request means.
    async fn read(
        &self,
        gate: &Gate,
        parts: &http::request::Parts,
        values: &[(&str, String)],
        body: Incoming,
    ) -> Result<Bytes, Error> {
        let body = if self.in_body { whole(body, gate).await? } else { Bytes::new() };
        if !body.is_empty() && !is_json(&parts.headers) {
            return Err(Error::JsonInvalid {
                what: "the body is JSON: say content-type: application/json".to_owned(),
            });
        }
        let query = parts.uri.query().unwrap_or_default();
        if self.in_body && !query.is_empty() {
            return Err(Error::JsonInvalid {
                what: "the arguments are in the body, not in the query".to_owned(),
            });
        }
        let message = argument::message(&self.input, values, query, &body);
        let message = message.map_err(|what| Error::JsonInvalid { what })?;
        Ok(message.encode_to_vec().into())
    }
}

/// Whether a call came as far as its body, which said nothing.
fn is_broken(answered: &Response<Body>) -> bool {
    let status = tonic::Status::from_header_map(answered.headers());
    let reason = status.as_ref().and_then(fault::reason_of);
    reason.is_some_and(|reason| reason == Error::RequestBroken.reason())
}

fn is_json(headers: &HeaderMap) -> bool {
    let told = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = told.and_then(|told| told.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") && !headers.contains_key(header::CONTENT_ENCODING)
}

/// The body, within the limits that calls have.
async fn whole(body: Incoming, gate: &Gate) -> Result<Bytes, Error> {
    let bytes_max = gate.config.request_bytes_max;
    let wait = Deadline::after(gate.config.request_wait);
    let whole = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout_at(wait.at, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Error::RequestTooLarge { bytes_max })
        }
        Ok(Err(_broken)) => Err(Error::RequestBroken),
        Err(_elapsed) => Err(Error::RequestTooSlow),
    }
}

/// For the few who read nothing compressed.
fn unzipped(bytes: &[u8]) -> Bytes {
    let mut text = Vec::new();
    match GzDecoder::new(bytes).read_to_end(&mut text) {
        Ok(_) => text.into(),
        Err(error) => {
            tracing::error!(%error, "the description is not what the build made");
            Bytes::new()
        }
    }
}

/// A message in its frame. Requests are bounded far below what four bytes can say.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parkmesh_contracts::methods::METHODS;
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_method_that_a_token_opens_and_that_takes_one_message_has_a_path_of_its_own() {
        let rules = Rules::read().expect("descriptors");
        for method in METHODS {
            let wanted = !method.scopes.is_empty() && !method.client_streaming;
            let found = rules.bindings.iter().filter(|one| one.method == method).count();
            assert_eq!(found, usize::from(wanted), "{}", method.path);
        }
        let paths: BTreeSet<String> =
            rules.bindings.iter().map(|one| format!("{} {}", one.verb, one.template)).collect();
        assert_eq!(paths.len(), rules.bindings.len(), "two methods have one path");
        for binding in &rules.bindings {
            let path = binding.template.to_string();
            assert!(path.starts_with(PREFIX), "{path}");
            let reads = binding.method.idempotency == methods::Idempotency::NoSideEffects;
            assert!(reads || binding.verb != http::Method::GET, "{path} writes");
            for name in binding.template.names() {
                assert!(binding.input.get_field_by_name(name).is_some(), "{path}: {name}");
            }
            let Found::Binding(found, _) = rules.find(&binding.verb, &path.replace(['{', '}'], ""))
            else {
                panic!("{path} leads nowhere");
            };
            assert_eq!(found.method.path, binding.method.path, "{path}");
        }
    }

    #[test]
    fn a_path_without_this_verb_tells_the_others() {
        let rules = Rules::read().expect("descriptors");
        let Found::OtherVerbs(verbs) = rules.find(&http::Method::PUT, "/v1/lots/7") else {
            panic!()
        };
        assert_eq!(verbs, "GET, PATCH");
        assert!(matches!(rules.find(&http::Method::GET, "/v1/nothing"), Found::Nothing));
    }

    fn described() -> Value {
        serde_json::from_slice(&unzipped(DESCRIBED)).expect("JSON")
    }

    fn is_told(value: &Value) -> bool {
        value["description"].as_str().is_some_and(|told| !told.is_empty())
    }

    #[test]
    fn the_description_has_each_path_with_what_the_contracts_say_of_it_and_no_other() {
        let (rules, document) = (Rules::read().expect("descriptors"), described());
        let operations = document["paths"].as_object().expect("paths").values();
        let operations = operations.map(|path| path.as_object().map_or(0, |verbs| verbs.len()));
        assert_eq!(operations.sum::<usize>(), rules.bindings.len());
        for binding in &rules.bindings {
            let (path, verb) = (binding.template.to_string(), binding.verb.as_str());
            let operation = &document["paths"][&path][verb.to_ascii_lowercase()];
            assert!(is_told(operation), "{verb} {path}");
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty() && !summary.contains('\n'), "{verb} {path}: {summary}");
            assert_eq!(operation["requestBody"].is_object(), binding.in_body, "{verb} {path}");
            let parameters = operation["parameters"].as_array().expect("a list");
            assert!(parameters.iter().all(is_told), "{verb} {path}");
            let of_path = parameters.iter().filter(|one| one["in"] == "path");
            let named: Vec<&str> = of_path.filter_map(|one| one["name"].as_str()).collect();
            assert_eq!(named, binding.template.names().collect::<Vec<_>>(), "{verb} {path}");
            let opened = operation["security"].as_array().expect("a list").iter();
            let scopes: Vec<&str> = opened.filter_map(|one| one["token"][0].as_str()).collect();
            assert_eq!(scopes, binding.method.scopes, "{verb} {path}");
        }
        let cancel = &document["paths"]["/v1/bookings/{booking_id}:cancel"]["post"];
        assert_eq!(cancel["summary"], "Gives a hold or a reservation back before arrival");
        let told = cancel["description"].as_str().expect("a text");
        assert!(told.starts_with("Gives a hold") && told.contains("BOOKING_NOT_FOUND"), "{told}");
    }

    #[test]
    fn each_message_field_and_value_is_described_by_its_comment() {
        let document = described();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for (name, schema) in schemas {
            assert!(is_told(schema), "{name}");
            for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(is_told(schema), "{name}.{field}");
            }
            let values = schema["enum"].as_array().map_or(&[][..], Vec::as_slice);
            let meanings = schema["x-enum-descriptions"].as_array().map_or(&[][..], Vec::as_slice);
            assert_eq!(values.len(), meanings.len(), "{name}");
            for (value, meaning) in values.iter().zip(meanings) {
                assert_ne!(meaning.as_str().unwrap_or_default(), "", "{name}: {value}");
            }
        }
        let channel = &schemas["parkmesh.notification.v1.Channel"];
        let told = channel["description"].as_str().expect("a text");
        assert!(told.contains("- `CHANNEL_EMAIL`: To `email` of the preferences."), "{told}");
    }
}
