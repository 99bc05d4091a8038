//! How many promises meet at any one instant of a window. The places of a pool that they need are as
//! many: who is promised a place and no spot can be packed so.

use std::collections::BTreeMap;

use super::span::{MINUTE_US, Span};
use parkmesh_contracts::window::Window;

/// A quarter of an hour.
const CELL_US: i64 = 15 * MINUTE_US;

/// The promises of one type, by quarter of an hour.
#[derive(Clone, Debug, Default)]
pub struct Peaks {
    cells: BTreeMap<i64, Cell>,
}

#[derive(Clone, Debug, Default)]
struct Cell {
    /// Promises that fill it.
    whole: u32,
    /// Parts of it that others fill.
    parts: Vec<Span>,
    /// Most that meet in it.
    peak: u32,
}

impl Cell {
    fn meet(&self, window: Span) -> u32 {
        let mut turns: Vec<(i64, i32)> = Vec::with_capacity(2 * self.parts.len());
        for part in self.parts.iter().map(|part| part.clip(window)).filter(|it| !it.is_empty()) {
            turns.extend([(part.from, 1), (part.to, -1)]);
        }
        // At one instant those that end come first: they do not meet those that begin.
        turns.sort_unstable();
        let (mut now, mut most) = (0_i32, 0_i32);
        for (_, turn) in turns {
            now += turn;
            most = most.max(now);
        }
        self.whole + most.unsigned_abs()
    }
}

impl Peaks {
    /// Counts one more in a span, or one less.
    pub fn put(&mut self, span: Span, more: bool) {
        for number in span.cells(CELL_US) {
            let of_cell = Span::cell(number, CELL_US);
            let cell = self.cells.entry(number).or_default();
            let part = span.clip(of_cell);
            if part == of_cell {
                cell.whole = if more { cell.whole + 1 } else { cell.whole.saturating_sub(1) };
            } else if more {
                cell.parts.push(part);
            } else if let Some(at) = cell.parts.iter().position(|known| *known == part) {
                cell.parts.swap_remove(at);
            }
            cell.peak = cell.meet(of_cell);
            if cell.peak == 0 {
                self.cells.remove(&number);
            }
        }
    }

    /// The most that meet at any instant of a window.
    #[must_use]
    pub fn most(&self, window: Window) -> u32 {
        let window = Span::of(&window);
        let Some(first) = window.cells(CELL_US).next() else { return 0 };
        let cells = self.cells.range(first..=(window.to - 1).div_euclid(CELL_US));
        let most =
            cells.map(|(number, cell)| match window.encloses(Span::cell(*number, CELL_US)) {
                true => cell.peak,
                false if cell.parts.is_empty() => cell.whole,
                false => cell.meet(window),
            });
        most.max().unwrap_or(0)
    }

    /// Bytes held, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = self.cells.values().map(|cell| cell.parts.capacity() * size_of::<Span>());
        self.cells.len() * (size_of::<Cell>() + size_of::<i64>()) + parts.sum::<usize>()
    }
}
