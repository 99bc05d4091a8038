//! Re-packing: how bookings whose spot nobody has been promised can move so that one more window finds a spot.
//!
//! Windows on one spot never overlap, so that this is the colouring of an interval graph, with some colours fixed. While nothing is
//! fixed it can always be done unless some instant is full, which is then the proof; with what is fixed it is a search, and the
//! search has a bound.

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, SpotId};
use parkmesh_contracts::window::Window;

/// Looks at a spot that one plan may cost: some tens of milliseconds.
const LOOKS_MAX: usize = 2_000_000;
/// Spots that the window is first put on by itself, because that moves few others.
const FIRST_MAX: usize = 4;
/// Of the looks, how many such a try may cost.
const FIRST_SHARE: usize = 16;
/// Bookings that one plan may move: they are written in one transaction.
pub const MOVES_MAX: usize = 500;

/// A spot that may be given, and what is kept on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The spot.
    pub spot_id: SpotId,
    /// Whether the wanted window may come here; the others take only what moves.
    pub for_wanted: bool,
    /// What stays: bookings whose spot is promised, closures. May overlap each other.
    pub fixed: Vec<Window>,
    /// What may move.
    pub movable: Vec<Loose>,
}

/// A booking whose spot nobody has been promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loose {
    /// The booking.
    pub booking_id: BookingId,
    /// What it keeps.
    pub kept: Window,
}

/// A booking that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The booking.
    pub booking_id: BookingId,
    /// What it keeps.
    pub kept: Window,
    /// Where it is.
    pub from: SpotId,
    /// Where it goes.
    pub to: SpotId,
}

/// What can be done for a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The window fits on the spot when these have moved, all at once.
    Fits(SpotId, Vec<Move>),
    /// At this instant of the window every spot is taken, however they are packed.
    Full(Timestamp),
    /// Nothing was found within the bounds, or what stays leaves no way.
    None,
}

/// How a window can be put on one of the spots.
pub fn plan(lanes: &[Lane], wanted: &Window) -> Plan {
    if let Some(full) = full_at(lanes, wanted) {
        return Plan::Full(full);
    }
    let lanes: Vec<Busy> = lanes.iter().map(Busy::of).collect();
    let mut targets: Vec<usize> = (0..lanes.len())
        .filter(|lane| lanes[*lane].for_wanted && is_free(&lanes[*lane].fixed, wanted))
        .collect();
    targets.sort_by_key(|lane| lanes[*lane].homes(wanted));
    let items = cluster(&lanes, wanted);
    for lane in targets.iter().copied().take(FIRST_MAX) {
        let mut lanes = lanes.clone();
        let place = lanes[lane].fixed.partition_point(|fixed| fixed.start() < wanted.start());
        lanes[lane].fixed.insert(place, *wanted);
        if let Some(places) = sweep(&lanes, &items, LOOKS_MAX / FIRST_SHARE) {
            return told(&lanes, &items, &places, lane);
        }
    }
    let mut items = items;
    let place = items.partition_point(|item| item.kept.start() < wanted.start());
    items.insert(place, Item { kept: *wanted, home: None });
    match sweep(&lanes, &items, LOOKS_MAX) {
        Some(places) => told(&lanes, &items, &places, places[place]),
        None => Plan::None,
    }
}

/// A lane in order.
#[derive(Debug, Clone)]
struct Busy {
    spot_id: SpotId,
    for_wanted: bool,
    /// Ascending, and no two overlap.
    fixed: Vec<Window>,
    movable: Vec<Loose>,
}

impl Busy {
    fn of(lane: &Lane) -> Self {
        let fixed = joined(lane.fixed.clone());
        // Whoever is on a spot that is closed meanwhile needs a plan of its own.
        let movable = lane.movable.iter().filter(|one| is_free(&fixed, &one.kept)).copied();
        let movable = movable.collect();
        Self { spot_id: lane.spot_id, for_wanted: lane.for_wanted, fixed, movable }
    }

    /// How many would have to go for this window.
    fn homes(&self, window: &Window) -> usize {
        self.movable.iter().filter(|one| one.kept.overlaps(window)).count()
    }
}

/// Something that is put on a lane: the wanted window has no home.
#[derive(Debug, Clone, Copy)]
struct Item {
    kept: Window,
    home: Option<(usize, BookingId)>,
}

/// Windows in order, those that touch or overlap made one.
fn joined(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_by_key(Window::start);
    let mut joined: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match joined.last_mut() {
            Some(last) if last.end() >= window.start() => {
                let end = last.end().max(window.end());
                *last = Window::try_new(last.start(), end).unwrap_or(*last);
            }
            _ => joined.push(window),
        }
    }
    joined
}

/// Whether none of these, which are in order and apart, overlaps the window.
fn is_free(windows: &[Window], window: &Window) -> bool {
    let after = windows.partition_point(|other| other.end() <= window.start());
    windows.get(after).is_none_or(|other| other.start() >= window.end())
}

