//! The rules of the ground: pure, without a clock of their own.

pub mod acks;
pub mod agreement;
pub mod discrepancy;
pub mod ground;
pub mod model;
pub mod order;
pub mod plate;
pub mod sensor;

#[cfg(test)]
mod ground_tests;
