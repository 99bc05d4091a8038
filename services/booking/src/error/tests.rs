use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::validate::Violation;
use tonic::Code;

use super::*;
use crate::domain::discount::Source;

/// One of each variant.
fn all() -> Vec<Error> {
    let spot_id = SpotId::from(uuid::Uuid::nil());
    vec![
        Error::field("name", "must not be empty"),
        Error::PageTokenInvalid,
        Error::RequestIdReused,
        Error::OperatorRequired,
        Error::LotNotFound,
        Error::FloorNotFound,
        Error::SpotNotFound,
        Error::AllotmentNotFound,
        Error::TimeZoneUnknown,
        Error::CurrencyUnknown,
        Error::FloorNumberTaken,
        Error::FloorLimitReached(200),
        Error::SpotNumberTaken(vec!["A1".to_owned()]),
        Error::SpotVersionStale { spot_id, version: 3, extra: Vec::new() },
        Error::LotVersionStale { version: 3, extra: Vec::new() },
        Error::FloorVersionStale { version: 3, extra: Vec::new() },
        Error::Batch {
            number: 3,
            rows: vec!["spots[17]".to_owned()],
            cause: Box::new(Error::FloorNotFound),
        },
        Error::WindowOutsideOpeningHours(None),
        Error::WindowInvalid("must end after it starts".to_owned()),
        Error::EndNotLater,
        Error::WindowPast,
        Error::SpotTaken { extra: Vec::new() },
        Error::SpotOutOfService,
        Error::SpotClosed(jiff::Timestamp::UNIX_EPOCH),
        Error::ClosureNotFound,
        Error::ClosureLimitReached(500),
        Error::SoldOut,
        Error::TooManyHolds(3),
        Error::TicketFixed,
        Error::ChangeLapsed,
        Error::PermitRequired,
        DiscountRefusal::NotFound.into(),
        DiscountRefusal::CodeTaken.into(),
        DiscountRefusal::CodeInvalid.into(),
        DiscountRefusal::ValidationInvalid.into(),
        DiscountRefusal::CodeUsedUp.into(),
        DiscountRefusal::ValidationUsedUp.into(),
        DiscountRefusal::Present(Source::PromoCode).into(),
        DiscountRefusal::Present(Source::Merchant).into(),
        DiscountRefusal::NothingToPay.into(),
        DiscountRefusal::PaymentUnderway.into(),
        Error::BookingNotFound,
        Error::HoldExpired,
        Error::BookingStateWrong(BookingState::NoShow),
        Error::ArrivalTooEarly { from: jiff::Timestamp::UNIX_EPOCH },
        Error::PaymentDeclined { code: "insufficient_funds".to_owned() },
        Error::PaymentUnknown,
        Error::StreamExpired,
        Error::ReaderTooSlow,
        Error::Crowded,
        Error::from(sqlx::Error::PoolTimedOut),
        Error::from(sqlx::Error::RowNotFound),
        Error::Bus("away".into()),
        Error::Broken("a spot without a lot".to_owned()),
    ]
}

#[test]
fn every_error_stands_in_the_list_of_reasons() {
    for error in all() {
        let reason = error.reason();
        assert!(REASONS.iter().any(|(name, ..)| *name == reason), "{reason} is not listed");
    }
}

#[test]
fn every_reason_stands_once() {
    for (name, ..) in REASONS {
        assert_eq!(REASONS.iter().filter(|(other, ..)| other == name).count(), 1, "{name}");
    }
}

#[test]
fn an_unknown_time_zone_names_its_field() {
    let violations = Error::TimeZoneUnknown.details().violations;
    let description = "must be an IANA time zone such as Europe/Berlin".to_owned();
    assert_eq!(violations, [Violation { field: "time_zone".to_owned(), description }]);
}

#[test]
fn a_store_error_does_not_tell_what_is_inside() {
    let status = tonic::Status::from(Error::from(sqlx::Error::RowNotFound));
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    let status = tonic::Status::from(Error::from(sqlx::Error::PoolTimedOut));
    assert_eq!(status.code(), Code::Unavailable);
}

#[test]
fn a_wrong_state_says_the_state_that_stands() {
    let error = Error::BookingStateWrong(BookingState::NoShow);
    assert_eq!(error.to_string(), "the booking is no show");
    assert_eq!(error.kind(), Kind::Precondition);
}

/// The reasons that a service's proto names after `Errors:`.
fn named_in(proto: &str) -> Vec<&str> {
    proto
        .lines()
        .filter(|line| line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_uppercase() || c == '_')))
        .filter(|word| word.len() > 4 && word.contains('_'))
        .collect()
}

#[test]
fn every_reason_that_the_protos_name_is_listed() {
    let protos = [
        include_str!("../../../../proto/parkmesh/booking/v1/booking_service.proto"),
        include_str!("../../../../proto/parkmesh/booking/v1/inventory_service.proto"),
    ];
    let mut named: Vec<&str> = protos.into_iter().flat_map(named_in).collect();
    named.sort_unstable();
    named.dedup();
    // One of them is enough to know that the comments were read.
    assert!(named.contains(&"SPOT_TAKEN") && named.contains(&"TIME_ZONE_UNKNOWN"), "{named:?}");
    let listed = |word: &&str| REASONS.iter().any(|(reason, ..)| reason == word);
    let missing: Vec<&str> = named.into_iter().filter(|word| !listed(word)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
