//! A call, and how its outcome becomes a line of the record.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    Booking, BookingState, CancelBookingRequest, CheckInRequest, ClaimSpotRequest,
    ConfirmBookingRequest, CreateBookingRequest, EndSessionRequest, ExtendBookingRequest,
    GetBookingRequest, HoldSpotRequest, MoveBookingRequest, StartWalkInRequest,
};
use parkmesh_history::{Call, Id, Outcome, Reason};
use parkmesh_platform::fault::{metadata_of, reason_of};
use prost::Message;
use tonic::{Code, Request, Status};

use super::Run;
use crate::client::Gateway;

/// How long an answer is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(35);

/// A request, as it is sent.
#[derive(Debug, Clone)]
pub enum Ask {
    Hold(HoldSpotRequest),
    Create(CreateBookingRequest),
    Confirm(ConfirmBookingRequest),
    Cancel(CancelBookingRequest),
    CheckIn(CheckInRequest),
    End(EndSessionRequest),
    WalkIn(StartWalkInRequest),
    Extend(ExtendBookingRequest),
    Move(MoveBookingRequest),
    Claim(ClaimSpotRequest),
    Get(GetBookingRequest),
}

impl Ask {
    /// Digest of all but the request id.
    pub fn digest(&self) -> u64 {
        let mut bare = self.clone();
        if let Some(id) = bare.request_id() {
            id.clear();
        }
        digest(&match bare {
            Self::Hold(request) => request.encode_to_vec(),
            Self::Create(request) => request.encode_to_vec(),
            Self::Confirm(request) => request.encode_to_vec(),
            Self::Cancel(request) => request.encode_to_vec(),
            Self::CheckIn(request) => request.encode_to_vec(),
            Self::End(request) => request.encode_to_vec(),
            Self::WalkIn(request) => request.encode_to_vec(),
            Self::Extend(request) => request.encode_to_vec(),
            Self::Move(request) => request.encode_to_vec(),
            Self::Claim(request) => request.encode_to_vec(),
            Self::Get(request) => request.encode_to_vec(),
        })
    }

    /// The request id, of those that have one.
    pub fn request_id(&mut self) -> Option<&mut String> {
        match self {
            Self::Hold(request) => Some(&mut request.request_id),
            Self::Create(request) => Some(&mut request.request_id),
            Self::Confirm(request) => Some(&mut request.request_id),
            Self::Cancel(request) => Some(&mut request.request_id),
            Self::CheckIn(request) => Some(&mut request.request_id),
            Self::End(request) => Some(&mut request.request_id),
            Self::WalkIn(request) => Some(&mut request.request_id),
            Self::Extend(request) => Some(&mut request.request_id),
            Self::Move(request) => Some(&mut request.request_id),
            Self::Claim(request) => Some(&mut request.request_id),
            Self::Get(_) => None,
        }
    }

