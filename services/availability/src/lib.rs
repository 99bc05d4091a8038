//! Availability: the read picture. It owns nothing that cannot be rebuilt and never asks the database on a read.

pub mod convert;
pub mod domain;
pub mod events;
