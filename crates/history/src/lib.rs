//! What many clients saw of booking, written down, and the judge of it.
//!
//! A [`Call`] is one line of the record: who called, when it was called and when it came back on one monotonic clock, with
//! what, and what came of it. [`file`] keeps a record on disk. [`check`] judges it without knowing anything of how booking
//! works inside: it needs the record, the facts found in the stream, and what the [`Setup`] says of lots and spots.
//!
//! - [`check::lives`] puts together what is known of each booking: from when until when it may have stood, and surely stood.
//! - [`check::booking`] asks of each booking whether some order of its calls explains all their answers.
//! - [`check::spot`] asks the same of each spot.
//! - [`check::capacity`], [`check::refusals`], [`check::replay`] and [`check::facts`] look after what concerns several.
//!
//! Start at [`check::check`].

pub mod call;
pub mod check;
pub mod file;
pub mod setup;

pub use call::{Call, Fact, Id, Op, Outcome, Reason, Span};
pub use check::{Report, Violation, check, check_file};
pub use setup::{Lot, Pool, Setup};
