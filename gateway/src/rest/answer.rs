//! What comes back, as JSON: a message, a stream of lines, or an error as `google.rpc.Status`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use parkmesh_contracts::methods::Method;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::DOCUMENT;
use crate::web::frame::{TRAILER_FLAG, next_frame, read_trailers};

const JSON: &str = "application/json";
/// A line for each message, as it comes.
const LINES: &str = "application/x-ndjson";

/// The answer of a call in gRPC-Web as REST has it.
pub async fn of(
    answered: Response<Body>,
    output: MessageDescriptor,
    method: &Method,
    pool: &DescriptorPool,
) -> Response<Body> {
    let (parts, body) = answered.into_parts();
    if let Some(status) = Status::from_header_map(&parts.headers) {
        // With a status in its headers an answer has no message.
        return of_status(pool, &status);
    }
    if method.server_streaming {
        let lines = Lines { inner: body, output, pool: pool.clone(), ended: false };
        return told(StatusCode::OK, LINES, Body::new(lines));
    }
    let mut bytes = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(status) => return of_status(pool, &status),
    };
    let mut message = None;
    let mut ended = None;
    while let Some((flags, frame)) = next_frame(&mut bytes) {
        match flags & TRAILER_FLAG {
            0 => message = Some(frame),
            _ => ended = Status::from_header_map(&read_trailers(&frame)),
        }
    }
    let failed = ended.filter(|status| status.code() != Code::Ok);
    let text = match (failed, message) {
        (Some(status), _) => Err(status),
        (None, Some(message)) => json_of(output, &message),
        (None, None) => Err(Status::internal("the service gave no answer")),
    };
    match text {
        Ok(text) => told(StatusCode::OK, JSON, Body::new(Full::from(text))),
        Err(status) => of_status(pool, &status),
    }
}

/// An error: `google.rpc.Status`, with the HTTP status that stands for its code.
pub fn of_status(pool: &DescriptorPool, status: &Status) -> Response<Body> {
    let text = serde_json::to_vec(&status_json(pool, status)).unwrap_or_default();
    let mut response = told(http_status(status.code()), JSON, Body::new(Full::from(text)));
    let headers = response.headers_mut();
    if status.code() == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
    if let Some(wait) = wait {
        // Whole seconds, and never too early.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Nothing has this path.
pub fn no_path() -> Response<Body> {
    let text = format!("{{\"code\":5,\"message\":\"nothing here; see {DOCUMENT}\"}}");
    told(StatusCode::NOT_FOUND, JSON, Body::new(text))
}

/// The path is there, by other verbs.
pub fn wrong_verb(verbs: &str) -> Response<Body> {
    let text = format!("{{\"code\":12,\"message\":\"here there is {verbs}\"}}");
    let mut response = told(StatusCode::METHOD_NOT_ALLOWED, JSON, Body::new(text));
    if let Ok(verbs) = HeaderValue::try_from(verbs) {
        response.headers_mut().insert(header::ALLOW, verbs);
    }
    response
}

fn told(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Our answers are a caller's own: no cache on the way may keep one.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// As google/rpc/code.proto maps them.
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Details that the contracts do not know are left out.
fn status_json(pool: &DescriptorPool, status: &Status) -> serde_json::Value {
    let plain = || serde_json::json!({ "code": status.code() as i32, "message": status.message() });
    if status.details().is_empty() {
        return plain();
    }
    let told = pool.get_message_by_name("google.rpc.Status");
    let told = told.and_then(|of| DynamicMessage::decode(of, status.details()).ok());
    told.and_then(|told| serde_json::to_value(told).ok()).unwrap_or_else(plain)
}

fn json_of(output: MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Status> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "an answer is not what the contracts say");
        Status::internal("the answer is not readable")
    };
    let message = DynamicMessage::decode(output, bytes).map_err(|error| unreadable(&error))?;
    let mut text = serde_json::Serializer::new(Vec::new());
    let options = SerializeOptions::new();
    message.serialize_with_options(&mut text, &options).map_err(|error| unreadable(&error))?;
    Ok(text.into_inner())
}

/// A stream: `{"result": …}` for each message, and `{"error": …}` where it does not end well.
struct Lines {
    inner: Body,
    output: MessageDescriptor,
    pool: DescriptorPool,
    ended: bool,
}

impl Lines {
    fn end(&mut self, status: &Status, into: &mut Vec<u8>) {
        self.ended = true;
        if status.code() != Code::Ok {
            let line = serde_json::json!({ "error": status_json(&self.pool, status) });
            into.extend_from_slice(line.to_string().as_bytes());
            into.push(b'\n');
        }
    }

    fn lines(&mut self, mut bytes: Bytes) -> Vec<u8> {
        let mut text = Vec::new();
        while let (false, Some((flags, frame))) = (self.ended, next_frame(&mut bytes)) {
            if flags & TRAILER_FLAG != 0 {
                let status = Status::from_header_map(&read_trailers(&frame));
                self.end(&status.unwrap_or_else(|| Status::unknown("no status")), &mut text);
                break;
            }
            match json_of(self.output.clone(), &frame) {
                Ok(message) => {
                    text.extend_from_slice(b"{\"result\":");
                    text.extend_from_slice(&message);
                    text.extend_from_slice(b"}\n");
                }
                Err(status) => self.end(&status, &mut text),
            }
        }
        text
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let Some(polled) = ready!(Pin::new(&mut self.inner).poll_frame(cx)) else {
                return Poll::Ready(None);
            };
            // The guard gives whole frames.
            let text = match polled.map(Frame::into_data) {
                Ok(Ok(data)) => self.lines(data),
                Ok(Err(_trailers)) => continue,
                Err(status) => {
                    let mut text = Vec::new();
                    self.end(&status, &mut text);
                    text
                }
            };
            if !text.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(text.into()))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_its_details() {
        let pool =
            DescriptorPool::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
        let status = crate::error::Error::ServiceAway { role: "booking" }.into();
        let told = status_json(&pool, &status);
        assert_eq!(told["code"], 14);
        assert_eq!(told["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
        assert_eq!(told["details"][0]["reason"], "SERVICE_AWAY");
        let response = of_status(&pool, &status);
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &HeaderValue::from_static("1"))
        );
    }
}
