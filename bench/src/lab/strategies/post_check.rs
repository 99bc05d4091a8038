//! Check afterwards, and cancel.
//!
//! Proposed: write first, look afterwards; whoever finds somebody else in the same window takes its own
//! booking back. Nobody waits, and in the end no two stand.
//!
//! What goes wrong: two who write at the same moment both find each other, and both go. The spot stays empty
//! while a crowd is refused, and until the cancellation others see a booking that nobody has. Telling who was
//! first by an id or a time does not help: their order is not the order of commits.

use sqlx::Row;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

const OTHERS: &str = "SELECT EXISTS (SELECT FROM booking WHERE spot_id = $1 AND state IN (1, 2, 3)
    AND user_id <> $4
    AND start_time < at($3) AND start_time > at($2) - interval '1 day' AND upper(during) > at($2))";
const CANCEL: &str = "UPDATE booking SET state = 5, due_time = NULL, version = version + 1
    WHERE spot_id = $1 AND start_time = at($2) AND user_id = $3";

#[derive(Default)]
pub struct PostCheck {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for PostCheck {
    fn name(&self) -> &'static str {
        "post-check"
    }

    fn shows(&self) -> &'static str {
        "write, look, take back: two at once both go, and the spot stays empty"
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
        let user = client.user();
        let db = client.db()?;
        rows::book(db, self.insert, (want, user.clone())).await?;
        let look = sqlx::query(OTHERS).bind(want.spot_id()).bind(want.start).bind(want.end);
        let others: bool = look.bind(&user).fetch_one(&mut *db).await?.try_get(0)?;
        if !others {
            return Ok(Outcome::Won);
        }
        let cancel = sqlx::query(CANCEL).bind(want.spot_id()).bind(want.start).bind(user);
        cancel.execute(db).await?;
        Ok(Outcome::Refused)
    }
}
