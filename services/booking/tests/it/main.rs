//! Booking against real servers, through its own doors.
#![expect(clippy::unwrap_used, reason = "tests")]

mod inventory;
mod inventory_refusals;
mod snapshot;
mod snapshot_windows;
mod world;
