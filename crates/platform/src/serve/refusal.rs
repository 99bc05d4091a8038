//! Refusals that come from the serving itself, before or instead of a service's own answer.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::auth::DOMAIN;

/// Why a call ended without its service's answer. These are counted by the metrics and not logged
/// one by one: under overload the log would be the next thing to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many calls in flight for one of this criticality.
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The answer was not there in time.
    DeadlineExceeded,
    /// This process stops; another replica, or the next process, goes on.
    ShuttingDown,
    /// The connection retires so that load spreads anew; a stream is to be opened again.
    ConnectionRetires,
    /// The stream has lived as long as a stream may; it is to be opened again.
    StreamLifeOver,
    /// The handler broke.
    HandlerFailed,
    /// No such service here.
    PathUnknown,
}

/// After a stream was ended by us, another replica can be asked almost at once.
const REOPEN_AFTER: Duration = Duration::from_millis(100);

impl Refusal {
    /// As the caller sees it.
    pub fn to_status(self) -> Status {
        let (code, reason, message, retry_after) = match self {
            Self::Overloaded { retry_after } => {
                (Code::Unavailable, "OVERLOADED", "too many calls in flight", Some(retry_after))
            }
            Self::DeadlineExceeded => {
                (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the deadline has passed", None)
            }
            Self::ShuttingDown => {
                (Code::Unavailable, "SHUTTING_DOWN", "the server is stopping", Some(REOPEN_AFTER))
            }
            Self::ConnectionRetires => (
                Code::Unavailable,
                "CONNECTION_RETIRES",
                "the connection retires; open the stream again",
                Some(REOPEN_AFTER),
            ),
            Self::StreamLifeOver => (
                Code::Unavailable,
                "STREAM_LIFE_OVER",
                "the stream has reached its age; open it again",
                Some(REOPEN_AFTER),
            ),
            Self::HandlerFailed => (Code::Internal, "INTERNAL", "internal error", None),
            Self::PathUnknown => {
                (Code::Unimplemented, "PATH_UNKNOWN", "no such service here", None)
            }
        };
        status_with_reason(code, reason, message, retry_after)
    }
}

/// A status with ErrorInfo and, where a time is given, RetryInfo.
pub(crate) fn status_with_reason(
    code: Code,
    reason: &'static str,
    message: &str,
    retry_after: Option<Duration>,
) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    if retry_after.is_some() {
        details.set_retry_info(retry_after);
    }
    Status::with_error_details(code, message, details)
}
