//! The search for an order.

use std::collections::BTreeSet;

use crate::call::{Id, NEVER, Span};
use crate::check::lives::Life;

/// Arrangements kept at once for one spot; beyond it nothing is decided.
const KEPT_MAX: usize = 20_000;

/// What happens to a spot. Numbers are places in the list of lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A booking begins to stand; nothing may be in its way.
    Start(u32),
    /// It ceases to.
    End(u32),
    /// Somebody was refused this window; something must be in the way.
    Refused {
        /// Which call.
        call: usize,
        /// What was wanted.
        window: Span,
        /// For which booking, where there is one.
        own: Id,
    },
}

/// Something that happened between two instants; not surely when `hi` is [`NEVER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: What,
    /// Not before.
    pub lo: i64,
    /// Not after.
    pub hi: i64,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Too many arrangements.
    Undecided,
    /// No order allows this.
    Broken(What),
}

/// One arrangement of the past: who stands, and which of the events under way have been put in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Arrangement {
    standing: Vec<u32>,
    placed: Vec<u32>,
}

impl Arrangement {
    fn is_placed(&self, event: u32) -> bool {
        self.placed.binary_search(&event).is_ok()
    }

    fn place(&mut self, event: u32) {
        if let Err(at) = self.placed.binary_search(&event) {
            self.placed.insert(at, event);
        }
    }

    fn forget(&mut self, event: u32) {
        if let Ok(at) = self.placed.binary_search(&event) {
            self.placed.remove(at);
        }
    }

    fn blocked(&self, lives: &[Life], window: &Span, own: Id) -> bool {
        let mut standing = self.standing.iter().map(|at| &lives[*at as usize]);
        standing
            .any(|life| life.window.overlaps(window) && (own == Id::NONE || life.booking != own))
    }

    /// After a start or an end: whether it could come, and what became of it.
    fn with(&self, lives: &[Life], event: u32, what: What) -> Option<Self> {
        let mut next = self.clone();
        match what {
            What::Start(at) => {
                let life = &lives[at as usize];
                let in_the_way = |other: &&u32| {
                    let other = &lives[**other as usize];
                    other.window.overlaps(&life.window) && other.booking != life.booking
                };
                if self.standing.iter().find(in_the_way).is_some() {
                    return None;
                }
                let place = next.standing.partition_point(|other| *other < at);
                next.standing.insert(place, at);
            }
            What::End(at) => {
                let place = next.standing.binary_search(&at).ok()?;
                next.standing.remove(place);
            }
            What::Refused { .. } => return None,
        }
        next.place(event);
        Some(next)
    }
}

struct Search<'a> {
    lives: &'a [Life],
    events: &'a [Event],
    /// Starts and ends under way.
    changing: Vec<u32>,
    /// Refusals under way.
    refusals: Vec<u32>,
    kept: Vec<Arrangement>,
}

/// Goes through all events in time; gives what is broken, and goes on behind it.
pub fn run(lives: &[Life], events: &[Event]) -> Vec<Verdict> {
    let mut instants: Vec<(i64, bool, u32)> = Vec::with_capacity(events.len() * 2);
    for (event, at) in events.iter().zip(0_u32..) {
        instants.push((event.lo, false, at));
        if event.hi != NEVER {
            instants.push((event.hi.max(event.lo), true, at));
        }
    }
    instants.sort_unstable();
    let first = Arrangement { standing: Vec::new(), placed: Vec::new() };
    let mut search =
        Search { lives, events, changing: Vec::new(), refusals: Vec::new(), kept: vec![first] };
    let mut verdicts = Vec::new();
    for (_, returns, at) in instants {
        if !returns {
            search.begins(at);
        } else if let Some(verdict) = search.returns(at) {
            verdicts.push(verdict);
            if verdict == Verdict::Undecided {
                break;
            }
        }
    }
    verdicts
}

