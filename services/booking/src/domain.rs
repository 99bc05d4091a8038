//! Rules: pure and sync. They know contracts' values, and no database, call or message.

pub mod audit;
pub mod booking;
pub mod closure;
pub mod inventory;
pub mod rules;
pub mod timeline;
