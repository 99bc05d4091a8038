//! The doors: check, one call, wrap. They decide nothing.

pub mod booking;
pub mod discount;
pub mod inventory;
mod plates;
