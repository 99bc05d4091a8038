//! The exclusion constraint, one statement per booking.
//!
//! Proposed: Postgres itself knows what an overlap is: no two live rows of one spot with crossing windows,
//! whoever writes them. No lock to remember, no version, one round trip.
//!
//! What goes wrong with the plain INSERT: two rows under way at once wait for each other's end, and a crowd
//! on one window becomes a knot of deadlocks, each of which costs a second ([`Exclude::plain`]). With `ON
//! CONFLICT DO NOTHING` losers wait for the winner only, and are told by an empty answer
//! ([`Exclude::on_conflict`]). What remains is one commit and one index search for every single booking.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

const EXCLUSION_VIOLATION: &str = "23P01";

pub struct Exclude {
    name: &'static str,
    tail: &'static str,
    insert: &'static str,
}

impl Exclude {
    /// A refusal is an error of the constraint.
    pub fn plain() -> Self {
        Self { name: "exclude", tail: "", insert: "" }
    }

    /// A refusal is an empty answer.
    pub fn on_conflict() -> Self {
        Self { name: "exclude-on-conflict", tail: rows::OR_NOTHING, insert: "" }
    }
}

#[tonic::async_trait]
impl Strategy for Exclude {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        match self.name {
            "exclude" => "plain INSERT under EXCLUDE: right, and a knot of deadlocks in a crowd",
            _ => "INSERT … ON CONFLICT DO NOTHING under EXCLUDE: right, the best single statement",
        }
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::EXCLUDE
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, self.tail, ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        match rows::book(client.db()?, self.insert, (want, user)).await {
            Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some(EXCLUSION_VIOLATION) => {
                Ok(Outcome::Refused)
            }
            other => Ok(other?),
        }
    }
}
