//! Payment against real Postgres, real NATS and the real sandbox.
#![expect(clippy::unwrap_used, reason = "tests")]

mod additions;
mod authorize;
mod by_hand;
mod erase;
mod ledger;
mod methods;
mod reading;
mod reconcile;
mod refund;
mod requests;
mod rescue;
mod settle;
mod torture;
mod world;
