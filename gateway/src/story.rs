//! One request as it is told afterwards: a line of the access log, and the counts of its route.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Version};
use parkmesh_contracts::methods::Method;
use parkmesh_platform::clock::Clock;
use serde::Serialize;
use tokio::time::Instant;
use tonic::Code;

use crate::access::AccessLog;
use crate::cluster::{Chosen, Failed, Replica};
use crate::red::Red;

/// Longest path of a client's own making that is told, in characters.
const PATH_MAX: usize = 128;

/// Why a request went as it did, in Envoy's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// No replica to ask.
    NoHealthyUpstream,
    /// None could be reached.
    UpstreamConnectionFailure,
    /// The replica broke off.
    UpstreamConnectionTermination,
    /// A limit of the cluster.
    UpstreamOverflow,
    /// The deadline.
    UpstreamRequestTimeout,
    /// No such path, or none that a token opens.
    NoRoute,
    /// Too many calls of this client.
    RateLimited,
    /// Who calls may not.
    Unauthorized,
    /// Shed under load.
    OverloadManager,
    /// The client broke off.
    DownstreamConnectionTermination,
    /// What the client sent makes no sense.
    DownstreamProtocolError,
    /// Nothing came on a stream.
    StreamIdle,
    /// A stream's life, or its connection's, was over.
    DurationTimeout,
}

impl Flag {
    /// Envoy's letters.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::NoHealthyUpstream => "UH",
            Self::UpstreamConnectionFailure => "UF",
            Self::UpstreamConnectionTermination => "UC",
            Self::UpstreamOverflow => "UO",
            Self::UpstreamRequestTimeout => "UT",
            Self::NoRoute => "NR",
            Self::RateLimited => "RL",
            Self::Unauthorized => "UAEX",
            Self::OverloadManager => "OM",
            Self::DownstreamConnectionTermination => "DC",
            Self::DownstreamProtocolError => "DPE",
            Self::StreamIdle => "SI",
            Self::DurationTimeout => "DT",
        }
    }
}

impl From<Failed> for Flag {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoHost => Self::NoHealthyUpstream,
            Failed::Connect => Self::UpstreamConnectionFailure,
            Failed::Reset => Self::UpstreamConnectionTermination,
            Failed::Request => Self::DownstreamProtocolError,
            Failed::Full => Self::UpstreamOverflow,
            Failed::TooLate => Self::UpstreamRequestTimeout,
        }
    }
}

/// What is told of a request. It is told when it is dropped: with the last byte, or when the client goes.
pub struct Story {
    log: Option<Arc<AccessLog>>,
    clock: Clock,
    started: Instant,
    verb: http::Method,
    path: Cow<'static, str>,
    version: Version,
    trace_id: Option<String>,
    status: Option<u16>,
    code: Option<Code>,
    flag: Option<Flag>,
    retries_spent: bool,
    red: Option<Arc<Red>>,
    answered_by: Option<Replica>,
    attempts: u32,
    bytes_sent: u64,
}

/// A line of the access log.
#[derive(Serialize)]
struct Line<'s> {
    start_time: String,
    method: &'s str,
    path: &'s str,
    protocol: &'static str,
    response_code: u16,
    grpc_status: Option<i32>,
    response_flags: &'s str,
    duration_ms: u64,
    bytes_sent: u64,
    upstream_cluster: Option<&'s str>,
    upstream_host: Option<&'s str>,
    upstream_request_attempt_count: u32,
    trace_id: Option<&'s str>,
}

impl Story {
    /// Begins with what the client sent.
    pub fn begin<B>(
        request: &Request<B>,
        method: Option<&'static Method>,
        log: Option<Arc<AccessLog>>,
        clock: &Clock,
    ) -> Self {
        let path = match (method, &log) {
            (Some(method), _) => Cow::Borrowed(method.path),
            (None, Some(_)) => Cow::Owned(request.uri().path().chars().take(PATH_MAX).collect()),
            (None, None) => Cow::Borrowed(""),
        };
        Self {
            trace_id: log.as_ref().and_then(|_| trace_id(request.headers())),
            log,
            clock: clock.clone(),
            started: Instant::now(),
            verb: request.method().clone(),
            path,
            version: request.version(),
            status: None,
            code: None,
            flag: None,
            retries_spent: false,
            red: None,
            answered_by: None,
            attempts: 0,
            bytes_sent: 0,
        }
    }

    /// Why it went as it did; the first reason counts.
    pub fn flag(&mut self, flag: Flag) {
        self.flag.get_or_insert(flag);
    }

    /// The route that it took.
    pub fn took(&mut self, red: &Arc<Red>) {
        self.red = Some(Arc::clone(red));
    }

    /// Who answered.
    pub fn answered_by(&mut self, chosen: &Chosen) {
        self.answered_by = self.log.as_ref().map(|_log| chosen.replica());
        self.attempts = chosen.attempts;
    }

    /// Nobody did.
    pub fn failed(&mut self, failed: Failed, attempts: u32, retries_spent: bool) {
        self.flag(failed.into());
        self.attempts = attempts;
        self.retries_spent = retries_spent;
    }

    /// How it ended; the first status counts.
    pub fn end(&mut self, code: Code) {
        self.code.get_or_insert(code);
    }

    /// Looks for a status in headers or trailers.
    pub fn see(&mut self, headers: &HeaderMap) {
        if let (None, Some(status)) = (self.code, headers.get("grpc-status")) {
            self.code = Some(Code::from_bytes(status.as_bytes()));
        }
    }

    /// The answer's HTTP status.
    pub fn status(&mut self, status: http::StatusCode) {
        self.status = Some(status.as_u16());
    }

    /// Bytes of the answer's body.
    pub fn sent(&mut self, bytes: usize) {
        self.bytes_sent += bytes as u64;
    }

    fn flags(&self) -> Cow<'static, str> {
        match (self.flag, self.retries_spent) {
            (Some(flag), true) => Cow::Owned(format!("{},URX", flag.letters())),
            (Some(flag), false) => Cow::Borrowed(flag.letters()),
            (None, _) => Cow::Borrowed("-"),
        }
    }

    fn line(&self, took: Duration) -> Option<String> {
        let now = self.clock.now();
        let start_time = now.checked_sub(took).unwrap_or(now).to_string();
        let line = Line {
            start_time,
            method: self.verb.as_str(),
            path: &self.path,
            protocol: if self.version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" },
            response_code: self.status.unwrap_or(0),
            grpc_status: self.code.map(|code| code as i32),
            response_flags: &self.flags(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            bytes_sent: self.bytes_sent,
            upstream_cluster: self.answered_by.as_ref().map(Replica::cluster),
            upstream_host: self.answered_by.as_ref().map(Replica::address),
            upstream_request_attempt_count: self.attempts,
            trace_id: self.trace_id.as_deref(),
        };
        serde_json::to_string(&line).ok()
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        // A call whose end was never seen was given up by its client.
        if self.red.is_some() && self.code.is_none() {
            self.flag(Flag::DownstreamConnectionTermination);
        }
        if let Some(red) = &self.red {
            red.count(self.code.unwrap_or(Code::Cancelled), took);
        }
        if let Some((log, line)) = self.log.as_ref().and_then(|log| Some((log, self.line(took)?))) {
            log.write(line);
        }
    }
}

/// The trace that a W3C header names.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("traceparent")?.to_str().ok()?.split('-').nth(1)?;
    let good = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| id.to_owned())
}
