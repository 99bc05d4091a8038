//! Everything that this service refuses or fails with, and what a caller is told.

use std::time::Duration;

use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::{self, Details, Fault, Kind, invalid};
use parkmesh_platform::page::PageTokenInvalid;

/// Who says so, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "availability.parkmesh";

/// When a caller may ask again while the picture is being built.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Every reason of this service: its name, its kind, and what a caller does about it.
pub const REASONS: &[(&str, Kind, &str)] = &[
    ("ARGUMENT_INVALID", Kind::Invalid, "Correct the fields that BadRequest names."),
    (
        "PAGE_TOKEN_INVALID",
        Kind::Invalid,
        "List again without a token; tokens are bound to the arguments and the caller.",
    ),
    ("LOT_NOT_FOUND", Kind::NotFound, "Check the id; a lot just made shows after a moment."),
    ("PICTURE_NOT_READY", Kind::Unavailable, "Repeat the call after the time in RetryInfo."),
    ("STREAM_EXPIRED", Kind::Unavailable, "Watch again with the last resume token."),
    ("INTERNAL", Kind::Internal, "Our mistake; the log of the service knows more."),
];

/// What went wrong. `Display` is the sentence for the caller, except where [`Fault::public`] hides
/// what is inside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that break a rule.
    #[error("{}", fault::sentence(.0))]
    Invalid(Vec<Violation>),
    /// A page token that is not ours, or of other arguments or another caller.
    #[error("page_token is not of this list; begin again without one")]
    PageTokenInvalid,
    /// The inventory has no such lot.
    #[error("there is no such lot")]
    LotNotFound,
    /// This replica has just started and Redis held nothing of the lot.
    #[error("the picture is being built; try again in a moment")]
    PictureNotReady,
    /// The watch has lived long enough.
    #[error("the stream has come to its end; watch again with the last resume token")]
    StreamExpired,
    /// A mistake of ours.
    #[error("{0}")]
    Broken(String),
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::PageTokenInvalid => Kind::Invalid,
            Self::LotNotFound => Kind::NotFound,
            Self::PictureNotReady | Self::StreamExpired => Kind::Unavailable,
            Self::Broken(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "ARGUMENT_INVALID",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::LotNotFound => "LOT_NOT_FOUND",
            Self::PictureNotReady => "PICTURE_NOT_READY",
            Self::StreamExpired => "STREAM_EXPIRED",
            Self::Broken(_) => "INTERNAL",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Broken(_) => "internal error".to_owned(),
            told => told.to_string(),
        }
    }

    fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::Invalid(violations) => details.violations.clone_from(violations),
            Self::PageTokenInvalid => {
                details.violations = vec![invalid("page_token", self.to_string())];
            }
            Self::PictureNotReady => details.retry_after = Some(RETRY_AFTER),
            Self::StreamExpired => details.retry_after = Some(Duration::ZERO),
            Self::LotNotFound | Self::Broken(_) => {}
        }
        details
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        fault::to_status(DOMAIN, &error)
    }
}

impl From<PageTokenInvalid> for Error {
    fn from(_: PageTokenInvalid) -> Self {
        Self::PageTokenInvalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_stands_in_the_list_of_reasons_with_its_kind() {
        let all = [
            Error::Invalid(Vec::new()),
            Error::PageTokenInvalid,
            Error::LotNotFound,
            Error::PictureNotReady,
            Error::StreamExpired,
            Error::Broken(String::new()),
        ];
        assert_eq!(all.len(), REASONS.len());
        for error in all {
            let listed = REASONS.iter().find(|(name, ..)| *name == error.reason());
            assert_eq!(listed.map(|(_, kind, _)| *kind), Some(error.kind()), "{error:?}");
        }
    }
}
