//! No strategy, only its price: what one row in one transaction costs when nobody looks whether the spot
//! is free. Whatever guards the spot pays on top of this.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct InsertOnly {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for InsertOnly {
    fn name(&self) -> &'static str {
        "insert-only"
    }

    fn shows(&self) -> &'static str {
        "no check at all: the limit of commits, a yardstick and no strategy"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        ""
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        Ok(rows::book(client.db()?, self.insert, (want, user)).await?)
    }
}
