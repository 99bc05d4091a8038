//! What a client wants next.

use parkmesh_contracts::booking::v1::{
    BookingState, CancelBookingRequest, CheckInRequest, ClaimSpotRequest, ConfirmBookingRequest,
    CreateBookingRequest, EndSessionRequest, ExtendBookingRequest, GetBookingRequest,
    HoldSpotRequest, MoveBookingRequest, PoolChoice, SpotChoice, StartWalkInRequest,
    check_in_request, create_booking_request, hold_spot_request, start_walk_in_request,
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
            0..=33 if full => self.cancel(mine),
            0..=33 => None,
            34..=43 => return self.book(run, true, false),
            44..=51 => {
                let pool = self.dice.percent(30);
                return self.book(run, pool, true);
            }
            52..=53 => return self.walk_in(run),
            54..=68 => self.one(mine, |one| held(&one)).map(|one| self.confirm(one)),
            69..=81 => self.cancel(mine),
            82..=89 => self.arrive_or_leave(run, mine),
            90..=96 => self.change(run, mine),
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

    /// A spot of one of the lots.
    fn spot(&mut self, lot: usize) -> u32 {
        let number = lot * self.spots + self.zipf.pick(&mut self.dice);
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// The lot of a spot.
    fn lot_of(&self, spot: u32) -> usize {
        usize::try_from(spot).unwrap_or_default() / self.spots.max(1)
    }

    /// A car that has not booked, on a spot of its own choice.
    fn walk_in(&mut self, run: &Run) -> Wish {
        let lot = usize::from(self.dice.percent(25));
        let (number, now) = (self.spot(lot), run.recorder.now());
        let quarters = i64::try_from(1 + self.dice.below(8)).unwrap_or(1);
        let end = run.recorder.next_quarter(now, QUARTER_US) + QUARTER_US * quarters;
        let spot = SpotChoice { spot_id: run.world.id_of(number), spot_version: 0 };
        let window = Span::new(now, end);
        let call = Call { spot: number, window, ..Call::new(self.client, Op::WalkIn, 0) };
        let ask = Ask::WalkIn(StartWalkInRequest {
            request_id: self.request_id(),
            choice: Some(start_walk_in_request::Choice::Spot(spot)),
            end_time: Some(run.recorder.of_window(end)),
            plate: format!("T-{}", self.client),
            payment_method: CARD.to_owned(),
            ..Default::default()
        });
        (ask, call)
    }

    /// Another end, another window, another spot, or a car that stands on another spot.
    fn change(&mut self, run: &Run, mine: &[Mine]) -> Option<Wish> {
        let goes_on =
            |one: &Mine| matches!(one.state, BookingState::Reserved | BookingState::Active);
        let one = self.one(mine, goes_on)?.clone();
        let soon = one.window.start < run.recorder.now() + SOON_US;
        Some(match self.dice.below(100) {
            _ if one.state == BookingState::Active => self.extend(run, &one),
            0..=29 => self.extend(run, &one),
            30..=49 if soon => self.claim(run, &one),
            _ => self.move_to(run, &one),
        })
    }

    fn extend(&mut self, run: &Run, one: &Mine) -> Wish {
        let quarters = i64::try_from(1 + self.dice.below(4)).unwrap_or(1);
        let window = Span::new(one.window.start, one.window.end + QUARTER_US * quarters);
        let ask = Ask::Extend(ExtendBookingRequest {
            request_id: self.request_id(),
            booking_id: one.booking_id.clone(),
            end_time: Some(run.recorder.of_window(window.end)),
            payment_method: String::new(),
        });
        (ask, self.call_on(one, Op::Extend, (one.spot, window)))
    }

    fn move_to(&mut self, run: &Run, one: &Mine) -> Wish {
        let window = if self.dice.percent(60) { self.window(run) } else { one.window };
        let number = match window == one.window || self.dice.percent(60) {
            true => self.spot(self.lot_of(one.spot)),
            false => one.spot,
        };
        let seen = if self.dice.percent(20) { run.seen(number) } else { 0 };
        let ask = Ask::Move(MoveBookingRequest {
            request_id: self.request_id(),
            booking_id: one.booking_id.clone(),
            spot: Some(SpotChoice { spot_id: run.world.id_of(number), spot_version: seen.into() }),
            window: Some(Window {
                start_time: Some(run.recorder.of_window(window.start)),
                end_time: Some(run.recorder.of_window(window.end)),
            }),
            disability_permit: false,
            payment_method: String::new(),
        });
        let call = self.call_on(one, Op::Move, (number, window));
        (ask, Call { seen, ..call })
    }

    fn claim(&mut self, run: &Run, one: &Mine) -> Wish {
        let number = self.spot(self.lot_of(one.spot));
        let ask = Ask::Claim(ClaimSpotRequest {
            request_id: self.request_id(),
            booking_id: one.booking_id.clone(),
            spot_id: run.world.id_of(number),
            disability_permit: false,
        });
        (ask, self.call_on(one, Op::Claim, (number, one.window)))
    }

    fn call_on(&self, one: &Mine, op: Op, (spot, window): (u32, Span)) -> Call {
        let booking = id(&one.booking_id);
        Call { booking, spot, window, ..Call::new(self.client, op, 0) }
    }

    fn book(&mut self, run: &Run, pool: bool, create: bool) -> Wish {
        let window = self.window(run);
        let lot = usize::from(self.dice.percent(25));
        let number = self.spot(lot);
        let place = &run.world.places[usize::try_from(number).unwrap_or_default()];
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
            spot_type: place.spot_type().into(),
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
        let call = self.call_on(one, op, (one.spot, one.window));
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
