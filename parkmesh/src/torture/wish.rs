//! What a client wants next.

use parkmesh_contracts::booking::v1::{
    BookingState, CancelBookingRequest, CheckInRequest, ConfirmBookingRequest,
    CreateBookingRequest, EndSessionRequest, GetBookingRequest, HoldSpotRequest, PoolChoice,
    SpotChoice, check_in_request, create_booking_request, hold_spot_request,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_history::{Call, Op, Span};

use super::Run;
use super::asking::{Ask, id};
use super::chance::{Dice, Zipf};

const MINUTE_US: i64 = 60_000_000;
/// Windows begin and end at quarters of an hour, so that many of them touch.
const QUARTER_US: i64 = 15 * MINUTE_US;
/// Quarters of a day.
const QUARTERS: usize = 96;
/// How many quarters a window may last.
const LENGTHS: [i64; 8] = [1, 1, 2, 4, 4, 6, 8, 16];
/// A card that is always good.
const CARD: &str = "pm_card_ok";
/// Live bookings that a client likes to have.
const OWN_LIKED: usize = 14;
/// Windows that begin so soon can be arrived at.
const SOON_US: i64 = 100 * MINUTE_US;

/// A booking that a client knows to be its own.
#[derive(Debug, Clone)]
pub struct Mine {
    pub booking_id: String,
    pub spot: u32,
    pub window: Span,
    pub state: BookingState,
}

/// What one client likes.
pub struct Taste {
    pub dice: Dice,
    pub zipf: Zipf,
    /// Spots of each lot.
    pub spots: usize,
    pub client: u32,
}

/// Something to ask, and the line that it will fill.
pub type Wish = (Ask, Call);

impl Taste {
    /// The next wish of somebody with these bookings.
    pub fn next(&mut self, run: &Run, mine: &[Mine]) -> Wish {
        let held = |mine: &&Mine| mine.state == BookingState::Held;
        let full = mine.len() > OWN_LIKED;
        let wish = match self.dice.below(100) {
            0..=36 if full => self.cancel(mine),
            0..=36 => None,
            37..=46 => return self.book(run, true, false),
            47..=55 => {
                let pool = self.dice.percent(30);
                return self.book(run, pool, true);
            }
            56..=72 => self.one(mine, |one| held(&one)).map(|one| self.confirm(one)),
            73..=86 => self.cancel(mine),
            87..=95 => self.arrive_or_leave(run, mine),
            _ => self.one(mine, |_| true).map(|one| self.about(Op::Get, one)),
        };
        wish.unwrap_or_else(|| self.book(run, false, false))
    }

    fn one<'a>(&mut self, mine: &'a [Mine], fits: impl Fn(&Mine) -> bool) -> Option<&'a Mine> {
        let all: Vec<&Mine> = mine.iter().filter(|one| fits(one)).collect();
        if all.is_empty() { None } else { Some(all[self.dice.below(all.len())]) }
    }

    fn window(&mut self, run: &Run) -> Span {
        let now = run.recorder.now();
        // A third of all wishes is for the next two hours.
        let ahead = if self.dice.percent(33) { 8 } else { QUARTERS };
        let first = run.recorder.next_quarter(now, QUARTER_US);
        let start = first + QUARTER_US * i64::try_from(self.dice.below(ahead)).unwrap_or_default();
        let length = LENGTHS[self.dice.below(LENGTHS.len())] * QUARTER_US;
        // Some come at odd times.
        let shift = if self.dice.percent(15) { 7 * MINUTE_US } else { 0 };
        Span::new(start + shift, start + shift + length)
    }

    fn book(&mut self, run: &Run, pool: bool, create: bool) -> Wish {
        let window = self.window(run);
        let lot = usize::from(self.dice.percent(25));
        let number = lot * self.spots + self.zipf.pick(&mut self.dice);
        let place = &run.world.places[number];
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let op = if create { Op::Create } else { Op::Hold };
        let mut call = Call { window, ..Call::new(self.client, op, 0) };
        let seen = if self.dice.percent(20) { run.seen(number) } else { 0 };
        if pool {
            call.pool = place.pool;
        } else {
            (call.spot, call.seen) = (number, seen);
        }
        let spot = SpotChoice { spot_id: place.spot_id.clone(), spot_version: seen.into() };
        let any = PoolChoice {
            lot_id: place.lot_id.clone(),
            spot_type: place.spot_type.into(),
            preferred_floor_id: String::new(),
        };
        let window = Some(Window {
            start_time: Some(run.recorder.of_window(window.start)),
            end_time: Some(run.recorder.of_window(window.end)),
        });
        let request_id = self.request_id();
        let plate = format!("T-{}", self.client);
        let ask = if create {
            let choice = match pool {
                true => create_booking_request::Choice::Pool(any),
                false => create_booking_request::Choice::Spot(spot),
            };
            let (choice, payment_method) = (Some(choice), CARD.to_owned());
            Ask::Create(CreateBookingRequest {
                request_id,
                choice,
                window,
                plate,
                payment_method,
                ..Default::default()
            })
        } else {
            let choice = match pool {
                true => hold_spot_request::Choice::Pool(any),
                false => hold_spot_request::Choice::Spot(spot),
            };
            let choice = Some(choice);
            Ask::Hold(HoldSpotRequest { request_id, choice, window, plate, ..Default::default() })
        };
        (ask, call)
    }

    fn confirm(&mut self, one: &Mine) -> Wish {
        self.about(Op::Confirm, one)
    }

    fn cancel(&mut self, mine: &[Mine]) -> Option<Wish> {
        let live = |one: &Mine| one.state != BookingState::Active || mine.len() > OWN_LIKED * 2;
        self.one(mine, live).map(|one| self.about(Op::Cancel, one))
    }

    fn arrive_or_leave(&mut self, run: &Run, mine: &[Mine]) -> Option<Wish> {
        if let Some(there) = self.one(mine, |one| one.state == BookingState::Active) {
            return Some(self.about(Op::End, there));
        }
        let now = run.recorder.now();
        let soon = |one: &Mine| one.window.start < now + SOON_US;
        let due = self.one(mine, |one| one.state == BookingState::Reserved && soon(one))?;
        Some(self.about(Op::CheckIn, due))
    }

    /// Something about a booking.
    pub fn about(&mut self, op: Op, one: &Mine) -> Wish {
        let (request_id, booking_id) = (self.request_id(), one.booking_id.clone());
        let call = Call {
            booking: id(&booking_id),
            spot: one.spot,
            window: one.window,
            ..Call::new(self.client, op, 0)
        };
        let ask = match op {
            Op::Confirm => {
                let payment_method = CARD.to_owned();
                Ask::Confirm(ConfirmBookingRequest { request_id, booking_id, payment_method })
            }
            Op::Cancel => Ask::Cancel(CancelBookingRequest { request_id, booking_id }),
            Op::CheckIn => {
                let key = Some(check_in_request::Key::BookingId(booking_id));
                Ask::CheckIn(CheckInRequest { request_id, key })
            }
            Op::End => Ask::End(EndSessionRequest { request_id, booking_id }),
            _ => Ask::Get(GetBookingRequest { booking_id }),
        };
        (ask, call)
    }

    fn request_id(&mut self) -> String {
        self.dice.uuid().to_string()
    }
}
