//! Rules: pure and sync. They know contracts' values, and no database, call or message.

pub mod allotment;
pub mod audit;
pub mod booking;
pub mod closure;
pub mod discount;
pub mod inventory;
pub mod packing;
pub mod plate;
pub mod pooling;
pub mod rules;
pub mod series;
pub mod tariff;
pub mod timeline;
pub mod waitlist;
