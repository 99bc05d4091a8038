//! Any spot: a random free one.
//!
//! Proposed: choose at random among the free spots, so that a crowd spreads by itself, and let a constraint
//! refuse the few who meet.
//!
//! What goes wrong: while much is free it works. On the last places everybody meets everybody, and after
//! [`TRIES_MAX`] meetings a driver is told "full" while a place is still free. Sorting all free spots by
//! chance to take one of them costs more the larger the lot is.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// Meetings before the driver is sent away.
const TRIES_MAX: u32 = 3;

#[derive(Default)]
pub struct RandomPick {
    find: &'static str,
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for RandomPick {
    fn name(&self) -> &'static str {
        "random-pick"
    }

    fn shows(&self) -> &'static str {
        "a random free spot under EXCLUDE: on the last places drivers are refused by bad luck"
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        rows::EXCLUDE_AND_LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.find = rows::free_spot("ORDER BY random() LIMIT 1").leak();
        self.insert = rows::insert("", rows::ASK, rows::OR_NOTHING, ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        for _try in 0..TRIES_MAX {
            let user = client.user();
            let db = client.db()?;
            let Some(spot) = rows::find_free(db, self.find, want).await? else { break };
            let want = rows::at_spot(want, spot);
            if rows::book(db, self.insert, (&want, user)).await? == Outcome::Won {
                return Ok(Outcome::Won);
            }
        }
        Ok(Outcome::Refused)
    }
}
