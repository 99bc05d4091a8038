//! Groups: asks that arrive while a commit is under way ride the next one.
//!
//! Ours. A writer takes all asks that wait, up to 256, and books them with one statement under the exclusion
//! constraint: one round trip, one commit, one flush for all of them, and each its own outcome by whether its
//! row came back. Nobody waits on purpose: when one ask is there, the group is one. Of asks that cross inside
//! a group the earlier one is sent and decides for both, so that nobody is overtaken by more than a group.
//!
//! What could go wrong: a group is as slow as its slowest row, and two writers with crossing rows could wait
//! for each other; therefore rows go in the order of spot and start, and a spot belongs to one writer.

use std::collections::{HashSet, VecDeque};

use sqlx::{PgConnection, Row};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategies::grouping::{Ask, Desk, divide, next_group, settle};
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// Rows in one order for all writers.
pub const IN_ORDER: &str = "ORDER BY ask.spot_id, ask.start_minute ON CONFLICT DO NOTHING";

pub struct Groups {
    name: &'static str,
    writers: usize,
    clients: usize,
    desk: Desk,
}

impl Groups {
    /// With so many writers, and so many drivers at once.
    pub fn new(name: &'static str, writers: usize, clients: usize) -> Self {
        Self { name, writers, clients, desk: Desk::default() }
    }
}

#[tonic::async_trait]
impl Strategy for Groups {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        "ours: whoever comes during a commit rides the next one, under EXCLUDE"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::EXCLUDE
    }

    fn clients(&self) -> usize {
        self.clients
    }

    fn uses_connections(&self) -> bool {
        false
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let insert = rows::insert("", rows::ASKS, IN_ORDER, ground.everything);
        for _writer in 0..self.writers {
            let (queue, db) = (self.desk.open(), ground.connect().await?);
            ground.tasks.spawn("writer", write(queue, db, insert, Want::crosses));
        }
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        self.desk.ask(client, want).await
    }
}

/// A writer: group after group, for ever.
pub async fn write(
    mut queue: mpsc::Receiver<Ask>,
    mut db: PgConnection,
    insert: &'static str,
    meets: fn(&Want, &Want) -> bool,
) {
    let mut again = VecDeque::new();
    while let Some(group) = next_group(&mut queue, &mut again).await {
        let (first, behind) = divide(group, meets);
        // Nobody is answered after an error: the drivers see that something is wrong.
        match book(&mut db, insert, &first).await {
            Ok(booked) => settle(first, behind, |ask| booked.contains(&ask.booking_id), &mut again),
            Err(error) => eprintln!("  a group failed: {error}"),
        }
    }
}

/// Books all of them with one statement; gives the ids of those that won.
pub async fn book(
    db: &mut PgConnection,
    insert: &'static str,
    asks: &[Ask],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let rows = sqlx::query(insert)
        .bind(asks.iter().map(|ask| ask.booking_id).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.want.spot_id()).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.want.start).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.want.end).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.user.clone()).collect::<Vec<_>>())
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
