//! Never more bookings of a pool than spots, and never more holds of a user than the lot allows: at every instant of the
//! record, and for every instant of the windows.

use std::collections::HashMap;

use super::lives::{Life, Lives};
use crate::call::{NONE, Span};
use crate::check::{Kind, Report, seconds};
use crate::setup::Setup;

/// Looks at every pool and every user.
pub fn check(setup: &Setup, lives: &Lives, report: &mut Report) {
    let mut pools: HashMap<u32, Vec<(Span, Span)>> = HashMap::new();
    let mut users: HashMap<(u32, u16), Vec<Span>> = HashMap::new();
    for life in lives.all.iter().filter(|life| life.pool != NONE) {
        if let Some(sure) = life.surely() {
            pools.entry(life.pool).or_default().push((sure, life.window));
        }
        if life.stay != 0 {
            continue;
        }
        if let (Some(held), Some(lot)) = (surely_held(life), lot_of(setup, life)) {
            users.entry((life.client, lot)).or_default().push(held);
        }
    }
    for (pool, rectangles) in pools {
        let capacity = setup.spots.iter().filter(|of| u32::from(**of) == pool).count();
        if let Some((at, count)) = deeper(&rectangles, capacity) {
            let at = seconds(at);
            let text = format!("pool {pool}: {count} bookings on {capacity} spots at {at} s");
            report.add(Kind::Oversale, text);
        }
    }
    for ((client, lot), held) in users {
        let cap = setup.lots.get(usize::from(lot)).map_or(0, |lot| lot.max_holds as usize);
        // All of one window: only the instants of the record count.
        let all: Vec<(Span, Span)> = held.into_iter().map(|span| (span, Span::new(0, 1))).collect();
        if let Some((at, count)) = deeper(&all, cap) {
            let at = seconds(at);
            let text = format!("client {client} had {count} holds at {at} s; {cap} are allowed");
            report.add(Kind::HoldCap, text);
        }
    }
}

fn surely_held(life: &Life) -> Option<Span> {
    let span = Span::new(life.start.hi, life.held_end.lo);
    (life.sure && life.hold_end != 0 && span.start < span.end).then_some(span)
}

pub(super) fn lot_of(setup: &Setup, life: &Life) -> Option<u16> {
    setup.lot_of(u16::try_from(life.pool).ok()?)
}

/// The first instant at which more than `capacity` of these (time, window) lie over one another, and how many.
fn deeper(rectangles: &[(Span, Span)], capacity: usize) -> Option<(i64, usize)> {
    if rectangles.len() <= capacity {
        return None;
    }
    let mut edges: Vec<i64> = rectangles.iter().flat_map(|(_, w)| [w.start, w.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut depth = Depth::of(edges.len());
    let mut changes: Vec<(i64, i32, usize)> = Vec::with_capacity(rectangles.len() * 2);
    for (at, (time, _)) in rectangles.iter().enumerate() {
        // Ends before starts: spans are half-open.
        changes.push((time.start, 1, at));
        changes.push((time.end, -1, at));
    }
    changes.sort_unstable();
    for (at, by, rectangle) in changes {
        let window = rectangles[rectangle].1;
        let place = |edge: i64| edges.partition_point(|other| *other < edge);
        depth.add(place(window.start), place(window.end), by);
        let deepest = usize::try_from(depth.max()).unwrap_or_default();
        if deepest > capacity {
            return Some((at, deepest));
        }
    }
    None
}

/// How often each place of a line is covered, and the deepest: a segment tree.
struct Depth {
    size: usize,
    added: Vec<i32>,
    max: Vec<i32>,
}

impl Depth {
    fn of(places: usize) -> Self {
        let size = places.next_power_of_two();
        Self { size, added: vec![0; size * 2], max: vec![0; size * 2] }
    }

    fn max(&self) -> i32 {
        self.max[1]
    }

    fn add(&mut self, from: usize, to: usize, by: i32) {
        self.add_below(1, (0, self.size), (from, to), by);
    }

    fn add_below(
        &mut self,
        node: usize,
        (lo, hi): (usize, usize),
        wanted: (usize, usize),
        by: i32,
    ) {
        if wanted.1 <= lo || hi <= wanted.0 {
            return;
        }
        if wanted.0 <= lo && hi <= wanted.1 {
            self.added[node] += by;
            self.max[node] += by;
            return;
        }
        let middle = usize::midpoint(lo, hi);
        self.add_below(node * 2, (lo, middle), wanted, by);
        self.add_below(node * 2 + 1, (middle, hi), wanted, by);
        self.max[node] = self.added[node] + self.max[node * 2].max(self.max[node * 2 + 1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_overlaps_in_time_and_in_window_counts_together() {
        let span = Span::new;
        let apart =
            [(span(0, 10), span(0, 5)), (span(0, 10), span(5, 9)), (span(10, 20), span(0, 9))];
        assert_eq!(deeper(&apart, 1), None);
        let together = [(span(0, 10), span(0, 5)), (span(3, 12), span(4, 9))];
        assert_eq!(deeper(&together, 1), Some((3, 2)));
        assert_eq!(deeper(&together, 2), None);
    }
}
