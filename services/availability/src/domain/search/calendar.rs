//! When spots are kept. Exact to the microsecond, and held for days in which anything is kept only.
//!
//! A day has a row of bits for each of its quarters of an hour, one for each three hours, and one for
//! itself; a bit says that the spot is kept at some time of the row's. What does not fill its quarter
//! is listed beside it, so that a window of any minute is told exactly.

use std::collections::BTreeMap;

use super::Slot;
use super::bits::{self, Bits};
use super::span::{DAY_US, MINUTE_US, Span};
use parkmesh_contracts::window::Window;

/// A quarter of an hour: most bookings begin and end on one.
const QUARTER_US: i64 = 15 * MINUTE_US;
/// Rows of a day for its quarters.
const QUARTERS: usize = 96;
/// An hour.
const HOUR_US: i64 = 4 * QUARTER_US;
/// Hours of a day.
const HOURS: usize = 24;
/// Three hours.
const BLOCK_US: i64 = 12 * QUARTER_US;
/// Rows of a day for its blocks.
const BLOCKS: usize = 8;
/// All rows of a day: quarters, blocks, itself.
const ROWS: usize = QUARTERS + BLOCKS + 1;
/// Days from the first that are held: farther than any lot lets book, the longest window and its
/// longest extension added.
const DAYS_MAX: i64 = 460;

/// When the spots of one lot are kept.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    days: BTreeMap<i64, Day>,
    /// Days before this one are forgotten.
    first_day: i64,
    /// Words of a row.
    words: usize,
}

/// One day of UTC.
#[derive(Clone, Debug)]
struct Day {
    rows: Vec<u64>,
    /// What does not fill its quarter of an hour, by hour; none at all where everything does.
    edges: Vec<Vec<Edge>>,
}

/// A time within a quarter of an hour in which a spot is kept; microseconds from the beginning of its
/// hour, of which 32 bits hold all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    slot: Slot,
    from: u32,
    to: u32,
}

impl Edge {
    fn of(slot: Slot, part: Span, hour: Span) -> Self {
        let since = |at: i64| u32::try_from(at - hour.from).unwrap_or_default();
        Self { slot, from: since(part.from), to: since(part.to) }
    }

    fn part(self, hour: Span) -> Span {
        Span { from: hour.from + i64::from(self.from), to: hour.from + i64::from(self.to) }
    }
}

impl Calendar {
    /// Makes room for so many spots. Seldom does anything: room is made for some more.
    pub fn reserve(&mut self, spots: usize) {
        let needed = bits::words(spots);
        if needed <= self.words {
            return;
        }
        let words = needed.max(self.words + self.words / 8);
        for day in self.days.values_mut() {
            let mut rows = vec![0; ROWS * words];
            if self.words > 0 {
                for (new, old) in rows.chunks_mut(words).zip(day.rows.chunks(self.words)) {
                    new[..old.len()].copy_from_slice(old);
                }
            }
            day.rows = rows;
        }
        self.words = words;
    }

    /// Forgets the days before an instant's.
    pub fn forget_before(&mut self, at_us: i64) {
        let first_day = at_us.div_euclid(DAY_US);
        if first_day > self.first_day {
            self.days = self.days.split_off(&first_day);
            self.first_day = first_day;
        }
    }

    /// Forgets everything, and begins with an instant's day.
    pub fn begin_anew(&mut self, at_us: i64) {
        self.days.clear();
        self.first_day = at_us.div_euclid(DAY_US);
    }

    /// Looks again at a spot, in a range in which something has changed: `kept` is all that keeps it,
    /// at least around there. Whatever stood there before is forgotten, so that words of the same time
    /// may come in any order, and twice.
    pub fn look_again(&mut self, slot: Slot, range: Span, kept: &[Span]) {
        let held = Span::cell(self.first_day, DAY_US).from;
        let range = range.clip(Span { from: held, to: held + DAYS_MAX * DAY_US });
        let mut near = Vec::new();
        for number in range.cells(DAY_US) {
            let of_day = Span::cell(number, DAY_US);
            near.clear();
            near.extend(kept.iter().copied().filter(|span| span.overlaps(of_day)));
            if near.is_empty() && !self.days.contains_key(&number) {
                continue;
            }
            let words = self.words;
            let day = self.days.entry(number).or_insert_with(|| Day::new(words));
            day.look_again(slot, of_day, range.clip(of_day), &near, words);
        }
    }

    /// The spots that are kept at some time of a window.
    #[must_use]
    pub fn taken(&self, window: Window, spots: usize) -> Bits {
        let window = Span::of(&window);
        let mut taken = Bits::none(spots);
        for number in window.cells(DAY_US) {
            if let Some(day) = self.days.get(&number) {
                day.taken(Span::cell(number, DAY_US), window, self.words, &mut taken);
            }
        }
        taken
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.days.values().map(Day::bytes).sum()
    }
}

