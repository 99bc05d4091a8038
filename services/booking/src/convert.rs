//! Proto to command and domain to proto: parsed once, here.

pub mod allotment;
pub mod booking;
pub mod inventory;
pub mod tariff;