    async fn send(self, way: Gateway) -> Result<Option<Booking>, Status> {
        let mut client = BookingServiceClient::new(way);
        Ok(match self {
            Self::Hold(request) => client.hold_spot(timed(request)).await?.into_inner().booking,
            Self::Create(request) => {
                client.create_booking(timed(request)).await?.into_inner().booking
            }
            Self::Confirm(request) => {
                client.confirm_booking(timed(request)).await?.into_inner().booking
            }
            Self::Cancel(request) => {
                client.cancel_booking(timed(request)).await?.into_inner().booking
            }
            Self::CheckIn(request) => client.check_in(timed(request)).await?.into_inner().booking,
            Self::End(request) => client.end_session(timed(request)).await?.into_inner().booking,
            Self::WalkIn(request) => {
                client.start_walk_in(timed(request)).await?.into_inner().booking
            }
            Self::Extend(request) => {
                client.extend_booking(timed(request)).await?.into_inner().booking
            }
            Self::Move(request) => client.move_booking(timed(request)).await?.into_inner().booking,
            Self::Claim(request) => client.claim_spot(timed(request)).await?.into_inner().booking,
            Self::Get(request) => client.get_booking(timed(request)).await?.into_inner().booking,
        })
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_MAX);
    request
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Asks, fills the line in, and gives the booking in the answer.
pub async fn ask(run: &Run, way: Gateway, ask: Ask, call: &mut Call) -> Option<Booking> {
    call.invoke = run.recorder.now();
    let outcome = tokio::time::timeout(ANSWER_MAX, ask.send(way)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")));
    call.ret = run.recorder.now();
    match outcome {
        Ok(Some(booking)) => {
            answered(run, call, &booking);
            Some(booking)
        }
        Ok(None) => {
            (call.outcome, call.reason) = (Outcome::Refused, Reason::Internal);
            None
        }
        Err(status) => {
            refused(call, &status);
            None
        }
    }
}

/// Fills in what a booking tells.
pub fn answered(run: &Run, call: &mut Call, booking: &Booking) {
    call.outcome = Outcome::Done;
    call.answer = digest(&booking.encode_to_vec());
    call.booking = id(&booking.booking_id);
    call.got_spot = run.world.spot(&booking.spot_id);
    call.kept = run.recorder.window(booking.window.as_ref());
    call.hold_end = match booking.state() {
        BookingState::Held => run.recorder.instant(booking.hold_expire_time.as_ref()),
        _ => 0,
    };
    call.state = booking.state();
    call.version = u32::try_from(booking.version).unwrap_or(u32::MAX);
}

/// Fills in why it was refused, or why nobody knows.
pub fn refused(call: &mut Call, status: &Status) {
    let reason = reason_of(status);
    (call.outcome, call.reason) = match reason.as_deref() {
        Some("SPOT_TAKEN") => (Outcome::Refused, Reason::SpotTaken),
        Some("SOLD_OUT") => (Outcome::Refused, Reason::SoldOut),
        Some("TOO_MANY_HOLDS") => (Outcome::Refused, Reason::TooManyHolds),
        Some("SPOT_VERSION_STALE") => (Outcome::Refused, Reason::SpotVersionStale),
        Some("SPOT_OUT_OF_SERVICE") => (Outcome::Refused, Reason::SpotOutOfService),
        Some("HOLD_EXPIRED") => (Outcome::Refused, Reason::HoldExpired),
        Some("BOOKING_STATE_WRONG") => (Outcome::Refused, Reason::StateWrong),
        Some("BOOKING_NOT_FOUND") => (Outcome::Refused, Reason::NotFound),
        Some("ARRIVAL_TOO_EARLY") => (Outcome::Refused, Reason::TooEarly),
        Some("REQUEST_ID_REUSED") => (Outcome::Refused, Reason::RequestIdReused),
        Some("WINDOW_PAST") => (Outcome::Refused, Reason::WindowPast),
        Some("WINDOW_INVALID") => (Outcome::Refused, Reason::WindowInvalid),
        Some("CHANGE_LAPSED") => (Outcome::Refused, Reason::ChangeLapsed),
        Some("PAYMENT_UNKNOWN") => (Outcome::Unknown, Reason::PaymentUnknown),
        // Without a reason it is the transport that speaks.
        None if of_transport(status.code()) => (Outcome::Unknown, Reason::ConnectionLost),
        _ => match status.code() {
            Code::Aborted => (Outcome::Unknown, Reason::Busy),
            Code::DeadlineExceeded | Code::Cancelled => (Outcome::Unknown, Reason::Deadline),
            Code::Unavailable => (Outcome::Unknown, Reason::Unavailable),
            Code::Internal => (Outcome::Refused, Reason::Internal),
            _ => (Outcome::Refused, Reason::Other),
        },
    };
    if matches!(call.reason, Reason::Internal | Reason::Other) {
        eprintln!("  {:?} was refused in a way that nothing explains: {status}", call.op);
    }
    if call.reason == Reason::StateWrong {
        let state = metadata_of(status, "state");
        let state = state.and_then(|state| BookingState::from_str_name(&state));
        call.state = state.unwrap_or(BookingState::Unspecified);
    }
}

/// Whether the transport says so when a connection dies.
fn of_transport(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Unknown | Code::Internal | Code::ResourceExhausted)
}

/// A UUID of a message as the record keeps it.
pub fn id(text: &str) -> Id {
    uuid::Uuid::parse_str(text).map_or(Id::NONE, |uuid| Id::of(uuid.as_u128()))
}
