//! Tickets: `max + 1`, with retries.
//!
//! Proposed: an event sells N places by number. The next number is the highest one so far plus one; a unique
//! key refuses the second of two who computed the same, who then tries again.
//!
//! What goes wrong: no number is sold twice, but all who ask at once compute the same number, and one of them
//! gets it. The rest tries again, all together; after [`TRIES_MAX`] rounds a driver is sent away while
//! tickets remain. A number that is given back in the middle is never found again.

use sqlx::Row;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

/// Tries of one call before the driver is sent away.
const TRIES_MAX: u32 = 5;

const NEXT: &str = "ticket AS (
    INSERT INTO ticket (event, number)
    SELECT $3::integer, coalesce(max(number), 0) + 1 FROM ticket WHERE event = $3
    HAVING coalesce(max(number), 0) < (SELECT count(*) FROM spot)
    ON CONFLICT DO NOTHING RETURNING number)";
/// A ticket of the lab stands for the spot of its number.
const ASK: &str = "(SELECT $1::uuid AS booking_id, spot.spot_id, $3::integer AS start_minute, \
    $4::integer AS end_minute, $5::text AS user_id, $2::uuid AS nobody FROM ticket \
    JOIN spot ON spot.spot_number = 'A' || lpad((number - 1)::text, 6, '0')) AS ask";
const SOLD_OUT: &str =
    "SELECT count(*) >= (SELECT count(*) FROM spot) FROM ticket WHERE event = $1";

#[derive(Default)]
pub struct Ticket {
    insert: &'static str,
}

#[tonic::async_trait]
impl Strategy for Ticket {
    fn name(&self) -> &'static str {
        "ticket-max-plus-1"
    }

    fn shows(&self) -> &'static str {
        "max + 1 under a unique key: a crowd computes the same number again and again"
    }

    fn choice(&self) -> Choice {
        Choice::Ticket
    }

    fn tables(&self) -> &'static str {
        "CREATE TABLE ticket (event integer, number integer, PRIMARY KEY (event, number))"
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        self.insert = rows::insert(NEXT, ASK, "", ground.everything);
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        for _try in 0..TRIES_MAX {
            let user = client.user();
            let db = client.db()?;
            if rows::book(db, self.insert, (want, user)).await? == Outcome::Won {
                return Ok(Outcome::Won);
            }
            let sold_out = sqlx::query(SOLD_OUT).bind(want.start).fetch_one(db).await?;
            if sold_out.try_get(0)? {
                break;
            }
        }
        Ok(Outcome::Refused)
    }
}
