//! Rules: pure and sync. They know contracts' values, and no database, call or message.

pub mod audit;
pub mod booking;
pub mod inventory;
pub mod rules;
