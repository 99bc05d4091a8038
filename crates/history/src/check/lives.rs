//! What is known of each booking: its spot, its window, from when until when it may have stood and surely stood.

use std::collections::HashMap;

use parkmesh_contracts::booking::v1::BookingState;

use super::deeds::{Deed, Deeds};
use crate::call::{Call, Id, NEVER, NONE, Op, Outcome, Reason, Span};
use crate::check::{Kind, Report, told};
use crate::file::Record;
use crate::setup::Setup;

/// An instant that lies somewhere between two others. `hi` is [`NEVER`] where it may not have come at all; `lo` too where
/// it surely has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Not before.
    pub lo: i64,
    /// Not after.
    pub hi: i64,
}

/// What keeps a spot for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The booking; [`Id::NONE`] when nobody knows whether there is one.
    pub booking: Id,
    /// Whose.
    pub client: u32,
    /// The spot; [`NONE`] of a booking that nobody knows of.
    pub spot: u32,
    /// The pool.
    pub pool: u32,
    /// The window that is kept.
    pub window: Span,
    /// When it began to stand.
    pub start: Bound,
    /// When it ceased to.
    pub end: Bound,
    /// When it ceased to be a hold.
    pub held_end: Bound,
    /// When the hold ends by itself; 0 where nobody was told.
    pub hold_end: i64,
    /// Whether it surely stood.
    pub sure: bool,
    /// The last version that was read, 0 when it was never read.
    pub version: u32,
    /// When the car came before the window: when, and the window that is kept besides.
    pub early: Option<(Bound, Span)>,
    /// Place of the deed that made it; `usize::MAX` when it was only read.
    pub made_by: usize,
}

