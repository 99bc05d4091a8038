//! Any spot: SKIP LOCKED around a CTE, which locks nothing.
//!
//! Proposed: find the free spots in a `WITH`, then `SELECT … FROM free LIMIT 1 FOR UPDATE SKIP LOCKED`. It
//! reads like the pattern of job queues, in a more orderly form.
//!
//! What goes wrong: a locking clause reaches the tables of its own query level only. Around a CTE it locks
//! nothing, and Postgres says nothing. It is the naive way, in the coat of a safe one.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct SkipLockedCte {
    find: &'static str,
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for SkipLockedCte {
    fn name(&self) -> &'static str {
        "skip-locked-cte"
    }

    fn shows(&self) -> &'static str {
        "FOR UPDATE SKIP LOCKED around a CTE: locks nothing, books double"
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let free = rows::free_spot("ORDER BY spot_number LIMIT 1");
        let find = format!("WITH free AS ({free}) SELECT spot_id FROM free FOR UPDATE SKIP LOCKED");
        self.find = find.leak();
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let mut transaction = rows::begin(client).await?;
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
