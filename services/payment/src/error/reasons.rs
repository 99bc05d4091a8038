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
        "CARD_NUMBER_REFUSED",
        Kind::Invalid,
        "Send the provider's token of a payment method, never a card number.",
    ),
    ("OPERATOR_REQUIRED", Kind::Forbidden, "Call as an operator."),
    ("PAYMENT_NOT_FOUND", Kind::NotFound, "Check the id; somebody else's payment is not found."),
    (
        "RECEIPT_NOT_FOUND",
        Kind::NotFound,
        "Ask again when the stay is over and the money is taken; somebody else's is not found.",
    ),
    (
        "PAYMENT_METHOD_NOT_FOUND",
        Kind::NotFound,
        "ListPaymentMethods names the caller's; somebody else's is not found.",
    ),
    (
        "PAYMENT_METHOD_UNKNOWN",
        Kind::Precondition,
        "Get a new token from the provider's form; this one is not known or has been used up.",
    ),
    ("PAYMENT_METHOD_LIMIT_REACHED", Kind::Exhausted, "Take a card off file first."),
    ("PROVIDER_UNAVAILABLE", Kind::Unavailable, "Repeat the call with the same request_id."),
    ("LOT_NOT_FOUND", Kind::NotFound, "Check the id; operators see their own lots only."),
    ("CURRENCIES_MIXED", Kind::Precondition, "Ask for a time in which the lot had one currency."),
    (
        "PAYMENT_STATE_WRONG",
        Kind::Precondition,
        "Read the payment; the metadata names the status that stands.",
    ),
    ("AMOUNT_ABOVE_AUTHORIZED", Kind::Precondition, "Capture at most the amount in the metadata."),
    ("AMOUNT_ABOVE_CAPTURED", Kind::Precondition, "Give back at most the amount in the metadata."),
    (
        "REFUND_IN_FLIGHT",
        Kind::Contention,
        "Try again after the time in RetryInfo: a payment has one refund under way at a time.",
    ),
    (
        "REFUND_FAILED",
        Kind::Precondition,
        "Give the money back in another way; failure_code says why the provider refused.",
    ),
    (
        "REQUEST_IN_FLIGHT",
        Kind::Contention,
        "Repeat with the same request_id after the time in RetryInfo.",
    ),
    (
        "PAYMENT_DECLINED",
        Kind::Precondition,
        "Ask for another payment method and use a new request_id; decline_code says why.",
    ),
    (
        "PAYMENT_UNKNOWN",
        Kind::Unavailable,
        "Repeat with the same request_id: the provider has not answered.",
    ),
    ("BOOKING_CLOSED", Kind::Precondition, "Hold a spot again; nothing is charged for this one."),
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
    ("INTERNAL", Kind::Internal, "Our mistake; the log of the service knows more."),
];
