//! Any spot: lock all candidates.
//!
//! Proposed: `SELECT … WHERE free FOR UPDATE`, choose one of the rows, book it. It looks like the careful
//! form of the naive way, and after a second look under the lock it books nothing twice.
//!
//! What goes wrong: it locks every free spot of the lot to take one. All bookings of the lot stand in one
//! line, and locking five hundred rows writes five hundred row versions' worth of locks each time.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct LockAll {
    lock: &'static str,
    find: &'static str,
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for LockAll {
    fn name(&self) -> &'static str {
        "lock-all"
    }

    fn shows(&self) -> &'static str {
        "locks all free spots to take one: right, and the whole lot in one line"
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.lock = rows::free_spot("ORDER BY spot_number FOR UPDATE").leak();
        self.find = rows::free_spot("ORDER BY spot_number LIMIT 1").leak();
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let mut transaction = rows::begin(client).await?;
        let lock = sqlx::query(self.lock).bind(want.start).bind(want.end);
        lock.execute(&mut *transaction).await?;
        // The statement that waited still sees what stood before; a new one sees who was faster.
        let Some(spot) = rows::find_free(&mut transaction, self.find, want).await? else {
            transaction.rollback().await?;
            return Ok(Outcome::Refused);
        };
        let want = rows::at_spot(want, spot);
        let outcome = rows::book(&mut transaction, self.insert, (&want, user)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
