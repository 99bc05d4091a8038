//! Locking the row of the time slot.
//!
//! Proposed: a table with one row per hour of the lot. Whoever books locks the rows of its hours, looks,
//! and books; overlaps cannot happen, and no spot need be locked.
//!
//! What goes wrong: all spots of the lot share the hour's row. The whole lot books one by one for the hours
//! that everybody wants, and a window of several hours waits for each of them.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

const LOCK: &str = "SELECT hour FROM hour WHERE hour BETWEEN $1 / 60 AND ($2 - 1) / 60
    ORDER BY hour FOR UPDATE";

#[derive(Default)]
pub struct SlotLock {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for SlotLock {
    fn name(&self) -> &'static str {
        "slot-lock"
    }

    fn shows(&self) -> &'static str {
        "locks the lot's hour: right, but every spot of a popular hour waits for every other"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        "CREATE INDEX booking_lookup ON booking (spot_id, start_time) WHERE state IN (1, 2, 3);
         CREATE TABLE hour (hour integer PRIMARY KEY);
         INSERT INTO hour SELECT generate_series(0, 4100 * 24)"
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let mut transaction = rows::begin(client).await?;
        let lock = sqlx::query(LOCK).bind(want.start).bind(want.end);
        lock.execute(&mut *transaction).await?;
        if rows::is_taken(&mut transaction, want).await? {
            transaction.rollback().await?;
            return Ok(Outcome::Refused);
        }
        let outcome = rows::book(&mut transaction, self.insert, (want, user)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
