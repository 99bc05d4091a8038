//! All SQL of the service: rows to domain and back.

pub mod allotment;
pub mod audit;
pub mod booking;
pub mod discount;
pub mod erasure;
pub mod inventory;
pub mod replay;
pub mod timeline;
pub mod waitlist;
