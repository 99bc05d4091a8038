//! Proto to command and domain to proto: parsed once, here.

pub mod allotment;
pub mod audit;
pub mod booking;
pub mod change;
pub mod closure;
pub mod discount;
pub mod import;
pub mod inventory;
pub mod pooling;
pub mod rules;
pub mod series;
pub mod tariff;
pub mod timeline;
pub mod waitlist;
