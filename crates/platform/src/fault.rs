//! One short list of kinds of error, and the one place where they become gRPC statuses.
//!
//! A service's `Error` says its [`Kind`], its stable reason and a text for the caller; [`to_status`] adds
//! `google.rpc.ErrorInfo` always and BadRequest, RetryInfo, PreconditionFailure or details of the service's
//! own where they apply, and logs it once, at the level of its kind, without personal data.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use parkmesh_contracts::validate::{Validate, Violation};
use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::{StatusExt, pb};

/// What sort of thing went wrong. Closed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The request makes no sense, whatever the state.
    Invalid,
    /// Nobody knows who calls.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// There is no such thing, or it is somebody else's.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// The state that stands does not allow it.
    Precondition,
    /// Somebody else was faster; look again and decide anew.
    Contention,
    /// A limit is reached.
    Exhausted,
    /// A part is away; try again.
    Unavailable,
    /// It took too long, and the outcome is not known.
    Timeout,
    /// Our mistake.
    Internal,
}

impl Kind {
    /// The gRPC code of this kind.
    pub const fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Precondition => Code::FailedPrecondition,
            Self::Contention => Code::Aborted,
            Self::Exhausted => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Timeout => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }
}

/// An error that can stand at a door.
pub trait Fault: Error {
    /// Its kind.
    fn kind(&self) -> Kind;
    /// Its stable name, UPPER_SNAKE, listed in docs/errors.md.
    fn reason(&self) -> &'static str;
    /// What the caller is told: a sentence that says what to do, without inner matters. `Display` and the
    /// sources are for us.
    fn public(&self) -> String;
    /// What else the caller gets, for programs.
    fn details(&self) -> Details {
        Details::default()
    }
}

/// What a status carries beside its reason.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Metadata of ErrorInfo: ids and states, never secrets.
    pub metadata: Vec<(&'static str, String)>,
    /// Fields that break a rule: BadRequest.
    pub violations: Vec<Violation>,
    /// When to try again: RetryInfo.
    pub retry_after: Option<Duration>,
    /// What stands in the way: PreconditionFailure.
    pub preconditions: Vec<Precondition>,
    /// Messages of the service's own, made with [`any`].
    pub extra: Vec<Any>,
}

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// What sort of rule, for example `BOOKING_STATE`.
    pub kind: &'static str,
    /// The thing, for example `booking/<id>`.
    pub subject: String,
    /// What stands, for people.
    pub description: String,
}

/// The error as gRPC carries it. `domain` names who says so, for example `booking.parkmesh`.
pub fn to_status(domain: &'static str, fault: &(impl Fault + ?Sized)) -> Status {
    let (kind, reason) = (fault.kind(), fault.reason());
    log(domain, fault);
    let details = fault.details();
    let message = fault.public();
    let metadata: HashMap<String, String> =
        details.metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let info = pb::ErrorInfo { reason: reason.to_owned(), domain: domain.to_owned(), metadata };
    let mut all = vec![any_named("google.rpc.ErrorInfo", &info)];
    if !details.violations.is_empty() {
        let found = bad_request(&details.violations);
        all.push(any_named("google.rpc.BadRequest", &found));
    }
    if let Some(wait) = details.retry_after {
        let retry_delay = prost_types::Duration::try_from(wait).ok();
        all.push(any_named("google.rpc.RetryInfo", &pb::RetryInfo { retry_delay }));
    }
    if !details.preconditions.is_empty() {
        let found = precondition_failure(details.preconditions);
        all.push(any_named("google.rpc.PreconditionFailure", &found));
    }
    all.extend(details.extra);
    let status = pb::Status { code: kind.code() as i32, message: message.clone(), details: all };
    Status::with_details(kind.code(), message, status.encode_to_vec().into())
}

/// A message in the envelope that details travel in.
pub fn any<M: Name>(message: &M) -> Any {
    any_named(&M::full_name(), message)
}

fn any_named(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// The first detail of this type in a status: how a caller reads [`Details::extra`].
pub fn find_detail<M: Name + Default>(status: &Status) -> Option<M> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let name = M::full_name();
    let found =
        details.iter().find(|any| any.type_url.rsplit('/').next() == Some(name.as_str()))?;
    M::decode(found.value.as_slice()).ok()
}

/// The reason in a status, if it carries one.
pub fn reason_of(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// What the reason in a status says under this name, for example `decline_code`.
pub fn metadata_of(status: &Status, name: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.remove(name)
}

/// One field that a conversion cannot take.
pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Violation {
    Violation { field: field.into(), description: description.into() }
}

/// Checks a request against the rules of its proto; the first thing that a door does.
///
/// # Errors
/// What is wrong, field by field; for a variant of the service's error that carries it as BadRequest.
pub fn check<M: Validate>(message: &M) -> Result<(), Vec<Violation>> {
    message.validate()
}

/// The sentence for a request with these violations.
pub fn sentence(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

fn bad_request(violations: &[Violation]) -> pb::BadRequest {
    let field_violations = violations.iter().map(|violation| pb::bad_request::FieldViolation {
        field: violation.field.clone(),
        description: violation.description.clone(),
        ..Default::default()
    });
    pb::BadRequest { field_violations: field_violations.collect() }
}

fn precondition_failure(preconditions: Vec<Precondition>) -> pb::PreconditionFailure {
    let violations = preconditions.into_iter().map(|found| pb::precondition_failure::Violation {
        r#type: found.kind.to_owned(),
        subject: found.subject,
        description: found.description,
    });
    pb::PreconditionFailure { violations: violations.collect() }
}

fn log(domain: &'static str, fault: &(impl Fault + ?Sized)) {
    let reason = fault.reason();
    match fault.kind() {
        Kind::Internal => tracing::error!(domain, reason, error = %chain(fault), "call failed"),
        Kind::Unavailable | Kind::Timeout => {
            tracing::warn!(domain, reason, error = %chain(fault), "call failed");
        }
        _ => tracing::debug!(domain, reason, "call refused"),
    }
}

/// An error and all that caused it, in one line.
pub fn chain(error: &(impl Error + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
