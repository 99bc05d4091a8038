//! SELECT … FOR UPDATE: pessimistic locking.
//!
//! Proposed: lock the spot's row, look, book, commit. Nobody else can look meanwhile. Easy to understand, and
//! right, provided the look is a statement of its own: the one that waited for the lock still sees the table
//! as it was before it waited.
//!
//! What goes wrong: the lock is held for all round trips in between, and everybody who wants the same spot,
//! at whatever hour, waits with a connection in hand. With a person or a payment provider inside the
//! transaction, as [`ForUpdate::thinking`] has it, one spot takes five bookings a second and no more.

use std::time::Duration;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::load::Load;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// What a payment provider takes when it is quick.
const THINK: Duration = Duration::from_millis(200);

pub struct ForUpdate {
    name: &'static str,
    think: Option<Duration>,
    clients: usize,
    insert: &'static str,
}

impl ForUpdate {
    /// Nothing but the statements inside the lock.
    pub fn quick() -> Self {
        Self { name: "for-update", think: None, clients: 64, insert: "" }
    }

    /// The lock is kept while something else takes its time; with so many connections.
    pub fn thinking(name: &'static str, clients: usize) -> Self {
        Self { name, think: Some(THINK), clients, insert: "" }
    }
}

#[tonic::async_trait]
impl Strategy for ForUpdate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        match self.think {
            None => {
                "pessimistic: right, but all who want one spot wait in line, each with a connection"
            }
            Some(_) => {
                "the same with 200 ms of payment inside the lock: 5 bookings a second and spot"
            }
        }
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    fn clients(&self) -> usize {
        self.clients
    }

    fn loads(&self) -> &'static [Load] {
        // A crowd behind one lock of 200 ms: the last of 350 would wait for more than a minute.
        match self.clients {
            64 => &[Load::Spread, Load::OneSpot, Load::Herd],
            _ => &[Load::Spread],
        }
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let user = client.user();
        let mut transaction = rows::begin(client).await?;
        let lock = sqlx::query("SELECT version FROM spot WHERE spot_id = $1 FOR UPDATE");
        lock.bind(want.spot_id()).execute(&mut *transaction).await?;
        if rows::is_taken(&mut transaction, want).await? {
            transaction.rollback().await?;
            return Ok(Outcome::Refused);
        }
        if let Some(think) = self.think {
            crate::pause(think).await;
        }
        let outcome = rows::book(&mut transaction, self.insert, (want, user)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}
