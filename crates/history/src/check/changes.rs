//! Bookings that were moved: where each stayed, from when until when. Each stay is a life of its own for its spot; the first
//! stands for the booking.

use std::collections::BTreeSet;
use std::iter;

use parkmesh_contracts::booking::v1::BookingState;

use super::lives::{Bound, ByItself, Life, Story};
use super::status::Stages;
use crate::call::{Call, NEVER, NONE, Op, Span};
use crate::check::{Kind, Report};

/// Another spot or another window of a booking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    bound: Bound,
    spot: u32,
    window: Span,
    /// Version of the booking by it; 0 when nobody knows whether it came.
    version: u32,
    /// Whether its window begins where somebody wished: an extension keeps the start that stands.
    anew: bool,
}

impl Move {
    fn sure(&self) -> bool {
        self.version != 0
    }

    /// Where it may have led, from each place where the booking may have been.
    fn from(&self, places: &[(u32, Span)]) -> Vec<(u32, Span)> {
        let mut found: Vec<(u32, Span)> = match (self.anew, self.spot) {
            (true, _) => vec![(self.spot, self.window)],
            // An extension: the same spot from the same start on.
            (false, NONE) => places
                .iter()
                .map(|(spot, window)| (*spot, Span::new(window.start, self.window.end)))
                .collect(),
            // To the same end.
            (false, spot) => places
                .iter()
                .map(|(_, window)| (spot, Span::new(self.window.start, window.end)))
                .collect(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// All moves of a booking, those that surely came in their order. Notes in the life what they say of it.
pub(super) fn of(
    story: &Story<'_>,
    life: &mut Life,
    stages: &Stages,
    report: &mut Report,
) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    for deed in story.deeds.iter().filter(|deed| deed.op.moves()) {
        let (call, bound) = (&story.calls[deed.call], Bound { lo: deed.lo, hi: deed.hi });
        let anew = deed.op == Op::Move;
        moves.push(match deed.sure() {
            true => {
                let (spot, window, version) = (call.got_spot, call.kept, call.version);
                Move { bound, spot, window, version, anew }
            }
            false => {
                let spot = if deed.op == Op::Extend { NONE } else { call.spot };
                Move { bound, spot, window: call.wanted(story.setup.skew_us), version: 0, anew }
            }
        });
    }
    moves.sort_by_key(|one| (!one.sure(), one.version));
    by_itself(story, life, &mut moves, stages, report);
    for Span { start, end } in moves.iter().map(|one| one.window) {
        let (earliest, widest) = (life.earliest, life.widest);
        life.earliest = Span::new(earliest.start.min(start), earliest.end.min(end));
        life.widest = Span::new(widest.start.min(start), widest.end.max(end));
    }
    moves
}

/// Another spot that nobody asked for, and an end that nobody asked for: both are for blocked spots only. That may come more
/// than once; where the booking was in between, nobody need have seen: it may have been anywhere in its pool.
fn by_itself(
    story: &Story<'_>,
    life: &mut Life,
    moves: &mut Vec<Move>,
    stages: &Stages,
    report: &mut Report,
) {
    let asked = moves.iter().map(|one| one.spot).filter(|spot| *spot != NONE);
    let asked: Vec<u32> = iter::once(life.spot).chain(asked).collect();
    let start = life.start.lo;
    let blocked_from =
        |until: i64| asked.iter().filter_map(|spot| stages.out_from(*spot, start, until)).min();
    let mut blocked = |life: &Life, until: i64, what: &str| {
        if blocked_from(until).is_none() {
            let text = format!("booking {} {what}, and its spot was in service", life.booking);
            report.add(Kind::WrongState, text);
        }
    };
    let mut elsewhere: Vec<&Call> =
        story.shown().filter(|call| !asked.contains(&call.got_spot)).collect();
    elsewhere.sort_by_key(|call| call.ret);
    let back =
        story.unasked().filter(|call| elsewhere.is_empty() && blocked_from(call.ret).is_some());
    if let Some(first) = elsewhere.first().copied().or(back) {
        blocked(life, first.ret, "was relocated");
        life.by_itself[0] = Some(ByItself::Relocated);
        let mut places: BTreeSet<u32> = elsewhere.iter().map(|call| call.got_spot).collect();
        life.wanders = usize::try_from(story.unasked_max()).is_ok_and(|all| all > places.len());
        places.extend(back.map(|call| call.got_spot));
        let lo = blocked_from(first.ret).unwrap_or(start);
        let (bound, window) = (Bound { lo, hi: NEVER }, first.kept);
        let one = |spot| Move { bound, spot, window, version: 0, anew: false };
        moves.extend(places.into_iter().map(one));
    }
    let cancelled = |call: &&Call| call.state == BookingState::Cancelled;
    if let Some(end) = story.shown().filter(cancelled).min_by_key(|call| call.ret)
        && story.all(Op::Cancel).next().is_none()
    {
        blocked(life, end.ret, "was withdrawn");
        life.by_itself[1] = Some(ByItself::Withdrawn);
    }
}

/// Takes a moved booking apart into its stays.
pub(super) fn apart(story: &Story<'_>, moves: &[Move], life: &mut Life, more: &mut Vec<Life>) {
    if moves.is_empty() {
        return;
    }
    let (whole, pool_of) = (*life, |spot| story.setup.pool_of(spot).map_or(NONE, u32::from));
    let (sure, perhaps): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|one| one.sure());
    // From then on it may have been elsewhere.
    let cut = perhaps.iter().map(|one| one.bound.lo).min().unwrap_or(NEVER);
    let mut stays = vec![Life { early: None, ..whole }];
    for one in &sure {
        let (spot, window, start) = (one.spot, one.window, one.bound);
        stays.push(Life { spot, pool: pool_of(spot), window, start, ..stays[0] });
    }
    for at in 0..stays.len() {
        let next = stays.get(at + 1).map_or(whole.end, |next| next.start);
        let stay = &mut stays[at];
        stay.end = Bound { lo: next.lo.min(cut).max(stay.start.lo), hi: next.hi };
    }
    let named = perhaps.iter().map(|one| (one.spot, one.window)).filter(|(spot, _)| *spot != NONE);
    let places: Vec<(u32, Span)> =
        stays.iter().map(|stay| (stay.spot, stay.window)).chain(named).collect();
    for one in &perhaps {
        let start = Bound { lo: one.bound.lo, hi: NEVER };
        let end = Bound { lo: one.bound.lo, hi: whole.end.hi };
        for (spot, window) in one.from(&places) {
            let place = Life { spot, pool: pool_of(spot), window, ..stays[0] };
            stays.push(Life { start, end, sure: false, ..place });
        }
    }
    if whole.wanders {
        let start = Bound { lo: whole.start.lo, hi: NEVER };
        let end = Bound { lo: whole.start.lo, hi: whole.end.hi };
        let place =
            Life { spot: NONE, pool: pool_of(whole.spot), window: whole.widest, ..stays[0] };
        stays.push(Life { start, end, sure: false, ..place });
    }
    arrivals(story, &whole, &mut stays);
    for (stay, number) in stays.iter_mut().zip(0..) {
        stay.stay = number;
    }
    *life = stays[0];
    more.extend_from_slice(&stays[1..]);
}

/// The time before the window that an early arrival keeps, on the spot that the booking had by then.
fn arrivals(story: &Story<'_>, whole: &Life, stays: &mut Vec<Life>) {
    let came = story.all(Op::CheckIn).chain(story.all(Op::Claim)).map(|deed| deed.lo).min();
    let Some(lo) = came else { return };
    // Of no pool: there the booking counts once.
    let place = Life { pool: NONE, early: None, ..*whole };
    let there = |call: &&Call| matches!(call.state, BookingState::Active | BookingState::Completed);
    if let Some(first) = story.shown().filter(there).min_by_key(|call| call.ret) {
        if first.ret < lo {
            // It had begun already, and as a walk-in.
            return;
        }
        // A session stays where it began, and may have been extended since.
        let (spot, from) = (first.got_spot, first.kept.start);
        let later = stays.iter().filter(|stay| stay.spot == spot && from < stay.window.start);
        let mut until: Vec<i64> = later.map(|stay| stay.window.start).collect();
        until.sort_unstable();
        until.dedup();
        // Of one that was only ever extended, it is known from where on.
        let sure = until.len() == 1 && stays.iter().all(|stay| stay.spot == spot && stay.sure);
        let sure = sure && story.all(Op::Move).next().is_none();
        let start = Bound { lo, hi: if sure { first.ret } else { NEVER } };
        let windows = until.into_iter().map(|until| Span::new(from, until));
        stays.extend(windows.map(|window| Life { spot, window, start, sure, ..place }));
        return;
    }
    for stay in stays.clone().iter().filter(|stay| lo < stay.window.start) {
        let window = Span::new(lo - story.setup.skew_us, stay.window.start);
        let start = Bound { lo, hi: NEVER };
        stays.push(Life { spot: stay.spot, window, start, sure: false, ..place });
    }
}
