//! Why a call is refused at the door.

use tonic::Status;

use crate::fault::{self, Details, Fault, Kind};

/// The ErrorInfo domain of refusals that come before any service of ours decides.
pub(crate) const DOMAIN: &str = "platform";

/// Why a caller is not let in. Says nothing about the token beyond what its holder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No `authorization: Bearer …`.
    #[error("no token")]
    TokenMissing,
    /// It was good once.
    #[error("the token has expired")]
    TokenExpired,
    /// Not a token, not signed by a known key, or not meant for us.
    #[error("the token is not valid")]
    TokenInvalid,
    /// The keys that could tell are out of reach.
    #[error("the keys that verify tokens are out of reach")]
    KeysUnavailable,
    /// The token is good, but does not grant this.
    #[error("the token grants none of the scopes that this method asks for")]
    ScopeMissing,
    /// A service of ours that has no business here.
    #[error("this service is not among the method's callers")]
    CallerNotAllowed,
    /// The service is there, the method is not in the table.
    #[error("the method is not known")]
    MethodUnknown,
}

impl Denial {
    /// Every denial, for the catalogue of errors.
    pub const ALL: [Self; 7] = [
        Self::TokenMissing,
        Self::TokenExpired,
        Self::TokenInvalid,
        Self::KeysUnavailable,
        Self::ScopeMissing,
        Self::CallerNotAllowed,
        Self::MethodUnknown,
    ];

    /// As the caller sees it.
    pub fn to_status(self) -> Status {
        fault::to_status(DOMAIN, &self)
    }
}

impl Fault for Denial {
    fn kind(&self) -> Kind {
        match self {
            Self::TokenMissing | Self::TokenExpired | Self::TokenInvalid => Kind::Unauthenticated,
            Self::KeysUnavailable => Kind::Unavailable,
            Self::ScopeMissing | Self::CallerNotAllowed | Self::MethodUnknown => Kind::Forbidden,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::KeysUnavailable => "KEYS_UNAVAILABLE",
            Self::ScopeMissing => "SCOPE_MISSING",
            Self::CallerNotAllowed => "CALLER_NOT_ALLOWED",
            Self::MethodUnknown => "METHOD_UNKNOWN",
        }
    }

    fn public(&self) -> String {
        self.to_string()
    }

    fn details(&self) -> Details {
        Details::default()
    }
}
