//! The judge: whether what all clients saw can have come from a booking service that keeps its promises.

pub mod booking;
pub mod capacity;
pub mod changes;
pub mod deeds;
pub mod facts;
pub mod lives;
pub mod refusals;
pub mod replay;
pub mod spot;
pub mod status;

mod parts;

use std::fmt;
use std::io;
use std::path::Path;

use crate::file::{self, Record};

/// Violations that are told in full; the rest is counted.
const TOLD_MAX: usize = 200;

/// What was promised and not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Two bookings surely had one spot at one time for overlapping windows.
    DoubleBooking,
    /// More bookings of a pool than spots.
    Oversale,
    /// More live holds of a user than the lot allows.
    HoldCap,
    /// The same request had two answers.
    UnequalReplay,
    /// An acknowledged booking is not there.
    LostBooking,
    /// A fact of a booking is not in the stream.
    LostFact,
    /// A refusal that nothing explains.
    UnjustifiedRefusal,
    /// A booking is in a state to which its history does not lead.
    WrongState,
    /// Something was granted that was to be refused.
    WrongGrant,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoubleBooking => "double booking",
            Self::Oversale => "oversale",
            Self::HoldCap => "too many holds of one user",
            Self::UnequalReplay => "unequal replay",
            Self::LostBooking => "lost booking",
            Self::LostFact => "lost fact",
            Self::UnjustifiedRefusal => "unjustified refusal",
            Self::WrongState => "wrong state",
            Self::WrongGrant => "wrong grant",
        })
    }
}

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub kind: Kind,
    /// What was seen.
    pub text: String,
}

/// What the judge says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls looked at.
    pub calls: usize,
    /// Bookings known of.
    pub bookings: usize,
    /// Facts found in the stream; when there are none, nothing is said about facts.
    pub facts: usize,
    /// The first violations.
    pub violations: Vec<Violation>,
    /// How many there are in all.
    pub violations_total: usize,
    /// Spots and bookings whose orders were too many to try them all: nothing is proven of them.
    pub undecided: usize,
}

impl Report {
    /// Whether all was kept, and all of it could be decided.
    pub fn holds(&self) -> bool {
        self.violations_total == 0 && self.undecided == 0
    }

    /// How many violations of a kind were told.
    pub fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|one| one.kind == kind).count()
    }

    pub(crate) fn add(&mut self, kind: Kind, text: impl Into<String>) {
        self.violations_total += 1;
        if self.violations.len() < TOLD_MAX {
            self.violations.push(Violation { kind, text: text.into() });
        }
    }
}

/// Judges a record.
pub fn check(record: &Record) -> Report {
    let mut judging = parts::Judging::of(record.setup.clone());
    judging.part(record.calls.clone());
    judging.end(record.facts.clone())
}

/// Judges a record on disk, the clients of about so many calls at a time, so that it need not fit into memory.
///
/// # Errors
/// The file's; `InvalidData` when it is no record, or one without its end.
pub fn check_file(path: &Path, calls_at_once: usize) -> io::Result<Report> {
    let whole = file::count(path)?;
    let parts = u32::try_from(whole.calls / calls_at_once.max(1) + 1).unwrap_or(u32::MAX);
    let mut judging = parts::Judging::of(whole.setup);
    for part in 0..parts {
        judging.part(file::calls(path, |call| parts::belongs(call, part, parts))?);
    }
    Ok(judging.end(file::facts(path)?))
}

/// `call 17 (Hold, client 3, 1.204–1.317 s)`: for texts.
pub(crate) fn told(call: &crate::call::Call) -> String {
    let ret = if call.ret == crate::call::NEVER {
        "never".to_owned()
    } else {
        format!("{} s", seconds(call.ret))
    };
    format!("{:?} of client {} ({} s to {ret})", call.op, call.client, seconds(call.invoke))
}

/// Microseconds as seconds.
pub(crate) fn seconds(us: i64) -> String {
    let (sign, us) = (if us < 0 { "-" } else { "" }, us.unsigned_abs());
    format!("{sign}{}.{:06}", us / 1_000_000, us % 1_000_000)
}
