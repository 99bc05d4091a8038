//! Spans in whole microseconds, as booking keeps them, and small enough for an index.

use parkmesh_contracts::window::Window;

/// Microseconds of a minute.
pub const MINUTE_US: i64 = 60 * 1_000_000;
/// Microseconds of a day.
pub const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// A span `[from, to)` in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First microsecond inside.
    pub from: i64,
    /// First one after.
    pub to: i64,
}

impl Span {
    /// The span of a window.
    #[must_use]
    pub fn of(window: &Window) -> Self {
        Self { from: window.start().as_microsecond(), to: window.end().as_microsecond() }
    }

    /// Whether both contain some microsecond.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the other lies wholly inside.
    #[must_use]
    pub fn encloses(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// What both contain; may be empty.
    #[must_use]
    pub fn clip(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// Whether nothing is inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    /// The numbers of the cells of this length, counted from 1970, that it touches.
    pub fn cells(self, length_us: i64) -> impl Iterator<Item = i64> {
        let last = if self.is_empty() { self.from } else { self.to - 1 };
        let none = self.is_empty();
        (self.from.div_euclid(length_us)..=last.div_euclid(length_us)).filter(move |_| !none)
    }

    /// The cell with this number.
    #[must_use]
    pub fn cell(number: i64, length_us: i64) -> Self {
        Self { from: number * length_us, to: (number + 1) * length_us }
    }
}
