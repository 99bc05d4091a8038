//! REST for those without gRPC: JSON to protobuf and back, as the `google.api.http` rules in the contracts say. The one module that decodes messages.
//!
//! It stands before the gate's own way of a call and goes through it: a request becomes the gRPC-Web call that it means, so that
//! tokens, limits, deadlines, replicas and logs are the same, and nothing here decides who may do what.

mod answer;
mod argument;
mod openapi;
mod template;

use std::net::IpAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use parkmesh_contracts::methods::{self, Method};
use parkmesh_platform::serve::Deadline;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool, MessageDescriptor, MethodDescriptor};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::call::Gate;
use crate::error::Error;
use crate::pages::only;
use crate::web::request::{Encoding, Protocol};
use template::Template;

/// What all paths begin with.
pub const PREFIX: &str = "/v1/";
/// Where the description lies.
pub const DOCUMENT: &str = "/openapi.json";
/// What a client may say beside its arguments.
const TAKEN: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("grpc-timeout"),
];
const AS_CALL: Protocol = Protocol::Web { request: Encoding::Binary, answer: Encoding::Binary };

/// The rules of the contracts, read once.
pub struct Rest {
    bindings: Vec<Binding>,
    pool: DescriptorPool,
    document: Bytes,
}

/// One rule: a verb and a path stand for a method.
pub struct Binding {
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

impl Rest {
    /// Reads the rules.
    ///
    /// # Errors
    /// When the contracts' descriptors cannot be read.
    pub fn new() -> Result<Self, DescriptorError> {
        let pool = DescriptorPool::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET)?;
        let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let mut bindings: Vec<Binding> =
            methods.filter_map(|one| Binding::of(&pool, &one)).collect();
        bindings.sort_by(|a, b| a.method.path.cmp(b.method.path));
        let document = openapi::document(&bindings, &pool).to_string().into();
        Ok(Self { bindings, pool, document })
    }

    /// What describes all this.
    pub fn document<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if request.method() != http::Method::GET || request.uri().path() != DOCUMENT {
            return None;
        }
        let mut response = Response::new(Body::new(Full::new(self.document.clone())));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Some(response)
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

    /// Answers one request.
    pub async fn serve(
        &self,
        gate: &Gate,
        request: Request<Incoming>,
        peer: IpAddr,
        ending: CancellationToken,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let (binding, values) = match self.find(&parts.method, parts.uri.path()) {
            Found::Binding(binding, values) => (binding, values),
            Found::OtherVerbs(verbs) => return answer::wrong_verb(&verbs),
            Found::Nothing => return answer::no_path(),
        };
        // Whoever is refused anyway sends us no body: the call below says why.
        let known = gate.admission.identity(binding.method, &parts.headers).await.is_ok();
        let read = match known {
            true => binding.read(gate, &parts, &values, body).await,
            false => Ok(Bytes::new()),
        };
        let message = match read {
            Ok(message) => message,
            Err(refused) => return answer::of_status(&self.pool, &refused.into()),
        };
        let mut call = Request::new(Full::new(framed(&message)));
        *call.method_mut() = http::Method::POST;
        *call.uri_mut() = http::Uri::from_static(binding.method.path);
        *call.version_mut() = parts.version;
        *call.headers_mut() = only(&parts.headers, &TAKEN);
        let answered = gate.call(call, AS_CALL, peer, ending).await;
        answer::of(answered, binding.output.clone(), binding.method, &self.pool).await
    }
}

impl Binding {
    /// The rule of a method, if it has one.
    fn of(pool: &DescriptorPool, described: &MethodDescriptor) -> Option<Self> {
        let path = format!("/{}/{}", described.parent_service().full_name(), described.name());
        let method = methods::find(&path)?;
        let extension = pool.get_extension_by_name("google.api.http")?;
        let options = described.options();
        if !options.has_extension(&extension) {
            return None;
        }
        let rule = options.get_extension(&extension);
        let rule = rule.as_message()?;
        let text = |name: &str| {
            let value = rule.get_field_by_name(name)?;
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let verbs = [
            ("get", http::Method::GET),
            ("post", http::Method::POST),
            ("put", http::Method::PUT),
            ("patch", http::Method::PATCH),
            ("delete", http::Method::DELETE),
        ];
        let (verb, path) = verbs.into_iter().find_map(|(name, verb)| Some((verb, text(name)?)))?;
        Some(Self {
            verb,
            template: Template::parse(&path),
            in_body: text("body").is_some(),
            method,
            input: described.input(),
            output: described.output(),
        })
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

    use super::*;

    #[test]
    fn every_method_that_a_token_opens_and_that_takes_one_message_has_a_path_of_its_own() {
        let rest = Rest::new().expect("descriptors");
        for method in METHODS {
            let wanted = !method.scopes.is_empty() && !method.client_streaming;
            let found = rest.bindings.iter().filter(|one| one.method == method).count();
            assert_eq!(found, usize::from(wanted), "{}", method.path);
        }
        let paths: BTreeSet<String> =
            rest.bindings.iter().map(|one| format!("{} {}", one.verb, one.template)).collect();
        assert_eq!(paths.len(), rest.bindings.len(), "two methods have one path");
        for binding in &rest.bindings {
            let path = binding.template.to_string();
            assert!(path.starts_with(PREFIX), "{path}");
            let reads = binding.method.idempotency == methods::Idempotency::NoSideEffects;
            assert!(reads || binding.verb != http::Method::GET, "{path} writes");
            for name in binding.template.names() {
                assert!(binding.input.get_field_by_name(name).is_some(), "{path}: {name}");
            }
            let Found::Binding(found, _) = rest.find(&binding.verb, &path.replace(['{', '}'], ""))
            else {
                panic!("{path} leads nowhere");
            };
            assert_eq!(found.method.path, binding.method.path, "{path}");
        }
    }

    #[test]
    fn a_path_without_this_verb_tells_the_others() {
        let rest = Rest::new().expect("descriptors");
        let Found::OtherVerbs(verbs) = rest.find(&http::Method::PUT, "/v1/lots/7") else {
            panic!()
        };
        assert_eq!(verbs, "GET, PATCH");
        assert!(matches!(rest.find(&http::Method::GET, "/v1/nothing"), Found::Nothing));
    }
}
