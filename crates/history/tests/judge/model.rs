//! A booking service that is right because it does one thing at a time; many clients talk to it, and what they see is
//! recorded.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use parkmesh_contracts::booking::v1::BookingState::{self, *};
use parkmesh_history::file::Record;
use parkmesh_history::setup::{Lot, Pool, Setup};
use parkmesh_history::{Call, Fact, Id, Op, Outcome, Reason, Span};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
const HOLD: i64 = 2 * SECOND;
const CAP: usize = 3;
const EARLY: i64 = 120 * MINUTE;

/// Chance that is the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11).cast_signed() % limit
    }

    pub fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Clone)]
struct Booking {
    id: Id,
    client: u32,
    spot: u32,
    window: Span,
    state: BookingState,
    version: u32,
    hold_end: i64,
}

impl Booking {
    fn live(&self, now: i64) -> bool {
        match self.state {
            Held => now < self.hold_end,
            Reserved | Active => true,
            _ => false,
        }
    }
}

pub struct Model {
    dice: Dice,
    bookings: Vec<Booking>,
    place: HashMap<Id, usize>,
    answered: HashMap<(u32, Id), Call>,
    own: HashMap<u32, Vec<Id>>,
    sent: HashMap<u32, Vec<Call>>,
    next_id: u64,
    pub record: Record,
}

/// A history of so many calls.
pub fn history(seed: u64, calls: usize) -> Record {
    history_of(seed, calls, 8)
}

/// The same for a number of clients.
pub fn history_of(seed: u64, calls: usize, clients: u32) -> Record {
    let setup = Setup {
        skew_us: 0,
        confirm_max_us: 30 * SECOND,
        lots: vec![Lot { max_holds: CAP as u32, early_arrival_us: EARLY }],
        pools: vec![Pool { lot: 0 }, Pool { lot: 0 }],
        spots: vec![0, 0, 0, 0, 1, 1],
    };
    let mut model = Model {
        dice: Dice::new(seed),
        bookings: Vec::new(),
        place: HashMap::new(),
        answered: HashMap::new(),
        own: HashMap::new(),
        sent: HashMap::new(),
        next_id: 1,
        record: Record { setup, ..Record::default() },
    };
    model.run(calls, clients);
    model.record
}

impl Model {
    fn run(&mut self, calls: usize, clients: u32) {
        // (time, client, the call whose moment this is; none when the client thinks of a new one)
        let mut heap: BinaryHeap<Reverse<(i64, u32, usize)>> = BinaryHeap::new();
        let mut waiting: Vec<Option<Call>> = vec![None; clients as usize];
        for client in 0..clients {
            heap.push(Reverse((self.dice.below(10_000), client, 0)));
        }
        let mut end = 0;
        while let Some(Reverse((now, client, _))) = heap.pop() {
            end = end.max(now);
            match waiting[client as usize].take() {
                None if self.record.calls.len() >= calls => {}
                None => {
                    waiting[client as usize] = Some(self.wish(client, now));
                    heap.push(Reverse((now + 1 + self.dice.below(30_000), client, 1)));
                }
                Some(call) => {
                    let ret = now + 1 + self.dice.below(30_000);
                    self.serve(call, now, ret);
                    let pause = if self.dice.percent(3) { HOLD } else { 100_000 };
                    heap.push(Reverse((ret + 1 + self.dice.below(pause), client, 0)));
                }
            }
        }
        self.look_at_the_end(end + 100 * SECOND, clients);
    }

    fn wish(&mut self, client: u32, now: i64) -> Call {
        let mut call = Call::new(client, Op::Hold, now);
        call.request = self.id();
        let sent = self.sent.get(&client).map_or(0, Vec::len) as i64;
        if sent > 0 && self.dice.percent(8) {
            let at = self.dice.below(sent) as usize;
            let before = self.sent[&client][at];
            let other = self.dice.percent(20);
            return Call { invoke: now, body: before.body + u64::from(other), ..before };
        }
        let own = self.own.get(&client).map_or(0, Vec::len) as i64;
        if own > 0 && self.dice.percent(55) {
            let recent = own - 1 - self.dice.below(own.min(4));
            call.booking = self.own[&client][recent as usize];
            let ops = [
                [Op::Confirm, Op::Confirm, Op::Cancel, Op::Cancel, Op::CheckIn, Op::End, Op::Get],
                [Op::Confirm, Op::Extend, Op::Extend, Op::Move, Op::Move, Op::Claim, Op::CheckIn],
            ];
            call.op = ops[self.dice.below(2) as usize][self.dice.below(7) as usize];
            let booking = &self.bookings[self.place[&call.booking]];
            (call.spot, call.window) = (booking.spot, booking.window);
            call.body = call.booking.1;
            self.elsewhere(&mut call);
            if call.op == Op::Get {
                call.request = Id::NONE;
            }
        } else {
            let start = MINUTE * (60 + 15 * self.dice.below(12));
            call.window = Span::new(start, start + MINUTE * 15 * (1 + self.dice.below(6)));
            call.op = if self.dice.percent(25) { Op::Create } else { Op::Hold };
            if self.dice.percent(10) {
                call.op = Op::WalkIn;
                call.window.start = now;
            }
            if self.dice.percent(25) {
                call.pool = self.dice.below(2) as u32;
            } else {
                // The first spots are liked best.
                call.spot = self.dice.below(6).min(self.dice.below(6)) as u32;
                call.seen = u32::from(self.dice.percent(20));
            }
            call.body = call.request.1;
        }
        self.sent.entry(client).or_default().push(call);
        call
    }

