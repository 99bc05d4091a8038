//! One booking: is there an order of all that was asked of it that explains every answer? Two calls that did not overlap
//! in time keep their order.

use std::collections::HashSet;

use parkmesh_contracts::booking::v1::BookingState::{
    self, Active, Cancelled, Completed, Expired, Held, NoShow, Reserved,
};

use super::deeds::{Deed, Deeds};
use super::lives::{ByItself, Life, Lives, tells};
use crate::call::{Call, NEVER, Op, Outcome, Reason};
use crate::check::{Kind, Report, told};
use crate::file::Record;
use crate::setup::Setup;

/// Events of one booking that can be put in order; more stay undecided.
const EVENTS_MAX: usize = 128;
/// Arrangements that are looked at for one booking.
const TRIED_MAX: usize = 200_000;

/// What may happen to a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Confirm,
    /// A hold becomes a session at once.
    Start,
    Cancel,
    CheckIn,
    Leave,
    Extend,
    Move,
    /// Another spot, and the session begins there.
    Claim,
    /// Its spot was blocked: it has another one.
    Relocate,
    /// Its spot was blocked, and no other was free.
    Withdraw,
    Lapse(BookingState),
    /// It was in this state, and so it stays.
    Was(BookingState),
    /// It could have been extended, and so it stays.
    WasGoingOn,
    /// Its hold had ended.
    HadExpired,
    /// Its window had ended.
    HadEnded,
    /// Cannot be.
    Never,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    what: What,
    lo: i64,
    hi: i64,
    /// State and version that the caller was told.
    told: Option<(BookingState, u32)>,
    /// Its call, for texts.
    call: usize,
}

/// Looks at every booking that surely exists.
pub fn check(record: &Record, deeds: &Deeds, lives: &Lives, report: &mut Report) {
    for life in lives.all.iter().filter(|life| life.sure && life.stay == 0) {
        let events = events(record, deeds, lives, life);
        late_grant(record, deeds, lives, life, report);
        if events.len() > EVENTS_MAX {
            report.undecided += 1;
            continue;
        }
        match orders(&events) {
            Some(true) => {}
            None => report.undecided += 1,
            Some(false) => {
                let (kind, text) = blame(record, &events);
                report.add(kind, format!("booking {}: {text}", life.booking));
            }
        }
    }
}

fn events(record: &Record, deeds: &Deeds, lives: &Lives, life: &Life) -> Vec<Event> {
    let (calls, setup) = (&record.calls, &record.setup);
    let mut events = Vec::new();
    let in_steps = |deed: &&Deed| matches!(deed.op, Op::Create | Op::WalkIn);
    let made = deeds.all.get(life.made_by).filter(in_steps);
    let of_it = deeds.of_booking.get(&life.booking).map_or(&[][..], Vec::as_slice);
    for deed in of_it.iter().map(|at| &deeds.all[*at]).chain(made) {
        let call = &calls[deed.call];
        let what = match deed.op {
            Op::Confirm | Op::Create => What::Confirm,
            Op::WalkIn => What::Start,
            Op::Cancel => What::Cancel,
            Op::CheckIn => What::CheckIn,
            Op::Extend => What::Extend,
            Op::Move => What::Move,
            Op::Claim => What::Claim,
            _ => What::Leave,
        };
        let told = deed.sure().then_some((call.state, call.version));
        events.push(Event { what, lo: deed.lo, hi: deed.hi, told, call: deed.call });
    }
    for at in lives.seen.get(&life.booking).map_or(&[][..], Vec::as_slice) {
        let call = &calls[*at];
        if call.done() || tells(call) {
            let told = call.done().then_some((call.state, call.version));
            let what = match call.done() {
                true => What::Was(call.state),
                false => refusal(setup, life, call),
            };
            events.push(Event { what, lo: call.invoke, hi: call.ret, told, call: *at });
        }
    }
    let hold_end = if life.hold_end == 0 { life.start.lo } else { life.hold_end };
    for (state, from) in
        [(Held, hold_end), (Reserved, life.earliest.start), (Active, life.earliest.end)]
    {
        let lo = from - setup.skew_us;
        let what = What::Lapse(state);
        events.push(Event { what, lo, hi: NEVER, told: None, call: usize::MAX });
    }
    for what in life.by_itself.iter().flatten().copied() {
        let what = if what == ByItself::Withdrawn { What::Withdraw } else { What::Relocate };
        events.push(Event { what, lo: life.start.lo, hi: NEVER, told: None, call: usize::MAX });
    }
    events.sort_unstable_by_key(|event| (event.hi, event.lo));
    events
}

