//! Select, then write.
//!
//! Proposed: look whether the spot is free, and if it is, take it. It is what everybody writes first, and
//! every test with one user passes.
//!
//! What goes wrong: between the look and the write others look too, and all see a free spot. A transaction
//! around both changes nothing at Postgres' default level (READ COMMITTED): each still sees what stood before.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct Naive {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for Naive {
    fn name(&self) -> &'static str {
        "naive"
    }

    fn shows(&self) -> &'static str {
        "select, then insert: whoever looked before the other's commit books too"
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
        if rows::is_taken(&mut transaction, want).await? {
            transaction.rollback().await?;
            return Ok(Outcome::Refused);
        }
        let outcome = rows::book(&mut transaction, self.insert, (want, user)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
