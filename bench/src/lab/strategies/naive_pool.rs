//! Any spot: select the first free one, then write.
//!
//! Proposed: `SELECT … WHERE free LIMIT 1`, then book what was found. What "give me any spot" looks like at first.
//!
//! What goes wrong: everybody finds the same first spot. All of them book it.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct NaivePool {
    find: &'static str,
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for NaivePool {
    fn name(&self) -> &'static str {
        "naive-pool"
    }

    fn shows(&self) -> &'static str {
        "select the first free spot, then insert: all find the same one, and all book it"
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.find = rows::free_spot("ORDER BY spot_number LIMIT 1").leak();
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let db = client.db()?;
        match rows::find_free(db, self.find, want).await? {
            None => Ok(Outcome::Refused),
            Some(spot) => {
                Ok(rows::book(db, self.insert, (&rows::at_spot(want, spot), user)).await?)
            }
        }
    }
}
