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
    (
        "OPERATOR_REQUIRED",
        Kind::Forbidden,
        "Call as an operator whose token is not bound to other lots.",
    ),
    ("LOT_NOT_FOUND", Kind::NotFound, "Check the id; operators change their own lots only."),
    (
        "FLOOR_NOT_FOUND",
        Kind::NotFound,
        "Check the id; operators change the floors of their own lots only.",
    ),
    (
        "SPOT_NOT_FOUND",
        Kind::NotFound,
        "Check the id; operators change the spots of their own lots only.",
    ),
    ("TARIFF_NOT_FOUND", Kind::NotFound, "Check the lot and the version; 0 reads the newest."),
    ("ALLOTMENT_NOT_FOUND", Kind::NotFound, "Check the id; ListAllotments names those of a lot."),
    ("TIME_ZONE_UNKNOWN", Kind::Invalid, "Give an IANA time zone such as Europe/Berlin."),
    ("CURRENCY_UNKNOWN", Kind::Invalid, "Give an ISO 4217 code such as EUR."),
    (
        "FLOOR_NUMBER_TAKEN",
        Kind::AlreadyExists,
        "Choose another number; numbers are unique in a lot.",
    ),
    ("FLOOR_LIMIT_REACHED", Kind::Exhausted, "Make another lot; the floors of one are limited."),
    (
        "SPOT_NUMBER_TAKEN",
        Kind::AlreadyExists,
        "Choose other numbers for those in the metadata; nothing was made.",
    ),
    (
        "LOT_VERSION_STALE",
        Kind::Contention,
        "Look at the lot again and decide anew; details carry what stands.",
    ),
    (
        "FLOOR_VERSION_STALE",
        Kind::Contention,
        "Look at the floor again and decide anew; details carry what stands.",
    ),
    (
        "SPOT_VERSION_STALE",
        Kind::Contention,
        "Look at the spot again and decide anew; details carry what stands.",
    ),
    (
        "WINDOW_INVALID",
        Kind::Invalid,
        "Give a window that ends after it starts, within the limits that the text names.",
    ),
    (
        "WINDOW_OUTSIDE_OPENING_HOURS",
        Kind::Precondition,
        "Choose a window in which the lot is open; the metadata names the next opening.",
    ),
    ("WINDOW_PAST", Kind::Invalid, "Give a window that starts now or later."),
    ("SPOT_TAKEN", Kind::Precondition, "Take one of the Alternatives in the details."),
    (
        "SPOT_CLOSED",
        Kind::Precondition,
        "Choose another spot, or a window from the time in the metadata on.",
    ),
    (
        "CLOSURE_NOT_FOUND",
        Kind::NotFound,
        "Check the id; operators remove the closures of their own lots only.",
    ),
    (
        "CLOSURE_LIMIT_REACHED",
        Kind::Exhausted,
        "Remove closures, or close a floor or the lot instead of its spots.",
    ),
    ("SPOT_OUT_OF_SERVICE", Kind::Precondition, "Choose another spot."),
    ("SOLD_OUT", Kind::Precondition, "Choose another window, type or lot."),
    ("TOO_MANY_HOLDS", Kind::Exhausted, "Confirm or cancel a hold, or let one end."),
    (
        "HOLD_CHURN_EXCEEDED",
        Kind::Exhausted,
        "Confirm what is held; hold again after the time in RetryInfo.",
    ),
    (
        "USER_NOT_FOUND",
        Kind::NotFound,
        "Let the user ask; operators erase users who have booked at their own lots only.",
    ),
    (
        "USER_HAS_LIVE_BOOKINGS",
        Kind::Precondition,
        "Cancel or end the bookings, and leave the waitlists, first.",
    ),
    ("ERASURE_NOT_FOUND", Kind::NotFound, "Check the id; EraseUser told it."),
    (
        "GUEST_HAS_BOOKING",
        Kind::Precondition,
        "Book again with the token of another guest, or with an account.",
    ),
    ("DRIVE_UP_NOT_ALLOWED", Kind::Precondition, "Book, or go to the kiosk of the lot."),
    (
        "PERMIT_REQUIRED",
        Kind::Precondition,
        "Say that the driver has a permit, or choose another spot.",
    ),
    (
        "WAITLIST_NOT_NEEDED",
        Kind::Precondition,
        "Hold one of the Alternatives in the details, or any of the pool.",
    ),
    (
        "WAITLIST_ENTRY_NOT_FOUND",
        Kind::NotFound,
        "Check the id; somebody else's entry is not found.",
    ),
    (
        "WAITLIST_STATE_WRONG",
        Kind::Precondition,
        "Read the entry; the metadata names the state that stands.",
    ),
    ("TOO_MANY_WAITS", Kind::Exhausted, "Leave an entry of this lot, or let one end."),
    ("WAITLIST_FULL", Kind::Exhausted, "Choose another window, type or lot."),
    ("BOOKING_NOT_FOUND", Kind::NotFound, "Check the id; somebody else's booking is not found."),
    ("TICKET_FIXED", Kind::Precondition, "Give the ticket back and take another one."),
    ("CHANGE_LAPSED", Kind::Precondition, "Ask for the change again with another request_id."),
    ("HOLD_EXPIRED", Kind::Precondition, "Hold a spot again."),
    (
        "BOOKING_STATE_WRONG",
        Kind::Precondition,
        "Read the booking; the metadata names the state that stands.",
    ),
    ("ARRIVAL_TOO_EARLY", Kind::Precondition, "Arrive at the time in the metadata or later."),
    (
        "PAYMENT_DECLINED",
        Kind::Precondition,
        "Confirm with another payment method and another request_id; the hold stands.",
    ),
    ("PAYMENT_UNKNOWN", Kind::Unavailable, "Repeat with the same request_id."),
    ("STREAM_EXPIRED", Kind::Unavailable, "Open the stream again with the version last seen."),
    ("READER_TOO_SLOW", Kind::Timeout, "Open the stream again and read it without pauses."),
    ("STORE_BUSY", Kind::Contention, "Repeat the call with the same request_id."),
    (
        "STORE_UNAVAILABLE",
        Kind::Unavailable,
        "Repeat the call with the same request_id after a moment.",
    ),
    (
        "STORE_TIMEOUT",
        Kind::Timeout,
        "Repeat the call with the same request_id: the outcome is not known.",
    ),
    ("BUS_UNAVAILABLE", Kind::Unavailable, "Repeat the call after a moment."),
    ("INTERNAL", Kind::Internal, "Our mistake; the log of the service knows more."),
];
