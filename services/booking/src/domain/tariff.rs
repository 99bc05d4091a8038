//! Tariffs: what a stay costs. This page is the definition; the code follows it, and so does the
//! independent implementation in `tests/it/tariff/oracle.py` that checks it.
//!
//! **Prices** are whole minor units of the lot's currency, never negative. **Time** is real time
//! (instants); it is looked at in the lot's IANA zone. An instant has exactly one local date and
//! time, so nothing is ambiguous: a local time that a change of the clocks leaves out (a gap) is the
//! time of no instant and is never billed, one that comes twice (a fold) is billed both times, by
//! what holds at that local time.
//!
//! **A span** of time `[from, to)` is charged in this order:
//!
//! 1. *Free minutes.* The first `free_minutes` (real minutes) cost nothing. If they cover the span,
//!    it costs 0, and nothing below applies.
//! 2. *Steps.* Behind the free minutes, steps of `step_minutes` real minutes follow one another to
//!    the end; the last may be begun only, and counts whole. A span without free minutes has begun
//!    its first step even when it is empty.
//! 3. *Rates.* A step costs the price of the first rate in the list that holds at its first instant:
//!    for the spot's type, on the local weekday, at a local time in `[from_minute, to_minute)` of the
//!    day. If none holds, it costs the plain rate, `step_minor`.
//! 4. *Daily cap.* Steps count to the local calendar date of their first instant. What the steps of
//!    one date come to beyond `daily_cap_minor` is waived. A date is one date however long it is: 23,
//!    24 or 25 hours have the same cap.
//! 5. *Minimum.* What is less than `minimum_minor` becomes `minimum_minor`.
//! 6. *Stay cap.* What is more than `stay_cap_minor` becomes `stay_cap_minor`. A minimum above one of
//!    the caps is refused when the tariff is made.
//!
//! **A booking** that was made for a window and whose car was there is charged for
//!
//! - `stay`: the span from its arrival (or from the start of the window, if it came early and
//!   `early_arrival` is free) to its departure, at most to the end of the window;
//! - `window`: the span of the window, longer by what it came early, unless that is free;
//! - `larger`: of these two the one that costs more.
//!
//! What is authorised is the price of the window, and no more than that is ever taken for a stay.
//!
//! **Overstay**, the span from the end of the window to the departure, is a charge of its own:
//! nothing, when the car was gone by then; else begun steps laid from the end of the window, each at
//! `overstay_minor`, without cap. A tariff that names no such price charges the span as above, steps
//! 2 to 4, by its rates and its daily cap.
//!
//! **Fees.** Giving a reservation back costs its driver nothing until `free_until_minutes` before the
//! start of the window (that instant is no longer free); from then on a fixed amount, or a
//! percentage of the authorised amount. So does not coming. A fee is never more than was authorised.
//! What the lot takes back costs nothing.
//!
//! **Frozen** is the version: a booking is priced by the one that it was quoted with, for the type of
//! spot that it was quoted for, and what was quoted stays, also when a government moves the clocks or
//! an operator corrects the lot's zone before the car comes.
//!
//! **Rounding.** Only percentages can be finer than a minor unit. They go to the nearest one, halves
//! up ([`Money::checked_mul_ratio`](parkmesh_contracts::money::Money::checked_mul_ratio)). Nothing
//! else rounds.
//!
//! **What follows**, and is tested: no charge is negative; the later the end of a span, the more or
//! the same it costs; no calendar date and no stay costs more than its cap. It does *not* follow that
//! an earlier start costs more: an hour that begins before a dear time is charged as it began.

mod bill;
mod fare;

pub use bill::{Bill, Line};
pub use fare::{Fare, FareError};
// Whoever tells what a window would cost counts by the same rules.
pub use parkmesh_contracts::tariff::{
    Billed, Cancellation, Early, Fee, PRICE_MINOR_MAX, Rate, Rules,
};

#[cfg(test)]
#[path = "tariff/tariff_tests.rs"]
mod tests;
