//! A queue with one worker.
//!
//! Proposed: if nobody else writes, nobody can be in the way. All requests go into a queue, one worker takes
//! them one by one, looks and books. First come, first served, by construction.
//!
//! What goes wrong: every booking waits for the commits of all before it, one at a time, and a second worker
//! (a second replica, a rolling deployment) books twice, since nothing but the queue guards the spot.

use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

type Ask = (Want, String, oneshot::Sender<Outcome>);

/// Requests that may wait.
const WAITING_MAX: usize = 16_384;

#[derive(Default)]
pub struct OneWorker {
    queue: Option<mpsc::Sender<Ask>>,
}

#[tonic::async_trait]
impl Strategy for OneWorker {
    fn name(&self) -> &'static str {
        "one-worker"
    }

    fn shows(&self) -> &'static str {
        "a queue and one worker: right and in order, one commit after the other"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    fn uses_connections(&self) -> bool {
        false
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let insert = rows::insert("", rows::ASK, "", ground.everything);
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        self.queue = Some(sender);
        let connection = ground.connect().await?;
        ground.tasks.spawn("one-worker", work(queue, connection, insert));
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let queue = self.queue.as_ref().ok_or("not prepared")?;
        let (sender, answer) = oneshot::channel();
        queue.send((*want, client.user(), sender)).await?;
        Ok(answer.await?)
    }
}

async fn work(mut queue: mpsc::Receiver<Ask>, mut db: PgConnection, insert: &'static str) {
    while let Some((want, user, answer)) = queue.recv().await {
        let outcome = match rows::is_taken(&mut db, &want).await {
            Ok(false) => rows::book(&mut db, insert, (&want, user)).await,
            Ok(true) => Ok(Outcome::Refused),
            Err(error) => Err(error),
        };
        // Without an answer the driver sees an error.
        if let Ok(outcome) = outcome {
            let _gone = answer.send(outcome);
        }
    }
}
