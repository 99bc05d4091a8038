//! Availability: the read picture. It owns nothing that cannot be rebuilt and never asks the database, or anybody else, on a read.
//!
//! The picture lives in the memory of each replica ([`domain`]). It begins with snapshots of booking and sensor, then follows their facts
//! ([`consumers`]), runs its own clock ([`jobs`]) and is written through to Redis ([`store`]), where a new replica finds something to answer
//! with at once. Start reading at [`app`].

pub mod app;
pub mod convert;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod page;
pub mod store;