/// An instant of the window at which every lane is taken.
fn full_at(lanes: &[Lane], wanted: &Window) -> Option<Timestamp> {
    let mut edges: Vec<(Timestamp, i64)> = Vec::new();
    for lane in lanes {
        let movable = lane.movable.iter().map(|one| one.kept);
        let there = lane.fixed.iter().copied().chain(movable);
        for window in joined(there.filter(|window| window.overlaps(wanted)).collect()) {
            edges.push((window.start().max(wanted.start()), 1));
            edges.push((window.end(), -1));
        }
    }
    // Ends before starts: windows are half-open.
    edges.sort_unstable();
    let mut taken = 0;
    let all = i64::try_from(lanes.len()).unwrap_or(i64::MAX);
    if all == 0 {
        return Some(wanted.start());
    }
    edges.into_iter().find_map(|(at, by)| {
        taken += by;
        (taken >= all).then_some(at)
    })
}

/// All that may move and hangs together with the window by overlapping, in order of their starts. What does not is in nobody's way.
fn cluster(lanes: &[Busy], wanted: &Window) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (lane, busy) in lanes.iter().enumerate() {
        let home = |one: &Loose| Item { kept: one.kept, home: Some((lane, one.booking_id)) };
        items.extend(busy.movable.iter().map(home));
    }
    items.push(Item { kept: *wanted, home: None });
    items.sort_by_key(|item| (item.kept.start(), item.home));
    let (mut cluster, mut end, mut is_its) = (Vec::new(), Timestamp::MIN, false);
    for item in items {
        if item.kept.start() >= end {
            if is_its {
                break;
            }
            cluster.clear();
        }
        end = end.max(item.kept.end());
        match item.home {
            Some(_) => cluster.push(item),
            None => is_its = true,
        }
    }
    cluster
}

/// Where the search stands with one item.
struct Tried {
    /// Lanes that are left to try, the next one last.
    left: Vec<usize>,
    lane: usize,
    /// Until when the lane was taken before.
    before: Timestamp,
}

/// Gives every item a lane, in order of their starts; None when there is no way, or none within so many looks.
fn sweep(lanes: &[Busy], items: &[Item], looks: usize) -> Option<Vec<usize>> {
    let mut until = vec![Timestamp::MIN; lanes.len()];
    let (mut stack, mut looked): (Vec<Tried>, usize) = (Vec::with_capacity(items.len()), 0);
    let mut left = None;
    while stack.len() < items.len() {
        let item = &items[stack.len()];
        let mut options = left.take().unwrap_or_else(|| {
            looked += lanes.len();
            options(lanes, item, &until)
        });
        if let Some(lane) = options.pop() {
            let before = std::mem::replace(&mut until[lane], item.kept.end());
            stack.push(Tried { left: options, lane, before });
        } else {
            let Tried { left: others, lane, before } = stack.pop()?;
            until[lane] = before;
            looked += 1;
            left = Some(others);
        }
        if looked > looks {
            return None;
        }
    }
    Some(stack.into_iter().map(|tried| tried.lane).collect())
}

/// Lanes that an item can be put on, the best last: its own, then those that fewest others must leave for it, then those that it
/// leaves least room on. Of lanes with the same future one is enough.
fn options(lanes: &[Busy], item: &Item, until: &[Timestamp]) -> Vec<usize> {
    let kept = &item.kept;
    let fits = |lane: &usize| {
        let busy = &lanes[*lane];
        until[*lane] <= kept.start()
            && (item.home.is_some() || busy.for_wanted)
            && is_free(&busy.fixed, kept)
    };
    let future = |lane: usize| {
        let busy = &lanes[lane];
        let from = busy.fixed.partition_point(|fixed| fixed.end() <= kept.start());
        (busy.for_wanted, &busy.fixed[from..])
    };
    let rank = |lane: &usize| {
        let is_home = item.home.is_some_and(|(home, _)| home == *lane);
        let next = future(*lane).1.first().map_or(Timestamp::MAX, Window::start);
        (!is_home, lanes[*lane].homes(kept), next, *lane)
    };
    let mut options: Vec<usize> = (0..lanes.len()).filter(fits).collect();
    options.sort_by_cached_key(rank);
    let mut seen = std::collections::HashSet::new();
    options.retain(|lane| seen.insert(future(*lane)));
    options.reverse();
    options
}

fn told(lanes: &[Busy], items: &[Item], places: &[usize], wanted: usize) -> Plan {
    let moves: Vec<Move> = items
        .iter()
        .zip(places)
        .filter_map(|(item, lane)| {
            let (home, booking_id) = item.home.filter(|(home, _)| home != lane)?;
            let (from, to) = (lanes[home].spot_id, lanes[*lane].spot_id);
            Some(Move { booking_id, kept: item.kept, from, to })
        })
        .collect();
    if moves.len() > MOVES_MAX {
        return Plan::None;
    }
    Plan::Fits(lanes[wanted].spot_id, moves)
}

#[cfg(test)]
#[path = "packing_tests.rs"]
mod tests;