    /// Fills in where a booking is to go.
    fn elsewhere(&mut self, call: &mut Call) {
        let other = self.dice.below(6) as u32;
        match call.op {
            Op::Extend => call.window.end += MINUTE * 15 * self.dice.below(4),
            Op::Move => {
                let by = MINUTE * 15 * (self.dice.below(5) - 2);
                call.window = Span::new(call.window.start + by, call.window.end + by);
                call.spot = if self.dice.percent(60) { other } else { call.spot };
            }
            Op::Claim => call.spot = other,
            _ => return,
        }
        call.body = call.request.1;
    }

    fn serve(&mut self, mut call: Call, now: i64, ret: i64) {
        call.ret = ret;
        let lost = call.op != Op::Get && self.dice.percent(4);
        if !(lost && self.dice.percent(50)) {
            self.lapse_some(now);
            self.answer(&mut call, now);
        }
        if lost {
            let asked = Call::new(call.client, call.op, call.invoke);
            let booking = if call.makes() { Id::NONE } else { call.booking };
            call = Call {
                ret,
                reason: Reason::Unavailable,
                request: call.request,
                body: call.body,
                booking,
                spot: call.spot,
                pool: call.pool,
                seen: call.seen,
                window: call.window,
                ..asked
            };
        } else if call.done() && call.makes() {
            let own = self.own.entry(call.client).or_default();
            if !own.contains(&call.booking) {
                own.push(call.booking);
            }
        }
        self.record.calls.push(call);
    }

    fn answer(&mut self, call: &mut Call, now: i64) {
        if call.op == Op::Get {
            let booking = self.bookings[self.place[&call.booking]].clone();
            told(call, &booking);
            return;
        }
        if let Some(before) = self.answered.get(&(call.client, call.request)) {
            if before.body == call.body {
                *call = Call { invoke: call.invoke, ret: call.ret, ..*before };
            } else {
                refuse(call, Reason::RequestIdReused);
            }
            return;
        }
        if call.makes() {
            self.make(call, now)
        } else {
            self.change(call, now)
        }
        if call.done() {
            self.answered.insert((call.client, call.request), *call);
        }
    }

    fn make(&mut self, call: &mut Call, now: i64) {
        let mut window = call.window;
        if call.op == Op::WalkIn {
            window.start = now;
        }
        let taken = |spot: u32| {
            let mut there = self.bookings.iter().filter(|b| b.spot == spot && b.live(now));
            there.any(|booking| booking.window.overlaps(&window))
        };
        let spot = if call.pool == parkmesh_history::call::NONE {
            if taken(call.spot) {
                return refuse(call, Reason::SpotTaken);
            }
            call.spot
        } else {
            let spots = self.record.setup.spots_of(call.pool as u16);
            match spots.into_iter().find(|spot| !taken(*spot)) {
                Some(spot) => spot,
                None => return refuse(call, Reason::SoldOut),
            }
        };
        let holds = self.bookings.iter().filter(|b| b.client == call.client && b.state == Held);
        if holds.filter(|booking| booking.live(now)).count() >= CAP {
            return refuse(call, Reason::TooManyHolds);
        }
        let booking = Booking {
            id: self.id(),
            client: call.client,
            spot,
            window,
            state: Held,
            version: 1,
            hold_end: now + HOLD,
        };
        self.place.insert(booking.id, self.bookings.len());
        self.tell(&booking);
        self.bookings.push(booking.clone());
        let at = self.place[&booking.id];
        match call.op {
            Op::Create => self.enter(at, Reserved),
            Op::WalkIn => self.enter(at, Active),
            _ => {}
        }
        let booking = self.bookings[self.place[&booking.id]].clone();
        told(call, &booking);
    }

