//! A unique key on (spot, start).
//!
//! Proposed: let the database refuse the second row, with a unique key over the spot and its time slot. One
//! statement, no lock, fast.
//!
//! What goes wrong: it guards equal starts only. 09:00–10:00 and 09:15–10:15 have different keys, and both
//! stand. It is right where windows come from a fixed grid and never span two of its cells.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

#[derive(Default)]
pub struct UniqueStart {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for UniqueStart {
    fn name(&self) -> &'static str {
        "unique-start"
    }

    fn shows(&self) -> &'static str {
        "unique key on (spot, start): equal starts are refused, overlaps are not"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        "CREATE UNIQUE INDEX booking_start_once ON booking (spot_id, start_time) WHERE state IN (1, 2, 3)"
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, rows::OR_NOTHING, ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        Ok(rows::book(client.db()?, self.insert, (want, user)).await?)
    }
}
