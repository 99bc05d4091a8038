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
        "MODEL_UNKNOWN",
        Kind::Invalid,
        "Name a model that has a decoder: plain-json, or one that `parkmesh decode --help` lists.",
    ),
    (
        "DEVICE_TAKEN",
        Kind::AlreadyExists,
        "The devices in the metadata watch other spots; nothing was registered.",
    ),
    (
        "SPOT_TAKEN_BY_DEVICE",
        Kind::AlreadyExists,
        "The spots in the metadata are watched by other devices; nothing was registered.",
    ),
    ("LOT_NOT_FOUND", Kind::NotFound, "Check the id; operators see their own lots only."),
    ("SPOT_NOT_FOUND", Kind::NotFound, "Check the id; a spot without a sensor is not known here."),
    (
        "PLATE_READ_NOT_FOUND",
        Kind::NotFound,
        "Acknowledge a passage of the last two days, at the lot of its gate.",
    ),
    (
        "REQUEST_ID_REUSED",
        Kind::Invalid,
        "Give every new request an id of its own; repeat an id only with the same body.",
    ),
    (
        "DEVICE_NOT_OWN",
        Kind::Forbidden,
        "Send only readings of the device, or of the lots, that the token is for.",
    ),
    ("BATCH_MISSING", Kind::Invalid, "Number the batches from 1 without gaps; open a new stream."),
    ("READER_TOO_SLOW", Kind::Exhausted, "Read the snapshot faster; begin again."),
    ("STREAM_EXPIRED", Kind::Unavailable, "Watch again with the last resume token."),
    (
        "STREAM_ENDING",
        Kind::Unavailable,
        "Open the stream again and send what is not acknowledged.",
    ),
    ("STORE_BUSY", Kind::Contention, "Repeat the call."),
    ("STORE_UNAVAILABLE", Kind::Unavailable, "Repeat the call after a moment."),
    ("STORE_TIMEOUT", Kind::Timeout, "Repeat the call: the outcome is not known."),
    ("BUS_UNAVAILABLE", Kind::Unavailable, "Repeat the call after a moment."),
    ("INTERNAL", Kind::Internal, "Our mistake; the log of the service knows more."),
];
