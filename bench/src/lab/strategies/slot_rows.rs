//! One row per time slot.
//!
//! Proposed: cut the day into quarters of an hour, and write one row per spot and quarter under a unique
//! key. An overlap needs a quarter twice, which the key refuses; any database can do it.
//!
//! What goes wrong: nothing is booked twice, but windows have to fit the grid, a day's booking writes 96
//! rows, and each row costs an index entry. Moving and extending means moving rows.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// Quarters in order: two drivers who cross wait for each other in one direction only.
const QUARTERS: &str = "quarters AS (
    INSERT INTO quarter (spot_id, quarter)
    SELECT $2::uuid, generate_series($3::integer / 15, ($4::integer - 1) / 15))";

const UNIQUE_VIOLATION: &str = "23505";

#[derive(Default)]
pub struct SlotRows {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for SlotRows {
    fn name(&self) -> &'static str {
        "slot-rows"
    }

    fn shows(&self) -> &'static str {
        "a row per quarter of an hour under a unique key: right, on a grid, and many rows"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        "CREATE TABLE quarter (spot_id uuid, quarter integer, PRIMARY KEY (spot_id, quarter))"
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert(QUARTERS, rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        match rows::book(client.db()?, self.insert, (want, user)).await {
            Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(UNIQUE_VIOLATION) => {
                Ok(Outcome::Refused)
            }
            other => Ok(other?),
        }
    }
}
