//! What is known of each booking: its spot, its window, from when until when it may have stood and surely stood.

use std::collections::HashMap;

use parkmesh_contracts::booking::v1::BookingState;

use super::changes;
use super::deeds::{Deed, Deeds};
use super::status::Stages;
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

/// What becomes of a booking without anybody's asking, when its spot is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByItself {
    /// It got another spot.
    Relocated,
    /// It was given up.
    Withdrawn,
}

/// What keeps a spot for a window. A booking that was moved is several: one for each place where it stayed.
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
    /// Which of its booking's stays; 0 is the one that stands for the booking.
    pub stay: u32,
    /// The earliest start and the earliest end of all windows that it may have had.
    pub earliest: Span,
    /// From the earliest start to the latest end of them.
    pub widest: Span,
    /// What happened to it by itself.
    pub by_itself: [Option<ByItself>; 2],
    /// It was relocated to where nobody saw it: anywhere in its pool.
    pub wanders: bool,
}

impl Life {
    /// Whether it may stand at some moment of the call.
    pub fn may_stand(&self, call: &Call) -> bool {
        self.start.lo <= call.ret && call.invoke <= self.end.hi
    }

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
    let stages = Stages::of(calls);
    found(record, deeds, (&mut unresolved, &stages), &mut lives, report);
    let left = unresolved.into_iter().filter(|(client, _)| !listed.contains_key(client));
    for place in left.flat_map(|(_, places)| places) {
        lives.all.push(ghost(setup, calls, &deeds.all[place], place));
    }
    let mut more = Vec::new();
    for life in lives.all.iter_mut().filter(|life| life.booking != Id::NONE) {
        let seen = lives.seen.get(&life.booking).map_or(&[][..], Vec::as_slice);
        let quiet = listed.get(&life.client).copied();
        let story = Story::of((setup, calls), deeds, (seen, quiet), life);
        let moves = changes::of(&story, life, &stages, report);
        ends(&story, life);
        changes::apart(&story, &moves, life, &mut more);
        if life.sure && life.version == 0 && quiet.is_some() {
            let text = format!("booking {} of client {}", life.booking, life.client);
            report.add(Kind::LostBooking, text + " was acknowledged and is in no list at the end");
        }
    }
    lives.all.extend(more);
    lives
}

fn blank(setup: &Setup, client: u32, call: &Call, deed: &Deed) -> Life {
    let window = Call { invoke: deed.lo, ..*call }.wanted(setup.skew_us);
    Life {
        booking: Id::NONE,
        client,
        spot: call.spot,
        pool: call.pool,
        window,
        start: Bound { lo: deed.lo, hi: NEVER },
        end: Bound { lo: deed.lo, hi: NEVER },
        held_end: Bound { lo: deed.lo, hi: NEVER },
        hold_end: 0,
        sure: false,
        version: 0,
        early: None,
        made_by: usize::MAX,
        stay: 0,
        earliest: window,
        widest: window,
        by_itself: [None; 2],
        wanders: false,
    }
}

