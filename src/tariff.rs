//! What a stay costs, as far as more than one service must tell it: the rules of a tariff, and the counting of begun steps by them.
//!
//! The definition stands in `services/booking/src/domain/tariff.rs`, and booking alone makes bills of it. Others may tell what a
//! window would cost.

mod rules;
mod tally;

pub use rules::{Billed, Cancellation, Early, Fee, PRICE_MINOR_MAX, Rate, Rules};
pub use tally::{Charging, Tally};