/// What a refusal says of the booking. A booking whose time is over is treated as what its end will be, before the
/// clockwork has written that down.
fn refusal(setup: &Setup, life: &Life, call: &Call) -> What {
    let after = |instant: i64| call.ret >= instant - setup.skew_us;
    let held_over = life.hold_end == 0 || after(life.hold_end);
    match call.reason {
        Reason::HoldExpired if held_over || after(life.earliest.end) => What::HadExpired,
        Reason::StateWrong if call.state == Expired && held_over => What::HadExpired,
        Reason::StateWrong if call.state == NoShow && after(life.earliest.start) => {
            What::Was(Reserved)
        }
        Reason::StateWrong if call.state == Completed && after(life.earliest.end) => What::HadEnded,
        Reason::StateWrong => What::Was(call.state),
        Reason::TooEarly => What::Was(Reserved),
        // Others of the judge ask whether something was in the way, or the money late.
        Reason::SpotTaken
        | Reason::SpotVersionStale
        | Reason::SpotOutOfService
        | Reason::WindowPast
        | Reason::ChangeLapsed
            if call.moves() =>
        {
            if call.op == Op::Extend {
                What::WasGoingOn
            } else {
                What::Was(Reserved)
            }
        }
        // Its end may have been a later one by then.
        Reason::WindowInvalid if call.op == Op::Extend && call.window.end <= life.widest.end => {
            What::WasGoingOn
        }
        // Somebody wanted the spot for the time before the window.
        _ => What::Never,
    }
}

/// What may come of the event now. A claim of another spot is two changes at once: a move and an arrival.
fn steps(event: &Event, now: (BookingState, u32)) -> impl Iterator<Item = (BookingState, u32)> {
    let elsewhere = match (event.what, now) {
        (What::Claim, (Reserved, version)) => Some((Active, version + 2)),
        _ => None,
    };
    let elsewhere = elsewhere.filter(|next| event.told.is_none_or(|told| told == *next));
    step(event, now).into_iter().chain(elsewhere)
}

/// The next state and version, if the event can come now.
fn step(event: &Event, (state, version): (BookingState, u32)) -> Option<(BookingState, u32)> {
    let to = |state| Some((state, version + 1));
    let next = match (event.what, state) {
        (What::Confirm, Held) | (What::Move | What::Relocate, Reserved) => to(Reserved),
        (What::Start, Held) | (What::Claim, Reserved) => to(Active),
        (What::Extend, Reserved | Active) => to(state),
        (What::Withdraw, Reserved) => to(Cancelled),
        (What::WasGoingOn, Reserved | Active) => Some((state, version)),
        (What::HadEnded, Active | Completed) => Some((state, version)),
        (What::Cancel, Held | Reserved) => to(Cancelled),
        (What::CheckIn, Reserved) => to(Active),
        (What::Leave, Active) => to(Completed),
        (What::CheckIn | What::Claim, Active) | (What::Leave, Completed) => Some((state, version)),
        (What::Lapse(of), _) if of == state => to(match state {
            Held => Expired,
            Reserved => NoShow,
            _ => Completed,
        }),
        (What::Was(was), _) if was == state => Some((state, version)),
        (What::HadExpired, Held | Expired) => Some((state, version)),
        _ => None,
    }?;
    let agrees = event.told.is_none_or(|told| told == next);
    agrees.then_some(next)
}