/// Whether a booking has the window that was wished for. A walk-in's begins when it is granted.
fn is_window(setup: &Setup, wish: &Call, (lo, hi): (i64, i64), kept: &Span) -> bool {
    let near = lo - setup.skew_us..=hi.saturating_add(setup.skew_us);
    match wish.op {
        Op::WalkIn => kept.end == wish.window.end && near.contains(&kept.start),
        _ => *kept == wish.window,
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
        && is_window(setup, call, (deed.lo, deed.hi), &call.kept)
        && pool != NONE;
    if !asked {
        report.add(Kind::WrongGrant, format!("{}: not what was asked for", told(call)));
    }
    let life = Life {
        booking: call.booking,
        spot: call.got_spot,
        pool,
        window: call.kept,
        earliest: call.kept,
        widest: call.kept,
        start: Bound { lo: deed.lo, hi: deed.hi },
        hold_end: call.hold_end,
        sure: true,
        made_by: place,
        ..blank(setup, call.client, call, deed)
    };
    lives.by_booking.insert(call.booking, lives.all.len());
    lives.all.push(life);
}

/// Bookings that were only ever read belong to requests whose outcome nobody learned. One request makes one.
fn found(
    record: &Record,
    deeds: &Deeds,
    (unresolved, stages): (&mut HashMap<u32, Vec<usize>>, &Stages),
    lives: &mut Lives,
    report: &mut Report,
) {
    let (calls, setup) = (&record.calls, &record.setup);
    let alike = unresolved.clone();
    let mut only_read: Vec<usize> = Vec::new();
    for (booking, seen) in &lives.seen {
        let first = seen.iter().copied().filter(|at| calls[*at].op == Op::Get && calls[*at].done());
        let known = lives.by_booking.contains_key(booking);
        only_read.extend(first.min_by_key(|at| calls[*at].ret).filter(|_| !known));
    }
    only_read.sort_unstable_by_key(|at| (is_held(&calls[*at]), calls[*at].booking, *at));
    for at in only_read {
        let read = &calls[at];
        let pool = record.setup.pool_of(read.got_spot).map_or(NONE, u32::from);
        let fits = |place: &usize| {
            let wish = &calls[deeds.all[*place].call];
            // An early arrival moves the start of what is kept.
            let came = is_there(read);
            let lo = deeds.all[*place].lo;
            let window = is_window(setup, wish, (lo, read.ret), &read.kept)
                || (came
                    && wish.op != Op::WalkIn
                    && wish.window.end == read.kept.end
                    && wish.window.start > read.kept.start);
            let spot = wish.spot == read.got_spot
                || wish.pool == pool
                || (wish.spot != NONE && stages.may_be_out(wish.spot, lo, read.ret));
            window && spot && lo <= read.ret
        };
        let wishes = unresolved.entry(read.client).or_default();
        // Where several fit, any may be the one: it stands from the first of them on, perhaps.
        let all = alike.get(&read.client).map_or(&[][..], Vec::as_slice);
        let lo = all.iter().filter(|place| fits(place)).map(|place| deeds.all[*place].lo).min();
        // The narrowest wish first, so that others are left for what they alone explain.
        let call = |place: &usize| &calls[deeds.all[*place].call];
        let index = (0..wishes.len())
            .filter(|index| fits(&wishes[*index]) && may_have_made(call(&wishes[*index]), read))
            .min_by_key(|index| {
                let wish = call(&wishes[*index]);
                let began = is_there(read) == (wish.op == Op::WalkIn);
                (!began, wish.window.start != read.kept.start, wish.spot == NONE, wish.op)
            });
        let Some(index) = index else {
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
            start: Bound { lo: lo.unwrap_or(deed.lo), hi: read.ret },
            hold_end: read.hold_end,
            sure: true,
            made_by: place,
            ..blank(setup, read.client, &calls[deed.call], deed)
        });
    }
}

fn is_held(read: &Call) -> bool {
    matches!(read.state, BookingState::Held | BookingState::Expired)
}

fn is_there(read: &Call) -> bool {
    matches!(read.state, BookingState::Active | BookingState::Completed)
}

/// Nobody can have confirmed what nobody knew of: beyond a hold it was made by CreateBooking or StartWalkIn.
fn may_have_made(wish: &Call, read: &Call) -> bool {
    match wish.op {
        Op::Create => true,
        Op::WalkIn => is_held(read) || is_there(read),
        _ => is_held(read),
    }
}

/// What may have been made, as far as anybody knows.
fn ghost(setup: &Setup, calls: &[Call], deed: &Deed, place: usize) -> Life {
    Life { made_by: place, ..blank(setup, calls[deed.call].client, &calls[deed.call], deed) }
}

/// All that was asked of one booking, and all that was read of it.
pub(super) struct Story<'a> {
    pub(super) setup: &'a Setup,
    pub(super) calls: &'a [Call],
    pub(super) deeds: Vec<Deed>,
    /// What made it, when that was to confirm it too.
    created: Option<Deed>,
    pub(super) seen: &'a [usize],
    /// From when on nothing was under way any more.
    quiet: Option<i64>,
}