/// The row of a quarter, a block or the day that an instant lies in.
fn quarter_row(of_day: Span, at_us: i64) -> usize {
    usize::try_from((at_us - of_day.from) / QUARTER_US).unwrap_or_default()
}

/// The hour that a quarter lies in: its place in the day, and itself.
fn hour_of(of_day: Span, quarter: Span) -> (usize, Span) {
    let hour = Span::cell(quarter.from.div_euclid(HOUR_US), HOUR_US);
    (quarter_row(of_day, hour.from) / (QUARTERS / HOURS), hour)
}

impl Day {
    fn new(words: usize) -> Self {
        Self { rows: vec![0; ROWS * words], edges: Vec::new() }
    }

    fn row(&self, row: usize, words: usize) -> &[u64] {
        &self.rows[row * words..(row + 1) * words]
    }

    fn put(&mut self, row: usize, words: usize, slot: Slot, set: bool) {
        bits::put(&mut self.rows[row * words..(row + 1) * words], slot, set);
    }

    fn look_again(&mut self, slot: Slot, of_day: Span, range: Span, near: &[Span], words: usize) {
        let is_kept = |cell: Span| near.iter().any(|span| span.overlaps(cell));
        for number in range.cells(QUARTER_US) {
            let quarter = Span::cell(number, QUARTER_US);
            let row = quarter_row(of_day, quarter.from);
            self.put(row, words, slot, is_kept(quarter));
            self.list_edges(of_day, slot, quarter, near);
        }
        for number in range.cells(BLOCK_US) {
            let block = Span::cell(number, BLOCK_US);
            let row = QUARTERS + quarter_row(of_day, block.from) / (QUARTERS / BLOCKS);
            self.put(row, words, slot, is_kept(block));
        }
        self.put(ROWS - 1, words, slot, !near.is_empty());
    }

    fn list_edges(&mut self, of_day: Span, slot: Slot, quarter: Span, near: &[Span]) {
        let (at, hour) = hour_of(of_day, quarter);
        if let Some(edges) = self.edges.get_mut(at) {
            edges.retain(|edge| edge.slot != slot || !quarter.encloses(edge.part(hour)));
        }
        if near.iter().any(|span| span.encloses(quarter)) {
            return;
        }
        for span in near.iter().filter(|span| span.overlaps(quarter)) {
            if self.edges.is_empty() {
                self.edges.resize_with(HOURS, Vec::new);
            }
            let Some(edges) = self.edges.get_mut(at) else { return };
            if edges.len() == edges.capacity() {
                // A vector that doubles would leave a quarter of them empty.
                edges.reserve_exact(edges.len() / 8 + 2);
            }
            edges.push(Edge::of(slot, span.clip(quarter), hour));
        }
    }

    fn taken(&self, of_day: Span, window: Span, words: usize, taken: &mut Bits) {
        if window.encloses(of_day) {
            taken.add(self.row(ROWS - 1, words));
            return;
        }
        let part = window.clip(of_day);
        let mut at = part.from;
        while at < part.to {
            let block = Span::cell(at.div_euclid(BLOCK_US), BLOCK_US);
            let quarter = Span::cell(at.div_euclid(QUARTER_US), QUARTER_US);
            let row = quarter_row(of_day, at);
            if window.encloses(block) {
                taken.add(self.row(QUARTERS + row / (QUARTERS / BLOCKS), words));
                at = block.to;
                continue;
            }
            if window.encloses(quarter) {
                taken.add(self.row(row, words));
            } else {
                self.taken_in(of_day, quarter, window, words, taken);
            }
            at = quarter.to;
        }
    }

    /// Those that are kept in a part of a quarter of an hour.
    fn taken_in(&self, of_day: Span, quarter: Span, window: Span, words: usize, taken: &mut Bits) {
        let row = self.row(quarter_row(of_day, quarter.from), words);
        let (at, hour) = hour_of(of_day, quarter);
        let edges = self.edges.get(at).map_or(&[][..], Vec::as_slice);
        let parts = edges.iter().map(|edge| (edge.slot, edge.part(hour)));
        let parts: Vec<(Slot, Span)> = parts.filter(|(_, part)| quarter.encloses(*part)).collect();
        if parts.is_empty() {
            return taken.add(row);
        }
        let mut kept = Bits::none(words * 64);
        kept.add(row);
        for (slot, _) in &parts {
            kept.put(*slot, false);
        }
        for (slot, _) in parts.iter().filter(|(_, part)| part.overlaps(window)) {
            kept.put(*slot, true);
        }
        taken.add_all(&kept);
    }

    fn bytes(&self) -> usize {
        let edges = self
            .edges
            .iter()
            .map(|edges| edges.capacity() * size_of::<Edge>() + size_of::<Vec<Edge>>());
        self.rows.capacity() * size_of::<u64>() + edges.sum::<usize>() + size_of::<Self>()
    }
}
