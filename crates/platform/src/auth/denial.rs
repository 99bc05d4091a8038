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
    /// The certificate of the connection names another service than the token.
    #[error("the token names another service than the certificate of the connection")]
    NameNotProven,
    /// A service of ours that passes on somebody's token, and should not have it.
    #[error("this service may not pass on the tokens of others")]
    RelayNotAllowed,
    /// The service is there, the method is not in the table.
    #[error("the method is not known")]
    MethodUnknown,
}

impl Denial {
    /// Every denial, for the catalogue of errors.
    pub const ALL: [Self; 9] = [
        Self::TokenMissing,
        Self::TokenExpired,
        Self::TokenInvalid,
        Self::KeysUnavailable,
        Self::ScopeMissing,
        Self::CallerNotAllowed,
        Self::NameNotProven,
        Self::RelayNotAllowed,
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
            Self::TokenMissing | Self::TokenExpired | Self::TokenInvalid | Self::NameNotProven => {
                Kind::Unauthenticated
            }
            Self::KeysUnavailable => Kind::Unavailable,
            Self::ScopeMissing
            | Self::CallerNotAllowed
            | Self::RelayNotAllowed
            | Self::MethodUnknown => Kind::Forbidden,
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
            Self::NameNotProven => "NAME_NOT_PROVEN",
            Self::RelayNotAllowed => "RELAY_NOT_ALLOWED",
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
