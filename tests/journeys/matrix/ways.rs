//! The ways in: gRPC, gRPC-web and REST through the gateway, and straight at the service. Every call is one message there and the first
//! thing that comes back.

use std::time::Duration;

use parkmesh_contracts::methods::Method;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::rest;
use crate::support::Up;

/// A stream from which nothing came for so long was let in.
pub const SILENCE: Duration = Duration::from_millis(1_500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Native, at the gateway.
    Grpc,
    /// As browsers do, at the gateway.
    Web,
    /// In JSON, at the gateway.
    Rest,
    /// At the service itself.
    Straight,
}

impl Way {
    /// Whether the gateway stands in between.
    pub fn is_outside(self) -> bool {
        self != Self::Straight
    }
}

/// Doors and descriptors.
pub struct Doors {
    gateway: String,
    channel: Channel,
    services: std::collections::BTreeMap<&'static str, Channel>,
    http: reqwest::Client,
    pool: DescriptorPool,
}

impl Doors {
    pub fn of(up: &Up) -> Self {
        let connect = |url: String| Endpoint::from_shared(url).expect("an address").connect_lazy();
        let roles = parkmesh_contracts::methods::METHODS.iter().map(|method| method.role);
        let services = roles.map(|role| (role, connect(up.told(&format!("/services/{role}")))));
        Self {
            gateway: up.gateway(),
            channel: connect(up.gateway()),
            services: services.collect(),
            http: reqwest::Client::new(),
            pool: DescriptorPool::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET)
                .expect("descriptors"),
        }
    }

    pub fn described(&self, method: &Method) -> MethodDescriptor {
        let service = self.pool.get_service_by_name(method.service).expect(method.path);
        service.methods().find(|one| one.name() == method.name).expect(method.path)
    }

    /// The ways in that a method has: who streams, or is inside only, has no REST.
    pub fn ways(&self, method: &Method) -> Vec<Way> {
        let rest = rest::rule(&self.pool, &self.described(method)).map(|_rule| Way::Rest);
        [Way::Grpc, Way::Web, Way::Straight].into_iter().chain(rest).collect()
    }

    /// The first message of the answer, or nothing from a stream that stays silent or ends well.
    pub async fn call(
        &self,
        way: Way,
        method: &'static Method,
        json: &str,
        token: Option<&str>,
    ) -> Result<Value, Status> {
        let described = self.described(method);
        let mut read = serde_json::Deserializer::from_str(json);
        let request = DynamicMessage::deserialize(described.input(), &mut read);
        let request = request.unwrap_or_else(|error| panic!("{}: {error}", method.path));
        let bytes = request.encode_to_vec();
        let answer = match way {
            Way::Grpc => native(self.channel.clone(), method, bytes, token).await?,
            Way::Straight => {
                native(self.services[method.role].clone(), method, bytes, token).await?
            }
            Way::Web => self.web(method, &bytes, token).await?,
            Way::Rest => {
                let rule = rest::rule(&self.pool, &described).expect(method.path);
                return rest::call(&self.http, &self.gateway, &rule, json, token).await;
            }
        };
        let Some(answer) = answer else { return Ok(Value::Null) };
        let answer = DynamicMessage::decode(described.output(), &answer[..]).expect("an answer");
        Ok(serde_json::to_value(answer).expect("JSON"))
    }

    async fn web(
        &self,
        method: &'static Method,
        bytes: &[u8],
        token: Option<&str>,
    ) -> Result<Option<Vec<u8>>, Status> {
        let mut body = vec![0];
        body.extend_from_slice(&u32::try_from(bytes.len()).expect("short").to_be_bytes());
        body.extend_from_slice(bytes);
        let mut request = self.http.post(format!("{}{}", self.gateway, method.path)).body(body);
        request = request.header("content-type", "application/grpc-web+proto");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let mut response = request.send().await.expect("an answer");
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Err(status);
        }
        let mut read = Vec::new();
        loop {
            let length =
                read.get(1..5).map(|four| u32::from_be_bytes(four.try_into().expect("four")));
            if let Some(frame) = length.and_then(|length| read.get(5..5 + length as usize)) {
                return if read[0] & 0x80 == 0 { Ok(Some(frame.to_vec())) } else { ended(frame) };
            }
            match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(chunk) => {
                    read.extend_from_slice(&chunk.expect("a chunk").expect("no end before"))
                }
                Err(_silent) => return Ok(None),
            }
        }
    }
}

/// What a trailer frame says.
fn ended(frame: &[u8]) -> Result<Option<Vec<u8>>, Status> {
    let text = std::str::from_utf8(frame).expect("text");
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let headers: http::HeaderMap = pairs
        .map(|(name, value)| {
            let name = http::HeaderName::try_from(name).expect("a name");
            (name, http::HeaderValue::try_from(value.trim()).expect("a value"))
        })
        .collect();
    let status = Status::from_header_map(&headers).expect("a status");
    if status.code() == Code::Ok { Ok(None) } else { Err(status) }
}

async fn native(
    channel: Channel,
    method: &'static Method,
    bytes: Vec<u8>,
    token: Option<&str>,
) -> Result<Option<Vec<u8>>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("a connection");
    let mut request = tonic::Request::new(tokio_stream::once(bytes));
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().expect("a token");
        request.metadata_mut().insert("authorization", bearer);
    }
    let path = http::uri::PathAndQuery::from_static(method.path);
    let asked = tokio::time::timeout(SILENCE * 4, client.streaming(request, path, Raw)).await;
    let mut answers = match asked {
        Ok(answer) => answer?.into_inner(),
        Err(_silent) => return Ok(None),
    };
    tokio::time::timeout(SILENCE, answers.message()).await.unwrap_or(Ok(None))
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(into, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = bytes::Buf::remaining(from);
        Ok(Some(bytes::Buf::copy_to_bytes(from, length).to_vec()))
    }
}
