//! What the gateway itself has to say, before or instead of a service.

use std::time::Duration;

use parkmesh_platform::fault::{self, Details, Fault, Kind};
use tonic::Status;

/// Who says so, in ErrorInfo.
pub const DOMAIN: &str = "gateway.parkmesh";

/// Every reason, for docs/errors.md: its kind, and what to do about it.
pub const REASONS: &[(&str, Kind, &str)] = &[
    ("METHOD_INTERNAL", Kind::Forbidden, "The method is for services inside only; call another."),
    (
        "SERVICE_AWAY",
        Kind::Unavailable,
        "No replica of the service answers. Try again after the time told.",
    ),
    (
        "SERVICE_FULL",
        Kind::Unavailable,
        "As much is under way at the service as may be. Try again after the time told.",
    ),
    (
        "SERVICE_BROKE_OFF",
        Kind::Unavailable,
        "The service went away in the middle of an answer; read again, and repeat writes with the same request_id.",
    ),
    (
        "STREAM_IDLE",
        Kind::Unavailable,
        "Nothing came on the stream for too long. Open it again, with its resume token.",
    ),
    (
        "REQUEST_BROKEN",
        Kind::Invalid,
        "The body is not gRPC framing, or not base64 in text mode; mend the client.",
    ),
    (
        "JSON_INVALID",
        Kind::Invalid,
        "The request is not what the method takes: an argument is unknown, or does not fit. See /openapi.json.",
    ),
    (
        "RATE_LIMITED",
        Kind::Exhausted,
        "This client calls too often. Try again after the time told.",
    ),
    ("REQUEST_TOO_LARGE", Kind::Exhausted, "The request is over the limit; send less at once."),
    ("REQUEST_TOO_SLOW", Kind::Timeout, "The body did not arrive in time; send it at once."),
    (
        "ANSWER_TOO_LARGE",
        Kind::Exhausted,
        "A message of the answer is over the limit; ask for a smaller page.",
    ),
];

/// When to try again after a service was away.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Why the gateway answers for itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No token admits anybody to this method.
    #[error("the method is for services inside only")]
    MethodInternal,
    /// No endpoint of the role gave an answer, or none is configured.
    #[error("no endpoint of {role} answers")]
    ServiceAway {
        /// Whose endpoints.
        role: &'static str,
    },
    /// A limit of what the role's endpoints are asked at once.
    #[error("{role} has no room for more")]
    ServiceFull {
        /// Whose endpoints.
        role: &'static str,
    },
    /// The answer began and did not end.
    #[error("the service broke off in the middle of its answer")]
    ServiceBrokeOff,
    /// A stream on which nothing came.
    #[error("nothing came on the stream for too long")]
    StreamIdle,
    /// Not gRPC frames.
    #[error("the request's body is not readable")]
    RequestBroken,
    /// No JSON, or not of the method's message.
    #[error("{what}")]
    JsonInvalid {
        /// What is wrong with it.
        what: String,
    },
    /// Over the limit.
    #[error("the request is longer than {bytes_max} bytes")]
    RequestTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// The body took too long.
    #[error("the request's body did not arrive in time")]
    RequestTooSlow,
    /// The client asks too often.
    #[error("too many calls of this client")]
    RateLimited {
        /// When there is room again.
        retry_after: Duration,
    },
    /// A message over the limit in an answer.
    #[error("a message of the answer is too long")]
    AnswerTooLarge,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::MethodInternal => Kind::Forbidden,
            Self::ServiceAway { .. }
            | Self::ServiceFull { .. }
            | Self::ServiceBrokeOff
            | Self::StreamIdle => Kind::Unavailable,
            Self::RequestBroken | Self::JsonInvalid { .. } => Kind::Invalid,
            Self::RequestTooLarge { .. } | Self::AnswerTooLarge | Self::RateLimited { .. } => {
                Kind::Exhausted
            }
            Self::RequestTooSlow => Kind::Timeout,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::MethodInternal => "METHOD_INTERNAL",
            Self::ServiceAway { .. } => "SERVICE_AWAY",
            Self::ServiceFull { .. } => "SERVICE_FULL",
            Self::ServiceBrokeOff => "SERVICE_BROKE_OFF",
            Self::StreamIdle => "STREAM_IDLE",
            Self::RequestBroken => "REQUEST_BROKEN",
            Self::JsonInvalid { .. } => "JSON_INVALID",
            Self::RequestTooLarge { .. } => "REQUEST_TOO_LARGE",
            Self::RequestTooSlow => "REQUEST_TOO_SLOW",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::AnswerTooLarge => "ANSWER_TOO_LARGE",
        }
    }

    fn public(&self) -> String {
        match self {
            // Which roles there are inside is nobody's business outside.
            Self::ServiceAway { .. } => "the service is out of reach; try again".to_owned(),
            Self::ServiceFull { .. } => "the service has no room for more; try again".to_owned(),
            other => other.to_string(),
        }
    }

    fn details(&self) -> Details {
        let retry_after = match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            other => (other.kind() == Kind::Unavailable).then_some(RETRY_AFTER),
        };
        Details { retry_after, ..Details::default() }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        fault::to_status(DOMAIN, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_stands_in_the_list_with_its_kind() {
        let all = [
            Error::MethodInternal,
            Error::ServiceAway { role: "booking" },
            Error::ServiceFull { role: "booking" },
            Error::ServiceBrokeOff,
            Error::StreamIdle,
            Error::RequestBroken,
            Error::JsonInvalid { what: "x".to_owned() },
            Error::RequestTooLarge { bytes_max: 1 },
            Error::RequestTooSlow,
            Error::RateLimited { retry_after: Duration::ZERO },
            Error::AnswerTooLarge,
        ];
        assert_eq!(all.len(), REASONS.len());
        for error in all {
            let listed = REASONS.iter().find(|(reason, _, _)| *reason == error.reason());
            assert_eq!(listed.map(|(_, kind, _)| *kind), Some(error.kind()), "{error}");
        }
    }

    #[test]
    fn the_inside_is_not_shown_outside() {
        for error in
            [Error::ServiceAway { role: "booking" }, Error::ServiceFull { role: "booking" }]
        {
            let status = Status::from(error);
            assert_eq!(status.code(), tonic::Code::Unavailable);
            assert!(!status.message().contains("booking"));
        }
    }
}
