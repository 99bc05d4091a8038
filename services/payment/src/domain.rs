//! The rules of money: (state, command) -> state or a refusal. Pure; knows no provider and no
//! database.

pub mod card;
pub mod chargeback;
pub mod days;
pub mod debt;
pub mod ledger;
pub mod method;
pub mod payment;
pub mod receipt;
pub mod refund;
pub mod renewal;
pub mod revenue;
pub mod settle;
pub mod statement;

pub use chargeback::{Chargeback, Dispute};
pub use ledger::Entry;
pub use method::{CardFace, Method};
pub use payment::{Action, Intent, Kind, Outcome, Payment, Refusal, Settlement, Status};
pub use receipt::{Line, Overstay, Receipt, Seller, Stay};
pub use refund::{Refund, RefundStatus};
pub use revenue::{Moved, Report, Revenue};
pub use statement::{DebtWritten, Payout, Statement, Summed};