/// Whether some order explains all; none when there are too many to try.
fn orders(events: &[Event]) -> Option<bool> {
    let sure = events.iter().zip(0..).filter(|(event, _)| event.hi != NEVER);
    let goal = sure.fold(0_u128, |goal, (_, at)| goal | 1 << at);
    let told = events.iter().filter_map(|event| event.told).map(|(_, version)| version);
    let last_told = told.max().unwrap_or_default();
    let mut tried = HashSet::new();
    let mut open = vec![(0_u128, (Held, 1_u32))];
    while let Some((done, now)) = open.pop() {
        if done & goal == goal {
            return Some(true);
        }
        if !tried.insert((done, i32::from(now.0), now.1)) {
            continue;
        }
        if tried.len() > TRIED_MAX {
            return None;
        }
        let waiting = || events.iter().zip(0..).filter(|(_, at)| done & (1 << at) == 0);
        // Whoever returned first must have come before whatever was called later.
        let until = waiting().map(|(event, _)| event.hi).min().unwrap_or(NEVER);
        for (event, at) in waiting().filter(|(event, _)| event.lo <= until) {
            // A spot may be blocked again and again; more often than versions were told explains nothing.
            let again = event.what == What::Relocate && now.1 < last_told;
            let then = if again { done } else { done | 1 << at };
            open.extend(steps(event, now).map(|next| (then, next)));
        }
    }
    Some(false)
}

/// What is most likely wrong: the fewest words that explain it.
fn blame(record: &Record, events: &[Event]) -> (Kind, String) {
    let calls = &record.calls;
    let story = || {
        let told_events = events.iter().filter(|event| event.call != usize::MAX);
        let lines = told_events.map(|event| {
            let call = &calls[event.call];
            let (reason, state) = (call.reason, call.state);
            format!("{}: {:?} {reason:?} {state:?} v{}", told(call), call.outcome, call.version)
        });
        lines.collect::<Vec<_>>().join("; ")
    };
    let not_found =
        |event: &&Event| event.call != usize::MAX && calls[event.call].reason == Reason::NotFound;
    if events.iter().any(|event| not_found(&event)) {
        return (Kind::LostBooking, story());
    }
    let without = |left_out: &dyn Fn(&Call) -> bool| {
        let kept = events.iter().filter(|e| e.call == usize::MAX || !left_out(&calls[e.call]));
        orders(&kept.copied().collect::<Vec<_>>()) == Some(true)
    };
    if without(&|call| call.outcome == Outcome::Refused) {
        return (Kind::UnjustifiedRefusal, story());
    }
    if without(&|call| call.op == Op::Get) {
        return (Kind::WrongState, story());
    }
    (Kind::WrongGrant, story())
}

/// A confirmation that began after the hold's end must have been refused.
fn late_grant(record: &Record, deeds: &Deeds, lives: &Lives, life: &Life, report: &mut Report) {
    if life.hold_end == 0 {
        return;
    }
    let of_it = deeds.of_booking.get(&life.booking).map_or(&[][..], Vec::as_slice);
    let confirms = || of_it.iter().map(|at| &deeds.all[*at]).filter(|deed| deed.op == Op::Confirm);
    let seen = lives.seen.get(&life.booking).map_or(&[][..], Vec::as_slice);
    let refused = seen.iter().map(|at| &record.calls[*at]).filter(|call| call.op == Op::Confirm);
    let mut attempts = confirms().map(|deed| deed.lo).chain(refused.map(|call| call.invoke));
    let skew = record.setup.skew_us;
    // One attempt in time keeps the hold for another while.
    let longer = attempts.any(|lo| lo <= life.hold_end + skew);
    let longer = if longer { record.setup.confirm_max_us } else { 0 };
    for deed in confirms().filter(|deed| deed.sure()) {
        if deed.lo > life.hold_end + longer + skew {
            let call = told(&record.calls[deed.call]);
            report.add(Kind::WrongGrant, format!("{call}: the hold had ended long before"));
        }
    }
}