impl Life {
    /// The time in which it surely keeps its spot; empty when there is none.
    pub fn surely(&self) -> Option<Span> {
        let span = Span::new(self.start.hi, self.end.lo);
        (self.sure && span.start < span.end).then_some(span)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Lives {
    /// Them.
    pub all: Vec<Life>,
    /// Place by booking.
    pub by_booking: HashMap<Id, usize>,
    /// Reads of each booking, and refusals of calls on it: places in the record.
    pub seen: HashMap<Id, Vec<usize>>,
}

/// Puts together what the record tells.
pub fn collect(record: &Record, deeds: &Deeds, report: &mut Report) -> Lives {
    let (calls, setup) = (&record.calls, &record.setup);
    let mut lives = Lives::default();
    let mut listed: HashMap<u32, i64> = HashMap::new();
    for (at, call) in calls.iter().enumerate() {
        let read = call.op == Op::Get && call.done();
        if read && call.booking == Id::NONE {
            listed.insert(call.client, call.invoke);
        } else if read || (call.outcome == Outcome::Refused && call.booking != Id::NONE) {
            lives.seen.entry(call.booking).or_default().push(at);
        }
    }
    let mut unresolved: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, deed) in deeds.all.iter().enumerate() {
        let call = &calls[deed.call];
        match (call.makes(), deed.sure()) {
            (true, true) => granted(setup, (place, deed), call, &mut lives, report),
            (true, false) => unresolved.entry(call.client).or_default().push(place),
            _ => {}
        }
    }
    found(record, deeds, &mut unresolved, &mut lives, report);
    let left = unresolved.into_iter().filter(|(client, _)| !listed.contains_key(client));
    for place in left.flat_map(|(_, places)| places) {
        lives.all.push(ghost(calls, &deeds.all[place], place));
    }
    for life in lives.all.iter_mut().filter(|life| life.booking != Id::NONE) {
        let seen = lives.seen.get(&life.booking).map_or(&[][..], Vec::as_slice);
        let quiet = listed.get(&life.client).copied();
        ends(setup, calls, deeds, (seen, quiet), life);
        if life.sure && life.version == 0 && quiet.is_some() {
            let text = format!("booking {} of client {}", life.booking, life.client);
            report.add(Kind::LostBooking, text + " was acknowledged and is in no list at the end");
        }
    }
    lives
}

fn blank(client: u32, call: &Call, deed: &Deed) -> Life {
    Life {
        booking: Id::NONE,
        client,
        spot: call.spot,
        pool: call.pool,
        window: call.window,
        start: Bound { lo: deed.lo, hi: NEVER },
        end: Bound { lo: deed.lo, hi: NEVER },
        held_end: Bound { lo: deed.lo, hi: NEVER },
        hold_end: 0,
        sure: false,
        version: 0,
        early: None,
        made_by: usize::MAX,
    }
}

/// What an acknowledged request has made. The answer must be what was asked for.
fn granted(
    setup: &Setup,
    (place, deed): (usize, &Deed),
    call: &Call,
    lives: &mut Lives,
    report: &mut Report,
) {
    let pool = setup.pool_of(call.got_spot).map_or(NONE, u32::from);
    let asked = (call.spot == NONE || call.spot == call.got_spot)
        && (call.pool == NONE || call.pool == pool)
        && call.kept == call.window
        && pool != NONE;
    if !asked {
        report.add(Kind::WrongGrant, format!("{}: not what was asked for", told(call)));
    }
    let life = Life {
        booking: call.booking,
        spot: call.got_spot,
        pool,
        start: Bound { lo: deed.lo, hi: deed.hi },
        hold_end: call.hold_end,
        sure: true,
        made_by: place,
        ..blank(call.client, call, deed)
    };
    if lives.by_booking.insert(call.booking, lives.all.len()).is_some() {
        let text = format!("{}: booking {} was made twice", told(call), call.booking);
        report.add(Kind::DoubleBooking, text);
    }
    lives.all.push(life);
}

/// Bookings that were only ever read belong to requests whose outcome nobody learned. One request makes one.
fn found(
    record: &Record,
    deeds: &Deeds,
    unresolved: &mut HashMap<u32, Vec<usize>>,
    lives: &mut Lives,
    report: &mut Report,
) {
    let calls = &record.calls;
    let mut only_read: Vec<usize> = Vec::new();
    for (booking, seen) in &lives.seen {
        let first = seen.iter().copied().filter(|at| calls[*at].op == Op::Get && calls[*at].done());
        let known = lives.by_booking.contains_key(booking);
        only_read.extend(first.min_by_key(|at| calls[*at].ret).filter(|_| !known));
    }
    only_read.sort_unstable_by_key(|at| (calls[*at].booking, *at));
    for at in only_read {
        let read = &calls[at];
        let pool = record.setup.pool_of(read.got_spot).map_or(NONE, u32::from);
        let fits = |place: &usize| {
            let wish = &calls[deeds.all[*place].call];
            // An early arrival moves the start of what is kept.
            wish.window.end == read.kept.end
                && wish.window.start >= read.kept.start
                && (wish.spot == read.got_spot || wish.pool == pool)
                && deeds.all[*place].lo <= read.ret
        };
        let wishes = unresolved.entry(read.client).or_default();
        let Some(index) = wishes.iter().position(fits) else {
            let text = format!("booking {} of client {}", read.booking, read.client);
            report.add(Kind::WrongGrant, text + " was never asked for");
            continue;
        };
        let place = wishes.swap_remove(index);
        let deed = &deeds.all[place];
        lives.by_booking.insert(read.booking, lives.all.len());
        lives.all.push(Life {
            booking: read.booking,
            spot: read.got_spot,
            pool,
            start: Bound { lo: deed.lo, hi: read.ret },
            sure: true,
            made_by: place,
            ..blank(read.client, &calls[deed.call], deed)
        });
    }
}

/// What may have been made, as far as anybody knows.
fn ghost(calls: &[Call], deed: &Deed, place: usize) -> Life {
    Life { made_by: place, ..blank(calls[deed.call].client, &calls[deed.call], deed) }
}

/// When it ended, from what was asked of it and from what was read. From `quiet` on nothing was under way any more.
fn ends(
    setup: &Setup,
    calls: &[Call],
    deeds: &Deeds,
    (seen, quiet): (&[usize], Option<i64>),
    life: &mut Life,
) {
    let of_it = deeds.of_booking.get(&life.booking).map_or(&[][..], Vec::as_slice);
    let all = |op: Op| of_it.iter().map(|at| deeds.all[*at]).filter(move |deed| deed.op == op);
    let created = (life.made_by != usize::MAX)
        .then(|| deeds.all[life.made_by])
        .filter(|deed| deed.op == Op::Create);
    let confirms = || all(Op::Confirm).chain(created);
    // Any attempt may have kept the hold longer, also one that was refused.
    let attempts =
        seen.iter().any(|at| calls[*at].op == Op::Confirm) || confirms().next().is_some();
    let lapse = if life.hold_end == 0 {
        Bound { lo: life.start.lo, hi: NEVER }
    } else {
        let longer = if attempts { setup.confirm_max_us } else { 0 };
        Bound {
            lo: life.hold_end - setup.skew_us,
            hi: life.hold_end.saturating_add(longer + setup.skew_us),
        }
    };
    let first = |op: Op| all(op).map(|deed| deed.lo).min().unwrap_or(NEVER);
    let surely = |op: Op| all(op).map(|deed| deed.hi).min().unwrap_or(NEVER);
    let reads = || seen.iter().map(|at| &calls[*at]).filter(|c| c.op == Op::Get && c.done());
    let last = reads().max_by_key(|call| (call.version, call.invoke));
    life.version = last.map_or(0, |call| call.version);
    let ended = |state: BookingState| !is_live(state);
    let seen_ended = reads().filter(|c| ended(c.state)).map(|c| c.ret).min().unwrap_or(NEVER);
    let confirmed = confirms().map(|deed| deed.hi).min().unwrap_or(NEVER);
    let (cancelled, left) = (surely(Op::Cancel), surely(Op::End));
    let by_window = life.window.start.min(life.window.end) - setup.skew_us;
    let final_state = last.filter(|call| {
        ended(call.state)
            || quiet.is_some_and(|quiet| call.invoke >= quiet)
            || of_it.iter().all(|at| deeds.all[*at].hi < call.invoke)
    });
    life.end = match final_state.map(|call| (call.state, call)) {
        Some((BookingState::Cancelled, _)) => {
            Bound { lo: first(Op::Cancel), hi: cancelled.min(seen_ended) }
        }
        Some((BookingState::Held | BookingState::Expired, _)) => {
            Bound { lo: lapse.lo, hi: lapse.hi.min(seen_ended) }
        }
        Some((BookingState::NoShow, _)) => Bound { lo: by_window, hi: seen_ended },
        Some((BookingState::Completed, _)) => {
            let lo = first(Op::End).min(life.window.end - setup.skew_us);
            Bound { lo, hi: left.min(seen_ended) }
        }
        Some((BookingState::Reserved | BookingState::Active, call)) => {
            Bound { lo: by_window.max(call.invoke), hi: NEVER }
        }
        _ => {
            let lapses = if confirmed == NEVER { lapse.lo } else { by_window };
            let unconfirmed = confirms().next().is_none();
            let hi = if unconfirmed { lapse.hi } else { NEVER };
            let lo = lapses.min(first(Op::Cancel)).min(first(Op::End));
            Bound { lo, hi: hi.min(cancelled).min(left).min(seen_ended) }
        }
    };
    life.end.lo = life.end.lo.max(life.start.lo);
    let first_confirm = confirms().map(|deed| deed.lo).min().unwrap_or(NEVER);
    life.held_end = Bound {
        lo: lapse.lo.min(first_confirm).min(life.end.lo),
        hi: lapse.hi.min(confirmed).min(life.end.hi),
    };
    life.early = came_early(setup, calls, all(Op::CheckIn), seen, life);
}

/// The time before the window that is kept from an early arrival on.
fn came_early(
    setup: &Setup,
    calls: &[Call],
    arrivals: impl Iterator<Item = Deed>,
    seen: &[usize],
    life: &Life,
) -> Option<(Bound, Span)> {
    let arrivals: Vec<Deed> = arrivals.collect();
    let lo = arrivals.iter().map(|deed| deed.lo).min()?;
    let done = arrivals.iter().filter(|deed| deed.sure()).map(|deed| deed.call);
    let told = done.chain(seen.iter().copied()).map(|at| &calls[at]);
    let early = told.filter(|call| call.done() && call.kept.start < life.window.start);
    if let Some(first) = early.min_by_key(|call| call.ret) {
        let bound = Bound { lo, hi: first.ret };
        return Some((bound, Span::new(first.kept.start, life.window.start)));
    }
    let settled = life.version > 0 && life.end.lo == NEVER;
    let may = !settled && arrivals.iter().any(|deed| !deed.sure()) && lo < life.window.start;
    // When it came, nobody knows.
    may.then(|| (Bound { lo, hi: NEVER }, Span::new(lo - setup.skew_us, life.window.start)))
}

/// Whether a booking in this state keeps its spot.
pub fn is_live(state: BookingState) -> bool {
    matches!(state, BookingState::Held | BookingState::Reserved | BookingState::Active)
}

/// Whether a call on a booking was refused for a reason that says something of the booking.
pub fn tells(call: &Call) -> bool {
    call.outcome == Outcome::Refused
        && call.booking != Id::NONE
        && !matches!(call.reason, Reason::RequestIdReused)
}