    fn change(&mut self, call: &mut Call, now: i64) {
        let at = self.place[&call.booking];
        let booking = self.bookings[at].clone();
        let lapsed = booking.state == Held && !booking.live(now);
        let to = match (call.op, booking.state) {
            (Op::Confirm, Expired) => return refuse(call, Reason::HoldExpired),
            (Op::Confirm, Held) if lapsed => return refuse(call, Reason::HoldExpired),
            (Op::Cancel, Held) if lapsed => {
                call.state = Expired;
                return refuse(call, Reason::StateWrong);
            }
            (Op::Confirm, Held) => Reserved,
            (Op::Cancel, Held | Reserved) => Cancelled,
            (Op::CheckIn, Reserved) => Active,
            (Op::End, Active) => Completed,
            (Op::CheckIn, Active) | (Op::End, Completed) => booking.state,
            (Op::Extend, Reserved | Active) if call.window.end <= booking.window.end => {
                return refuse(call, Reason::WindowInvalid);
            }
            (Op::Extend, Reserved | Active) | (Op::Move | Op::Claim, Reserved) => {
                return self.relocate(call, at, now);
            }
            (_, state) => {
                call.state = state;
                return refuse(call, Reason::StateWrong);
            }
        };
        if to == Active && booking.state == Reserved {
            let early = Span::new(now, booking.window.start);
            let mut others = self.bookings.iter().filter(|b| b.id != booking.id && b.live(now));
            let taken = others.any(|b| b.spot == booking.spot && b.window.overlaps(&early));
            if now < booking.window.start - EARLY || taken {
                return refuse(call, Reason::TooEarly);
            }
            self.bookings[at].window.start = now.min(booking.window.start);
        }
        if to != booking.state {
            self.enter(at, to);
        }
        let booking = self.bookings[at].clone();
        told(call, &booking);
    }

    fn relocate(&mut self, call: &mut Call, at: usize, now: i64) {
        let mut next = self.bookings[at].clone();
        match call.op {
            Op::Extend => next.window.end = call.window.end,
            Op::Move => (next.spot, next.window) = (call.spot, call.window),
            _ if now < next.window.start - EARLY => return refuse(call, Reason::TooEarly),
            _ => (next.spot, next.window.start) = (call.spot, now.min(next.window.start)),
        }
        let mut others = self.bookings.iter().filter(|b| b.id != next.id && b.live(now));
        if others.any(|b| b.spot == next.spot && b.window.overlaps(&next.window)) {
            return refuse(call, Reason::SpotTaken);
        }
        let elsewhere = next.spot != self.bookings[at].spot;
        let state = if call.op == Op::Claim { Active } else { next.state };
        self.bookings[at] = next;
        if call.op == Op::Claim && elsewhere {
            self.enter(at, Reserved);
        }
        self.enter(at, state);
        let booking = self.bookings[at].clone();
        told(call, &booking);
    }

    fn enter(&mut self, at: usize, state: BookingState) {
        let booking = &mut self.bookings[at];
        (booking.state, booking.version) = (state, booking.version + 1);
        let booking = booking.clone();
        self.tell(&booking);
    }

    fn tell(&mut self, booking: &Booking) {
        let state = u8::try_from(i32::from(booking.state)).expect("a small number");
        let fact = Fact { booking: booking.id, version: booking.version, state };
        self.record.facts.push(fact);
    }

    /// A clockwork that comes when it likes.
    fn lapse_some(&mut self, now: i64) {
        for at in 0..self.bookings.len() {
            let booking = &self.bookings[at];
            if booking.state == Held && !booking.live(now) && self.dice.percent(30) {
                self.enter(at, Expired);
            }
        }
    }

    fn look_at_the_end(&mut self, now: i64, clients: u32) {
        for booking in self.bookings.clone() {
            let mut call = Call::new(booking.client, Op::Get, now + 1);
            call.ret = now + 2;
            call.booking = booking.id;
            told(&mut call, &booking);
            self.record.calls.push(call);
        }
        for client in 0..clients {
            let mut call = Call::new(client, Op::Get, now);
            (call.ret, call.outcome) = (now + 3, Outcome::Done);
            self.record.calls.push(call);
        }
    }

    fn id(&mut self) -> Id {
        self.next_id += 1;
        Id(7, self.next_id)
    }
}

fn refuse(call: &mut Call, reason: Reason) {
    (call.outcome, call.reason) = (Outcome::Refused, reason);
}

fn told(call: &mut Call, booking: &Booking) {
    call.outcome = Outcome::Done;
    call.booking = booking.id;
    (call.got_spot, call.kept) = (booking.spot, booking.window);
    (call.state, call.version) = (booking.state, booking.version);
    call.hold_end = if booking.state == Held { booking.hold_end } else { 0 };
    let state = u64::try_from(i32::from(booking.state)).expect("positive");
    call.answer = booking.id.1 << 16 | state << 8 | u64::from(booking.version);
}