impl<'a> Story<'a> {
    fn of(
        (setup, calls): (&'a Setup, &'a [Call]),
        deeds: &Deeds,
        (seen, quiet): (&'a [usize], Option<i64>),
        life: &Life,
    ) -> Self {
        let of_it = deeds.of_booking.get(&life.booking).map_or(&[][..], Vec::as_slice);
        let made = deeds.all.get(life.made_by).copied();
        Self {
            setup,
            calls,
            deeds: of_it.iter().map(|at| deeds.all[*at]).collect(),
            created: made.filter(|deed| matches!(deed.op, Op::Create | Op::WalkIn)),
            seen,
            quiet,
        }
    }

    /// Answers and reads that show the booking.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Call> {
        let done = self.deeds.iter().filter(|deed| deed.sure()).map(|deed| deed.call);
        let all = done.chain(self.seen.iter().copied()).map(|at| &self.calls[at]);
        all.filter(|call| call.done())
    }

    /// The first answer that shows more changes than were asked for.
    pub(super) fn unasked(&self) -> Option<&Call> {
        let asked = self.changes(|_| true);
        self.shown().filter(|call| unasked(call, asked) > 0).min_by_key(|call| call.ret)
    }

    /// How many changes there may have been that nobody asked for.
    pub(super) fn unasked_max(&self) -> u32 {
        let asked = self.changes(Deed::sure);
        self.shown().map(|call| unasked(call, asked)).max().unwrap_or_default()
    }

    /// Versions that these deeds surely count a booking up, but for its end: none came before an answer that shows it alive. A
    /// claim is one change, or two: where it is of another spot than the booking had, which nobody need know.
    fn changes(&self, counts: impl Fn(&Deed) -> bool) -> u32 {
        let goes_on = |deed: &&Deed| !matches!(deed.op, Op::Cancel | Op::End);
        let deeds = self.deeds.iter().filter(goes_on).chain(&self.created);
        deeds.filter(|deed| counts(deed)).map(|_| 1).sum()
    }

    pub(super) fn all(&self, op: Op) -> impl Iterator<Item = &Deed> {
        self.deeds.iter().filter(move |deed| deed.op == op)
    }

    fn confirms(&self) -> impl Iterator<Item = &Deed> {
        self.all(Op::Confirm).chain(&self.created)
    }

    /// From when on this can have been done; [`NEVER`].
    fn first(&self, op: Op) -> i64 {
        self.all(op).map(|deed| deed.lo).min().unwrap_or(NEVER)
    }

    /// When this had surely been done; [`NEVER`].
    fn surely(&self, op: Op) -> i64 {
        self.all(op).map(|deed| deed.hi).min().unwrap_or(NEVER)
    }

    fn reads(&self) -> impl Iterator<Item = &Call> {
        let seen = self.seen.iter().map(|at| &self.calls[*at]);
        seen.filter(|call| call.op == Op::Get && call.done())
    }

    fn last_read(&self) -> Option<&Call> {
        self.reads().max_by_key(|call| (call.version, call.invoke))
    }

    /// The last read, if nothing can have changed it since but time.
    fn final_read(&self) -> Option<&Call> {
        self.last_read().filter(|call| {
            !is_live(call.state)
                || self.quiet.is_some_and(|quiet| call.invoke >= quiet)
                || self.deeds.iter().all(|deed| deed.hi < call.invoke)
        })
    }

    /// When the hold ends by itself. Any attempt to confirm may have kept it longer, also one that was refused.
    fn lapse(&self, life: &Life) -> Bound {
        if life.hold_end == 0 {
            return Bound { lo: life.start.lo, hi: NEVER };
        }
        let refused = self.seen.iter().any(|at| self.calls[*at].op == Op::Confirm);
        let attempts = refused || self.confirms().next().is_some();
        let longer = if attempts { self.setup.confirm_max_us } else { 0 };
        let skew = self.setup.skew_us;
        Bound { lo: life.hold_end - skew, hi: life.hold_end.saturating_add(longer + skew) }
    }

