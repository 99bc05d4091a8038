//! Availability against a real Redis and a real NATS, with doubles of booking's and sensor's
//! snapshots.

mod doubles;
mod facts;
mod finding;
mod history;
mod house;
mod picture;
mod promises;
mod proxy;
mod repair;
mod searching;
mod shared;
mod watching;
