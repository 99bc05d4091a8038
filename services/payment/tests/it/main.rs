//! Payment against real Postgres, real NATS and the real sandbox.
#![expect(clippy::unwrap_used, reason = "tests")]

mod actions;
mod additions;
mod ahead;
mod authorize;
mod by_hand;
mod debts;
mod erase;
mod ledger;
mod methods;
mod notices;
mod reading;
mod reconcile;
mod refund;
mod relayed;
mod renewal;
mod requests;
mod rescue;
mod settle;
mod statement;
mod stripe;
mod stuck;
mod torture;
mod world;