    fn end(&self, life: &Life, lapse: Bound, confirmed: i64) -> Bound {
        let ended = self.reads().filter(|call| !is_live(call.state)).map(|call| call.ret);
        let ended = ended.min().unwrap_or(NEVER);
        let (cancelled, left) = (self.surely(Op::Cancel), self.surely(Op::End));
        let skew = self.setup.skew_us;
        // A window that has begun may be a no-show's.
        let by_window = life.earliest.start - skew;
        let last = self.final_read();
        match last.map_or(BookingState::Unspecified, |call| call.state) {
            // Nobody can say when it was withdrawn.
            BookingState::Cancelled if life.by_itself[1].is_some() => {
                Bound { lo: life.start.lo, hi: ended }
            }
            BookingState::Cancelled => {
                Bound { lo: self.first(Op::Cancel), hi: cancelled.min(ended) }
            }
            BookingState::Held | BookingState::Expired => {
                Bound { lo: lapse.lo, hi: lapse.hi.min(ended) }
            }
            BookingState::NoShow => Bound { lo: by_window, hi: ended },
            BookingState::Completed => {
                let lo = self.first(Op::End).min(life.earliest.end - skew);
                Bound { lo, hi: left.min(ended) }
            }
            BookingState::Reserved | BookingState::Active => {
                let read = last.map_or(life.start.lo, |call| call.invoke);
                Bound { lo: by_window.max(read), hi: NEVER }
            }
            BookingState::Unspecified => {
                let lapses = if confirmed == NEVER { lapse.lo } else { by_window };
                let unconfirmed = self.confirms().next().is_none();
                let hi = if unconfirmed { lapse.hi } else { NEVER };
                let lo = lapses.min(self.first(Op::Cancel)).min(self.first(Op::End));
                Bound { lo, hi: hi.min(cancelled).min(left).min(ended) }
            }
        }
    }
}

/// When it ended, from what was asked of it and from what was read.
fn ends(story: &Story<'_>, life: &mut Life) {
    life.version = story.last_read().map_or(0, |call| call.version);
    let lapse = story.lapse(life);
    let confirmed = story.confirms().map(|deed| deed.hi).min().unwrap_or(NEVER);
    life.end = story.end(life, lapse, confirmed);
    life.end.lo = life.end.lo.max(life.start.lo);
    let first_confirm = story.confirms().map(|deed| deed.lo).min().unwrap_or(NEVER);
    life.held_end = Bound {
        lo: lapse.lo.min(first_confirm).min(life.end.lo),
        hi: lapse.hi.min(confirmed).min(life.end.hi),
    };
    life.early = came_early(story, life.window.start);
}

/// The time before the window that is kept from an early arrival on.
fn came_early(story: &Story<'_>, window_start: i64) -> Option<(Bound, Span)> {
    let arrivals: Vec<&Deed> = story.all(Op::CheckIn).chain(story.all(Op::Claim)).collect();
    let lo = arrivals.iter().map(|deed| deed.lo).min()?;
    let there = |call: &&Call| matches!(call.state, BookingState::Active | BookingState::Completed);
    let early = story.shown().filter(there).filter(|call| call.kept.start < window_start);
    if let Some(first) = early.min_by_key(|call| call.ret) {
        let bound = Bound { lo, hi: first.ret };
        return Some((bound, Span::new(first.kept.start, window_start)));
    }
    // A last look that shows no arrival is enough to know that there was none.
    let none = story.quiet.is_some() && story.final_read().is_some();
    let may = !none && arrivals.iter().any(|deed| !deed.sure()) && lo < window_start;
    // When it came, nobody knows.
    may.then(|| (Bound { lo, hi: NEVER }, Span::new(lo - story.setup.skew_us, window_start)))
}

/// Changes that an answer shows beyond those that were asked for, its making and its end.
fn unasked(call: &Call, asked: u32) -> u32 {
    call.version.saturating_sub(1 + asked + u32::from(!is_live(call.state)))
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