impl Search<'_> {
    fn what(&self, event: u32) -> What {
        self.events[event as usize].what
    }

    fn begins(&mut self, event: u32) {
        let What::Refused { window, own, .. } = self.what(event) else {
            self.changing.push(event);
            return;
        };
        self.refusals.push(event);
        for arrangement in &mut self.kept {
            if arrangement.blocked(self.lives, &window, own) {
                arrangement.place(event);
            }
        }
    }

    fn returns(&mut self, event: u32) -> Option<Verdict> {
        let before = std::mem::take(&mut self.kept);
        let mut after = BTreeSet::new();
        for arrangement in &before {
            if arrangement.is_placed(event) || self.never_began(arrangement, event) {
                after.insert(arrangement.clone());
            } else if !self.arrange(arrangement, event, &mut after) {
                return Some(Verdict::Undecided);
            }
        }
        self.changing.retain(|other| *other != event);
        self.refusals.retain(|other| *other != event);
        let too_late = self.start_of(event);
        self.changing.retain(|other| Some(*other) != too_late);
        let broken = after.is_empty();
        // Behind what is broken the search goes on as if it had been allowed.
        let kept = if broken { before } else { after.into_iter().collect() };
        self.kept = kept;
        for arrangement in &mut self.kept {
            arrangement.forget(event);
            if let Some(start) = too_late {
                arrangement.forget(start);
            }
            if let (true, What::Start(at)) = (broken, self.events[event as usize].what) {
                let place = arrangement.standing.partition_point(|other| *other < at);
                arrangement.standing.insert(place, at);
            }
        }
        broken.then(|| Verdict::Broken(self.what(event)))
    }

    /// The beginning of what ends, where nobody knows whether it ever began: it cannot come any more.
    fn start_of(&self, event: u32) -> Option<u32> {
        let What::End(at) = self.what(event) else { return None };
        let begins = |other: &u32| self.what(*other) == What::Start(at);
        self.changing.iter().copied().find(begins).filter(|_| !self.lives[at as usize].sure)
    }

    /// Whether this is the end of what never began here.
    fn never_began(&self, arrangement: &Arrangement, event: u32) -> bool {
        let What::End(at) = self.what(event) else { return false };
        !self.lives[at as usize].sure && arrangement.standing.binary_search(&at).is_err()
    }

    /// All ways to put `event` in order now, with whatever else is under way before it. False when there are too many.
    fn arrange(&self, from: &Arrangement, event: u32, into: &mut BTreeSet<Arrangement>) -> bool {
        let mut tried = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(arrangement) = open.pop() {
            if arrangement.is_placed(event) {
                into.insert(arrangement);
                continue;
            }
            if tried.len() + into.len() > KEPT_MAX {
                return false;
            }
            for other in self.useful(&arrangement, event) {
                let Some(mut next) = arrangement.with(self.lives, other, self.what(other)) else {
                    continue;
                };
                for refusal in &self.refusals {
                    if let What::Refused { window, own, .. } = self.what(*refusal)
                        && next.blocked(self.lives, &window, own)
                    {
                        next.place(*refusal);
                    }
                }
                if tried.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        true
    }

    /// What may have to be put in order before `event` can be, or before a refusal under way is explained. All else can
    /// wait: it is in nobody's way.
    fn useful(&self, arrangement: &Arrangement, event: u32) -> Vec<u32> {
        let waiting: Vec<u32> =
            self.changing.iter().copied().filter(|other| !arrangement.is_placed(*other)).collect();
        let window = |at: u32| self.lives[at as usize].window;
        let ends = |of: u32| waiting.iter().any(|other| self.what(*other) == What::End(of));
        let mut useful = vec![event];
        for refusal in self.refusals.iter().filter(|refusal| !arrangement.is_placed(**refusal)) {
            useful.push(*refusal);
        }
        let mut looked_at = 0;
        while let Some(goal) = useful.get(looked_at).copied() {
            looked_at += 1;
            let helps = |other: &u32| match (self.what(goal), self.what(*other)) {
                (What::Refused { window: wanted, .. }, What::Start(at)) => {
                    window(at).overlaps(&wanted)
                }
                (What::Start(at), What::End(other)) => window(other).overlaps(&window(at)),
                // Who comes and goes before it.
                (What::Start(at), What::Start(other)) => {
                    ends(other) && window(other).overlaps(&window(at))
                }
                (What::End(at), What::Start(other)) => at == other,
                _ => false,
            };
            let more = waiting.iter().filter(|other| helps(other));
            let more: Vec<u32> = more.filter(|other| !useful.contains(other)).copied().collect();
            useful.extend(more);
        }
        useful.retain(|other| waiting.contains(other));
        useful
    }
}
