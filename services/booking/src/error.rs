//! Everything that this service refuses or fails with, and what a caller is told.

use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::validate::Violation;
use parkmesh_platform::fault::{self, Details, Fault, Kind, Precondition, invalid};
use parkmesh_platform::page::PageTokenInvalid;
use prost_types::Any;

use crate::domain::inventory::Spot;

mod discount;
mod reasons;
mod store;
mod waitlist;

pub use discount::DiscountRefusal;
pub use reasons::REASONS;
pub use waitlist::WaitlistRefusal;

/// Who says so, in `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "booking.parkmesh";

/// When a caller may ask again after the store was away or the provider silent.
const RETRY_AFTER: Duration = Duration::from_secs(1);

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
    /// The id was used for another request.
    #[error("request_id was used for another request; a new request needs a new id")]
    RequestIdReused,
    /// Not an operator, or one whose token is bound to lots that exist.
    #[error("only an operator whose token is not bound to other lots may do this")]
    OperatorRequired,

    /// No such lot, or not the caller's to change.
    #[error("there is no such lot")]
    LotNotFound,
    /// No such floor, or not the caller's to change.
    #[error("there is no such floor")]
    FloorNotFound,
    /// The lot has no tariff of this version, or there is no such lot.
    #[error("there is no such tariff")]
    TariffNotFound,
    /// No such spot, or not the caller's to change.
    #[error("there is no such spot")]
    SpotNotFound,
    /// No such allotment.
    #[error("there is no such allotment")]
    AllotmentNotFound,
    /// Not in the database of time zones.
    #[error("time_zone must be an IANA time zone such as Europe/Berlin")]
    TimeZoneUnknown,
    /// Not a currency whose minor unit we know.
    #[error("hourly_rate.currency_code must be an ISO 4217 code such as EUR")]
    CurrencyUnknown,
    /// The lot has a floor of this number.
    #[error("the lot has a floor of this number")]
    FloorNumberTaken,
    /// The lot has as many floors as a lot may have.
    #[error("a lot has at most {0} floors")]
    FloorLimitReached(usize),
    /// No such closure, or not the caller's to change.
    #[error("there is no such closure")]
    ClosureNotFound,
    /// The lot has as many closures ahead as a lot may have.
    #[error("a lot has at most {0} closures that have not ended")]
    ClosureLimitReached(usize),
    /// The lot has spots of these numbers.
    #[error("the lot has spots of these numbers: {}", .0.join(", "))]
    SpotNumberTaken(Vec<String>),
    /// The lot has changed since the caller saw it. `extra` holds the lot as it stands.
    #[error("the lot has changed since you saw it; look again")]
    LotVersionStale {
        /// Its version now.
        version: i64,
        /// Details for programs.
        extra: Vec<Any>,
    },
    /// The floor has changed since the caller saw it. `extra` holds the floor as it stands.
    #[error("the floor has changed since you saw it; look again")]
    FloorVersionStale {
        /// Its version now.
        version: i64,
        /// Details for programs.
        extra: Vec<Any>,
    },
    /// A batch of an import was refused, for this cause.
    #[error("batch {number}: {cause}")]
    Batch {
        /// Which batch.
        number: i32,
        /// Which rows of it, as `spots[17]`; empty where it is not a matter of single ones.
        rows: Vec<String>,
        /// Why.
        cause: Box<Error>,
    },
    /// The spot has changed since the caller saw it. `extra` holds the spot as it stands, or
    /// Alternatives.
    #[error("the spot has changed since you saw it; look again")]
    SpotVersionStale {
        /// Which spot.
        spot_id: SpotId,
        /// Its version now.
        version: i64,
        /// Details for programs.
        extra: Vec<Any>,
    },

    /// Not a window that can be priced or held; the sentence says why.
    #[error("window {0}")]
    WindowInvalid(String),
    /// The end that is asked for is not after the one that stands.
    #[error("end_time must be after the end that stands")]
    EndNotLater,
    /// The lot is closed at some time in the window.
    #[error("the lot is closed in this window{}", next_opening(.0.as_deref()))]
    WindowOutsideOpeningHours(Option<Box<jiff::Zoned>>),
    /// The window begins too long ago.
    #[error("window.start_time is in the past")]
    WindowPast,
    /// Somebody else has the spot in this window.
    #[error("the spot is taken in this window")]
    SpotTaken {
        /// What else is free: Alternatives.
        extra: Vec<Any>,
    },
    /// The operator closed it.
    #[error("the spot is out of service")]
    SpotOutOfService,
    /// The operator closed it for a time that the window meets.
    #[error("the spot is closed in this window, until {0}")]
    SpotClosed(jiff::Timestamp),
    /// No spot of the pool is free for the whole window.
    #[error("no spot of this type is free for the whole window")]
    SoldOut,
    /// The driver holds as many spots of the lot as the lot allows.
    #[error("at most {0} holds at a time; confirm or cancel one first")]
    TooManyHolds(i32),
    /// The driver has made too many holds that came to nothing.
    #[error("at most {most} holds an hour may come to nothing; hold again at {from}")]
    HoldChurnExceeded {
        /// How many the lot allows.
        most: i32,
        /// From when on one more is allowed.
        from: jiff::Timestamp,
        /// How long it is until then.
        wait: Duration,
    },
    /// No such user, or one who has booked at others' lots too.
    #[error("there is no such user, or it is not yours to erase")]
    UserNotFound,
    /// The user has bookings that live, or waits in a line.
    #[error(
        "the user has {0} bookings or waits that have not ended; cancel, end or leave them first"
    )]
    UserHasLiveBookings(i64),
    /// No such erasure.
    #[error("there is no such erasure")]
    ErasureNotFound,
    /// A guest's identity stands for one booking.
    #[error("a guest has one booking; book again as another guest, or with an account")]
    GuestHasBooking,
    /// The lot lets only kiosks and its operator start a session that was not booked.
    #[error("drivers cannot start a session here without having booked")]
    DriveUpNotAllowed,
    /// An accessible spot without a permit.
    #[error("this spot is for holders of a disability permit")]
    PermitRequired,

    /// The waitlist says no.
    #[error(transparent)]
    Waitlist(#[from] WaitlistRefusal),

    /// Discounts say no.
    #[error(transparent)]
    Discount(#[from] DiscountRefusal),

    /// No such booking, or somebody else's.
    #[error("there is no such booking")]
    BookingNotFound,
    /// The hold has ended.
    #[error("the hold has ended; hold a spot again")]
    HoldExpired,
    /// The booking's state does not allow it.
    #[error("the booking is {}", state_word(*.0))]
    BookingStateWrong(BookingState),
    /// A ticket is good for the window of its allotment, wherever the car stands.
    #[error("a ticket cannot be moved or extended")]
    TicketFixed,
    /// The change waited for its money for too long, or another one came between; nothing is set
    /// aside for it.
    #[error("the change was given up; ask for it again with another request_id")]
    ChangeLapsed,
    /// Before the early-arrival time of the lot.
    #[error("it is too early to arrive; come at {from} or later")]
    ArrivalTooEarly {
        /// From when an arrival counts.
        from: jiff::Timestamp,
    },
    /// The provider said no. The hold stands.
    #[error("the payment was declined; try another payment method")]
    PaymentDeclined {
        /// The provider's word, for example `insufficient_funds`.
        code: String,
    },
    /// The provider's answer is not known yet.
    #[error("the payment's outcome is not known yet; repeat with the same request_id")]
    PaymentUnknown,
    /// A watch has reached its age.
    #[error("the stream has reached its age; call again with the version last seen")]
    StreamExpired,

    /// A snapshot's reader took no part for too long.
    #[error("the stream was not read for too long; open it again")]
    ReaderTooSlow,
    /// Others were faster again and again; nothing was done.
    #[error("too many want the same at this moment; try again")]
    Crowded,
    /// The database failed or is away.
    #[error("the store failed")]
    Store(#[source] Arc<sqlx::Error>),
    /// The stream of facts is away.
    #[error("the stream of facts is away")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row or an answer that cannot be; our mistake.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// One field that breaks a rule.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid(vec![invalid(field, description)])
    }

    /// The same once more, for another caller whom the same failure has met.
    pub fn again(&self) -> Self {
        match self {
            Self::Store(error) => Self::Store(Arc::clone(error)),
            other => Self::Broken(other.to_string()),
        }
    }
}

/// When the lot opens next, by the clock on its wall.
fn next_opening(next: Option<&jiff::Zoned>) -> String {
    next.map_or_else(String::new, |next| {
        format!("; it opens next on {}", next.strftime("%F at %R"))
    })
}

/// `reserved`, as people say it.
fn state_word(state: BookingState) -> String {
    let name = state.as_str_name();
    name.strip_prefix("BOOKING_STATE_").unwrap_or(name).to_lowercase().replace('_', " ")
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        let reason = self.reason();
        let row = REASONS.iter().find(|(name, ..)| *name == reason);
        row.map_or(Kind::Internal, |(_, kind, _)| *kind)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "ARGUMENT_INVALID",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::OperatorRequired => "OPERATOR_REQUIRED",
            Self::LotNotFound => "LOT_NOT_FOUND",
            Self::FloorNotFound => "FLOOR_NOT_FOUND",
            Self::SpotNotFound => "SPOT_NOT_FOUND",
            Self::TariffNotFound => "TARIFF_NOT_FOUND",
            Self::AllotmentNotFound => "ALLOTMENT_NOT_FOUND",
            Self::TimeZoneUnknown => "TIME_ZONE_UNKNOWN",
            Self::CurrencyUnknown => "CURRENCY_UNKNOWN",
            Self::FloorNumberTaken => "FLOOR_NUMBER_TAKEN",
            Self::FloorLimitReached(_) => "FLOOR_LIMIT_REACHED",
            Self::SpotNumberTaken(_) => "SPOT_NUMBER_TAKEN",
            Self::LotVersionStale { .. } => "LOT_VERSION_STALE",
            Self::FloorVersionStale { .. } => "FLOOR_VERSION_STALE",
            Self::Batch { cause, .. } => cause.reason(),
            Self::SpotVersionStale { .. } => "SPOT_VERSION_STALE",
            Self::WindowInvalid(_) | Self::EndNotLater => "WINDOW_INVALID",
            Self::WindowOutsideOpeningHours(_) => "WINDOW_OUTSIDE_OPENING_HOURS",
            Self::WindowPast => "WINDOW_PAST",
            Self::SpotTaken { .. } => "SPOT_TAKEN",
            Self::SpotOutOfService => "SPOT_OUT_OF_SERVICE",
            Self::SpotClosed(_) => "SPOT_CLOSED",
            Self::ClosureNotFound => "CLOSURE_NOT_FOUND",
            Self::ClosureLimitReached(_) => "CLOSURE_LIMIT_REACHED",
            Self::SoldOut => "SOLD_OUT",
            Self::TooManyHolds(_) => "TOO_MANY_HOLDS",
            Self::HoldChurnExceeded { .. } => "HOLD_CHURN_EXCEEDED",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::UserHasLiveBookings(_) => "USER_HAS_LIVE_BOOKINGS",
            Self::ErasureNotFound => "ERASURE_NOT_FOUND",
            Self::GuestHasBooking => "GUEST_HAS_BOOKING",
            Self::DriveUpNotAllowed => "DRIVE_UP_NOT_ALLOWED",
            Self::TicketFixed => "TICKET_FIXED",
            Self::ChangeLapsed => "CHANGE_LAPSED",
            Self::PermitRequired => "PERMIT_REQUIRED",
            Self::Waitlist(refusal) => refusal.reason(),
            Self::Discount(refusal) => refusal.reason(),
            Self::BookingNotFound => "BOOKING_NOT_FOUND",
            Self::HoldExpired => "HOLD_EXPIRED",
            Self::BookingStateWrong(_) => "BOOKING_STATE_WRONG",
            Self::ArrivalTooEarly { .. } => "ARRIVAL_TOO_EARLY",
            Self::PaymentDeclined { .. } => "PAYMENT_DECLINED",
            Self::PaymentUnknown => "PAYMENT_UNKNOWN",
            Self::StreamExpired => "STREAM_EXPIRED",
            Self::ReaderTooSlow => "READER_TOO_SLOW",
            Self::Crowded => "STORE_BUSY",
            Self::Store(error) => store::reason(error),
            Self::Bus(_) => "BUS_UNAVAILABLE",
            Self::Broken(_) => "INTERNAL",
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Store(_) | Self::Bus(_) | Self::Broken(_) => match self.kind() {
                Kind::Internal => "internal error".to_owned(),
                Kind::Timeout => "it took too long".to_owned(),
                _ => "a part of the service is away; try again".to_owned(),
            },
            Self::Batch { number, cause, .. } => format!("batch {number}: {}", cause.public()),
            told => told.to_string(),
        }
    }

    fn details(&self) -> Details {
        let mut details = Details::default();
        match self {
            Self::Invalid(violations) => details.violations.clone_from(violations),
            Self::PageTokenInvalid => details.violations = of_field("page_token", self),
            Self::RequestIdReused => details.violations = of_field("request_id", self),
            Self::TimeZoneUnknown => details.violations = of_field("time_zone", self),
            Self::CurrencyUnknown => {
                details.violations = of_field("hourly_rate.currency_code", self);
            }
            Self::WindowInvalid(why) => details.violations = vec![invalid("window", why)],
            Self::EndNotLater => details.violations = of_field("end_time", self),
            Self::WindowPast => details.violations = of_field("window.start_time", self),
            Self::WindowOutsideOpeningHours(next) => {
                let next = next.as_ref().map(|next| next.timestamp().to_string());
                details.metadata = next.map(|next| ("next_open_time", next)).into_iter().collect();
                details.preconditions = vec![Precondition {
                    kind: "OPENING_HOURS",
                    subject: "window".to_owned(),
                    description: self.to_string(),
                }];
            }
            Self::SpotNumberTaken(numbers) => {
                details.metadata = vec![("spot_numbers", numbers.join(","))];
            }
            Self::LotVersionStale { version, extra }
            | Self::FloorVersionStale { version, extra } => {
                details.metadata = vec![("version", version.to_string())];
                details.extra.clone_from(extra);
            }
            Self::Batch { number, rows, cause } => {
                details = cause.details();
                details.metadata.push(("batch", number.to_string()));
                if !rows.is_empty() {
                    details.metadata.push(("rows", rows.join(",")));
                }
            }
            Self::SpotVersionStale { spot_id, version, extra } => {
                details.metadata =
                    vec![("spot_id", spot_id.to_string()), ("version", version.to_string())];
                details.extra.clone_from(extra);
            }
            Self::Waitlist(refusal) => details = refusal.details(),
            Self::SpotTaken { extra } => details.extra.clone_from(extra),
            Self::BookingStateWrong(state) => {
                details.metadata = vec![("state", state.as_str_name().to_owned())];
                details.preconditions = vec![Precondition {
                    kind: "BOOKING_STATE",
                    subject: "booking".to_owned(),
                    description: self.to_string(),
                }];
            }
            Self::SpotClosed(until) => {
                details.metadata = vec![("closed_until", until.to_string())];
            }
            Self::HoldChurnExceeded { from, wait, .. } => {
                details.metadata = vec![("from", from.to_string())];
                details.retry_after = Some(*wait);
            }
            Self::ArrivalTooEarly { from } => details.metadata = vec![("from", from.to_string())],
            Self::PaymentDeclined { code } => {
                details.metadata = vec![("decline_code", code.clone())]
            }
            Self::PaymentUnknown
            | Self::StreamExpired
            | Self::Crowded
            | Self::Store(_)
            | Self::Bus(_)
                if self.kind() != Kind::Internal =>
            {
                details.retry_after = Some(RETRY_AFTER);
            }
            _ => {}
        }
        details
    }
}

/// Free spots, as the detail that tells them.
pub fn alternatives(free: &[Spot]) -> Vec<Any> {
    let alternatives = free.iter().map(|spot| proto::Alternative {
        spot_id: spot.spot_id.to_string(),
        floor_id: spot.floor_id.to_string(),
        spot_number: spot.spot_number.clone(),
        spot_version: spot.version,
    });
    vec![fault::any(&proto::Alternatives { alternatives: alternatives.collect() })]
}

/// The error's own sentence, as a violation of this field.
fn of_field(field: &str, error: &Error) -> Vec<Violation> {
    let sentence = error.to_string();
    let description = sentence.strip_prefix(field).map_or(sentence.as_str(), str::trim_start);
    vec![invalid(field, description)]
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
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
mod tests;
