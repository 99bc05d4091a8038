//! Any spot: FOR UPDATE SKIP LOCKED.
//!
//! Proposed: the pattern of job queues. Each driver locks the first free spot that nobody else has locked,
//! and books it; nobody waits.
//!
//! What goes wrong: what is locked is not taken. On the last places a driver finds all of them locked by
//! others, who want one each, and is told "full" while some of those go back. And a spot that was given free
//! by its lock a moment ago may have been booked in that moment: without a constraint behind it
//! ([`SkipLocked::bare`]) it is booked again. [`SkipLocked::guarded`] is the best single statement of its kind.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

pub struct SkipLocked {
    name: &'static str,
    guarded: bool,
    insert: &'static str,
}

impl SkipLocked {
    /// Nothing but the lock.
    pub fn bare() -> Self {
        Self { name: "skip-locked-bare", guarded: false, insert: "" }
    }

    /// With the exclusion constraint behind it.
    pub fn guarded() -> Self {
        Self { name: "skip-locked", guarded: true, insert: "" }
    }
}

#[tonic::async_trait]
impl Strategy for SkipLocked {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        match self.guarded {
            true => "SKIP LOCKED under EXCLUDE: right, but \"full\" while others only look",
            false => "SKIP LOCKED alone: what was booked a moment ago is booked again",
        }
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        match self.guarded {
            true => rows::EXCLUDE_AND_LOOKUP,
            false => rows::LOOKUP,
        }
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let find = rows::free_spot("ORDER BY spot_number LIMIT 1 FOR UPDATE SKIP LOCKED");
        // The statement of one ask has its window at $3 and $4.
        let find = find.replace("$2", "$4").replace("$1", "$3");
        let ask = "(SELECT $1::uuid AS booking_id, pick.spot_id, $3::integer AS start_minute, \
                   $4::integer AS end_minute, $5::text AS user_id, $2::uuid AS nobody FROM pick) AS ask";
        let tail = if self.guarded { rows::OR_NOTHING } else { "" };
        let with = format!("pick AS MATERIALIZED ({find})");
        self.insert = rows::insert(&with, ask, tail, ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        Ok(rows::book(client.db()?, self.insert, (want, user)).await?)
    }
}
