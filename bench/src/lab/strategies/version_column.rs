//! The version column: optimistic locking.
//!
//! Proposed: nobody waits for a lock while a person thinks. Read the spot with its version, check the window,
//! and write only if the version is still the one that was read; otherwise begin again.
//!
//! What goes wrong: nothing is booked twice, but the version stands for the whole spot. Two drivers who want
//! different hours of one spot fail each other, and in a crowd most of the work is thrown away. Somebody
//! always has to give up: after [`TRIES_MAX`] tries a driver is sent away although the hour is free.

use sqlx::Row;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// Tries of one call before the driver is told to come again.
const TRIES_MAX: u32 = 5;

const SEEN: &str = "SELECT version FROM spot WHERE spot_id = $1";
const GUARDED: &str = "UPDATE spot SET version = version + 1 WHERE spot_id = $1 AND version = $2";

#[derive(Default)]
pub struct VersionColumn {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for VersionColumn {
    fn name(&self) -> &'static str {
        "version-column"
    }

    fn shows(&self) -> &'static str {
        "optimistic: right, but other hours of the same spot collide, and a crowd tries in vain"
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        rows::LOOKUP
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert("", rows::ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        for _try in 0..TRIES_MAX {
            let user = client.user();
            let mut transaction = rows::begin(client).await?;
            let seen = sqlx::query(SEEN).bind(want.spot_id()).fetch_one(&mut *transaction).await?;
            let version: i64 = seen.try_get(0)?;
            if rows::is_taken(&mut transaction, want).await? {
                transaction.rollback().await?;
                return Ok(Outcome::Refused);
            }
            let write = sqlx::query(GUARDED).bind(want.spot_id()).bind(version);
            if write.execute(&mut *transaction).await?.rows_affected() == 0 {
                transaction.rollback().await?;
                continue;
            }
            let outcome = rows::book(&mut transaction, self.insert, (want, user)).await?;
            transaction.commit().await?;
            return Ok(outcome);
        }
        Ok(Outcome::Refused)
    }
}
