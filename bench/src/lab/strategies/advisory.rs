//! Advisory locks.
//!
//! Proposed: a lock by name, in the database that is there anyway, instead of a lock service: take the spot's
//! number, look, book, commit. Tried without waiting ([`Advisory::trying`]), nobody ever stands in line.
//!
//! What goes wrong: it guards only those who remember to take it, one forgotten path books twice. Waiting
//! costs what a row lock costs. Not waiting sends drivers away because somebody else was looking at another
//! hour of the same spot.

use sqlx::Row;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

pub struct Advisory {
    name: &'static str,
    lock: &'static str,
    insert: &'static str,
}

impl Advisory {
    /// Waits for the lock.
    pub fn waiting() -> Self {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0)) IS NOT NULL";
        Self { name: "advisory", lock, insert: "" }
    }

    /// Gives up when the lock is not free.
    pub fn trying() -> Self {
        let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0))";
        Self { name: "advisory-try", lock, insert: "" }
    }
}

#[tonic::async_trait]
impl Strategy for Advisory {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        match self.name {
            "advisory" => "a lock by name: right while every path remembers it",
            _ => "the same without waiting: whoever meets another is sent away from a free spot",
        }
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let mut transaction = rows::begin(client).await?;
        let lock = sqlx::query(self.lock).bind(want.spot_id().to_string());
        let locked: bool = lock.fetch_one(&mut *transaction).await?.try_get(0)?;
        if !locked || rows::is_taken(&mut transaction, want).await? {
            transaction.rollback().await?;
            return Ok(Outcome::Refused);
        }
        let outcome = rows::book(&mut transaction, self.insert, (want, user)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
