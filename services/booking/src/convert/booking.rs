//! Bookings: requests into what is wanted, bookings into messages.

use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::common::v1::{SpotType, Window as ProtoWindow};
use parkmesh_contracts::ids::{AllotmentId, FloorId, LotId, SpotId};
use parkmesh_contracts::time;
use parkmesh_contracts::window::{Window, WindowError};

use super::discount::reductions;
use super::inventory::{id, optional_id};
use crate::domain::booking::{Booking, Place, Price, Refusal, WindowRefusal};
use crate::domain::tariff::{FareError, Line};
use crate::error::{DiscountRefusal, Error};

/// Which spot is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This one, at the version seen; 0 for whatever stands.
    Spot(SpotId, i64),
    /// Any of a type, rather on this floor.
    Pool(LotId, SpotType, Option<FloorId>),
    /// The lowest free number of an allotment.
    Ticket(AllotmentId),
}

/// What is to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which spot.
    pub choice: Choice,
    /// When.
    pub window: Window,
    /// The car's plate, sealed, or empty.
    pub plate: String,
    /// The driver has a permit for accessible spots.
    pub disability_permit: bool,
    /// The car is there: of a pool only a spot on which no other stands will do.
    pub starts_now: bool,
}

/// The window of a request.
///
/// # Errors
/// [`Error::WindowInvalid`].
pub fn window(window: Option<&ProtoWindow>) -> Result<Window, Error> {
    let wrong = |why: String| Error::WindowInvalid(why);
    let window = window.ok_or_else(|| wrong("is required".to_owned()))?;
    Window::try_from(window).map_err(|error| match error {
        WindowError::Empty { .. } => wrong("must end after it starts".to_owned()),
        other => wrong(format!("is none: {other}")),
    })
}

impl TryFrom<&proto::HoldSpotRequest> for Wanted {
    type Error = Error;

    fn try_from(request: &proto::HoldSpotRequest) -> Result<Self, Error> {
        use proto::hold_spot_request::Choice as Asked;
        let choice = match &request.choice {
            Some(Asked::Spot(spot)) => {
                Choice::Spot(id("spot.spot_id", &spot.spot_id)?, spot.spot_version)
            }
            Some(Asked::Pool(pool)) => Choice::Pool(
                id("pool.lot_id", &pool.lot_id)?,
                pool.spot_type(),
                optional_id("pool.preferred_floor_id", &pool.preferred_floor_id)?,
            ),
            None => return Err(Error::field("choice", "is required")),
        };
        Ok(Self {
            choice,
            window: window(request.window.as_ref())?,
            plate: request.plate.clone(),
            disability_permit: request.disability_permit,
            starts_now: false,
        })
    }
}

/// The ticket that a request asks for, which is good for the window of its allotment.
///
/// # Errors
/// [`Error::Invalid`].
pub fn ticket(request: &proto::ReserveTicketRequest, window: Window) -> Result<Wanted, Error> {
    Ok(Wanted {
        choice: Choice::Ticket(id("allotment_id", &request.allotment_id)?),
        window,
        plate: request.plate.clone(),
        disability_permit: false,
        starts_now: false,
    })
}

/// The hold inside a request for both.
pub fn hold_of(request: &proto::CreateBookingRequest) -> proto::HoldSpotRequest {
    use proto::create_booking_request::Choice as Asked;
    use proto::hold_spot_request::Choice as Held;
    proto::HoldSpotRequest {
        request_id: request.request_id.clone(),
        choice: request.choice.clone().map(|choice| match choice {
            Asked::Spot(spot) => Held::Spot(spot),
            Asked::Pool(pool) => Held::Pool(pool),
        }),
        window: request.window,
        plate: request.plate.clone(),
        disability_permit: request.disability_permit,
    }
}

/// What a walk-in that starts now is to keep.
///
/// # Errors
/// [`Error::Invalid`].
pub fn walk_in(request: &proto::StartWalkInRequest, window: Window) -> Result<Wanted, Error> {
    use proto::hold_spot_request::Choice as Held;
    use proto::start_walk_in_request::Choice as Asked;
    let hold = proto::HoldSpotRequest {
        choice: request.choice.clone().map(|choice| match choice {
            Asked::Spot(spot) => Held::Spot(spot),
            Asked::Pool(pool) => Held::Pool(pool),
        }),
        window: Some(window.into()),
        plate: request.plate.clone(),
        disability_permit: request.disability_permit,
        ..Default::default()
    };
    Ok(Wanted { starts_now: true, ..Wanted::try_from(&hold)? })
}

/// The hold that somebody who waits will be offered.
pub fn hold_of_wish(request: &proto::JoinWaitlistRequest) -> proto::HoldSpotRequest {
    proto::HoldSpotRequest {
        request_id: request.request_id.clone(),
        choice: request.pool.clone().map(proto::hold_spot_request::Choice::Pool),
        window: request.window,
        plate: request.plate.clone(),
        disability_permit: request.disability_permit,
    }
}

