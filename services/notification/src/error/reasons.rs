//! The list of reasons: docs/errors.md is made from it.

use parkmesh_platform::fault::Kind;

/// Every reason of this service: its name, its kind, and what a caller does about it.
pub const REASONS: &[(&str, Kind, &str)] = &[
    ("ARGUMENT_INVALID", Kind::Invalid, "Correct the fields that BadRequest names."),
    (
        "PAGE_TOKEN_INVALID",
        Kind::Invalid,
        "List again without a token; tokens are bound to the arguments and the caller.",
    ),
    (
        "REQUEST_ID_REUSED",
        Kind::Invalid,
        "Give every new request an id of its own; repeat an id only with the same body.",
    ),
    ("PREFERENCES_VERSION_STALE", Kind::Contention, "Read the preferences again and decide anew."),
    ("LOT_NOT_FOUND", Kind::NotFound, "Check the id; operators see their own lots only."),
    ("DELIVERY_NOT_FOUND", Kind::NotFound, "Check the id; ListDeliveries names them."),
    ("STREAM_EXPIRED", Kind::Unavailable, "Watch again after the sequence last seen."),
    ("STORE_BUSY", Kind::Contention, "Repeat the call."),
    ("STORE_UNAVAILABLE", Kind::Unavailable, "Repeat the call after a moment."),
    ("STORE_TIMEOUT", Kind::Timeout, "Repeat the call after a moment."),
    ("INTERNAL", Kind::Internal, "Our mistake; the log of the service knows more."),
];
