//! The reasons that the plumbing itself can give, for the catalogue in docs/errors.md.

use crate::fault::Kind;

/// Who says so: the ErrorInfo domain.
pub const DOMAIN: &str = crate::auth::DOMAIN;

/// Reason, kind, and what to do.
pub const REASONS: &[(&str, Kind, &str)] = &[
    ("TOKEN_MISSING", Kind::Unauthenticated, "Send `authorization: Bearer <token>`."),
    ("TOKEN_EXPIRED", Kind::Unauthenticated, "Get a new token."),
    ("TOKEN_INVALID", Kind::Unauthenticated, "Get a token from an issuer that this system trusts."),
    ("KEYS_UNAVAILABLE", Kind::Unavailable, "The keys of the issuer are out of reach; try again."),
    ("SCOPE_MISSING", Kind::Forbidden, "Use a token that grants one of the method's scopes."),
    (
        "CALLER_NOT_ALLOWED",
        Kind::Forbidden,
        "This method is for other services; call it as one of them.",
    ),
    (
        "NAME_NOT_PROVEN",
        Kind::Unauthenticated,
        "Between services the certificate is the name: send no token of a service.",
    ),
    (
        "RELAY_NOT_ALLOWED",
        Kind::Forbidden,
        "Send the calls of people and devices to the gateway, which passes their tokens on.",
    ),
    ("METHOD_UNKNOWN", Kind::Forbidden, "Check the method's name against the protos."),
    ("OVERLOADED", Kind::Unavailable, "Try again after the time in RetryInfo."),
    (
        "DEADLINE_EXCEEDED",
        Kind::Timeout,
        "Writes may have happened: repeat with the same request id.",
    ),
    ("SHUTTING_DOWN", Kind::Unavailable, "Try again at once; another process answers."),
    ("CONNECTION_RETIRES", Kind::Unavailable, "Open the stream again, with its resume token."),
    ("STREAM_LIFE_OVER", Kind::Unavailable, "Open the stream again, with its resume token."),
    ("SERVICE_AWAY", Kind::Unavailable, "A service behind this one is out of reach; try again."),
    (
        "INTERNAL",
        Kind::Internal,
        "Our mistake; it is in our logs. Repeat with the same request id.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Denial;
    use crate::fault::Fault;

    #[test]
    fn every_denial_stands_in_the_table_with_its_kind() {
        for denial in Denial::ALL {
            let found = REASONS.iter().find(|(reason, _, _)| *reason == denial.reason());
            assert_eq!(found.map(|(_, kind, _)| *kind), Some(denial.kind()), "{denial:?}");
        }
    }
}