impl From<WindowRefusal> for Error {
    fn from(refusal: WindowRefusal) -> Self {
        match refusal {
            WindowRefusal::Past => Self::WindowPast,
            other => Self::WindowInvalid(other.sentence().to_owned()),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::State(state) => Self::BookingStateWrong(state),
            Refusal::HoldExpired => Self::HoldExpired,
            Refusal::TooEarly(from) => Self::ArrivalTooEarly { from },
            Refusal::NotLater => Self::EndNotLater,
            Refusal::Ticket => Self::TicketFixed,
            Refusal::AlreadyReduced(source) => DiscountRefusal::Present(source).into(),
            Refusal::NothingToPay => DiscountRefusal::NothingToPay.into(),
            Refusal::PaymentUnderway => DiscountRefusal::PaymentUnderway.into(),
            Refusal::Price(error) => Self::Broken(format!("a price does not fit: {error}")),
        }
    }
}

impl From<FareError> for Error {
    fn from(error: FareError) -> Self {
        Self::Broken(format!("a price cannot be told: {error}"))
    }
}

/// A line of a price as a message.
pub fn line(line: &Line) -> proto::QuoteLine {
    proto::QuoteLine {
        description: line.description.clone(),
        quantity: line.quantity,
        unit_amount: Some(line.unit_amount.into()),
        amount: Some(line.amount.into()),
    }
}

/// The price of a window as a message.
pub fn quote(price: &Price, window: &Window) -> proto::Quote {
    proto::Quote {
        window: Some((*window).into()),
        tariff_version: price.tariff_version,
        amount: Some(price.amount.into()),
        lines: price.lines(window).iter().map(line).collect(),
        // It was told when the booking was written.
        payable_amount: Some(price.payable().unwrap_or(price.amount).into()),
    }
}

/// What is kept, as messages say it: of a spot that is given or of a ticket, the rest empty.
#[derive(Debug, Default)]
pub struct PlaceWords {
    /// The floor.
    pub floor_id: String,
    /// The spot.
    pub spot_id: String,
    /// What is painted on it.
    pub spot_number: String,
    /// The spot is still to be given.
    pub pending: bool,
    /// The allotment.
    pub allotment_id: String,
    /// The number on the ticket.
    pub ticket_number: i32,
}

impl From<&Place> for PlaceWords {
    fn from(place: &Place) -> Self {
        match place {
            // Nobody is told a spot that may be another one in a moment.
            Place::Spot { promised: false, .. } => Self { pending: true, ..Self::default() },
            Place::Spot { floor_id, spot_id, spot_number, .. } => Self {
                floor_id: floor_id.to_string(),
                spot_id: spot_id.to_string(),
                spot_number: spot_number.clone(),
                ..Self::default()
            },
            Place::Ticket { allotment_id, number } => Self {
                allotment_id: allotment_id.to_string(),
                ticket_number: *number,
                ..Self::default()
            },
        }
    }
}

/// The waitlist entry of an offer; empty for a booking that was asked for.
pub fn entry_words(booking: &Booking) -> String {
    booking.waitlist_entry_id.map(|entry_id| entry_id.to_string()).unwrap_or_default()
}

impl From<&Booking> for proto::Booking {
    fn from(booking: &Booking) -> Self {
        let held = booking.state == proto::BookingState::Held;
        let words = PlaceWords::from(&booking.place);
        Self {
            booking_id: booking.booking_id.to_string(),
            code: booking.code.clone(),
            lot_id: booking.lot_id.to_string(),
            floor_id: words.floor_id,
            spot_id: words.spot_id,
            spot_number: words.spot_number,
            spot_pending: words.pending,
            spot_type: booking.spot_type().into(),
            allotment_id: words.allotment_id,
            ticket_number: words.ticket_number,
            user_id: booking.user_id.to_string(),
            plate: booking.plate.clone(),
            window: Some(booking.window.into()),
            state: booking.state.into(),
            hold_expire_time: held.then(|| time::to_proto(booking.hold_expire_time)),
            quote: Some(quote(&booking.price, &booking.booked_window())),
            payment_id: booking.payment_id.map(|id| id.to_string()).unwrap_or_default(),
            arrive_time: booking.arrive_time.map(time::to_proto),
            leave_time: booking.leave_time.map(time::to_proto),
            final_amount: booking.final_amount.map(Into::into),
            version: booking.version,
            create_time: Some(time::to_proto(booking.create_time)),
            waitlist_entry_id: entry_words(booking),
            overstay_amount: booking.overstay_amount.map(Into::into),
            depart_time: booking.depart_time.map(time::to_proto),
            reductions: reductions(&booking.price),
            decline_code: match booking.state {
                proto::BookingState::Held | proto::BookingState::Cancelled => {
                    booking.decline_code.clone().unwrap_or_default()
                }
                proto::BookingState::Reserved if booking.card_due_time.is_some() => {
                    booking.decline_code.clone().unwrap_or_default()
                }
                _ => String::new(),
            },
            card_due_time: booking
                .card_due_time
                .filter(|_| booking.state == proto::BookingState::Reserved)
                .map(time::to_proto),
        }
    }
}
