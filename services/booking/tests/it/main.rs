//! Booking against real servers, through its own doors.
#![expect(clippy::unwrap_used, reason = "tests")]

mod booking_change;
mod booking_claim;
mod booking_confirm;
mod booking_hold;
mod booking_relocate;
mod booking_rules;
mod booking_sensor;
mod booking_stay;
mod booking_world;
mod churn;
mod closure;
mod erase;
mod guests;
mod inventory;
mod inventory_audit;
mod inventory_change;
mod inventory_import;
mod inventory_refusals;
mod plans;
mod pools;
mod pools_late;
mod reality;
mod series;
mod snapshot;
mod snapshot_windows;
mod tariff_oracle;
mod tariffs;
mod tariffs_refused;
mod tickets;
mod timeline;
mod waitlist;
mod waitlist_crowd;
mod waitlist_world;
mod walk_in;
mod world;
