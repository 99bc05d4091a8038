//! Groups over a bitmap: a row per spot and day, a bit per quarter of an hour, or per minute.
//!
//! Proposed: the exclusion index is the dearest part of a booking. A day of a spot fits into 96 bits (or 1,440);
//! whether a window is free is one AND, taking it is one OR, of a row that is found by its key.
//!
//! What goes wrong: the bits say that a minute is taken, not by whom. Every path that moves, extends, shortens or
//! ends a booking must keep them, windows over midnight need two rows, and with the exclusion constraint kept
//! behind it ([`GroupsBitmap::guarded`]) the dearest part is paid all the same. See docs/adr/0001.

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategies::grouping::Desk;
use crate::lab::strategies::groups::{IN_ORDER, write};
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

const MINUTES_A_DAY: i32 = 24 * 60;

/// One row of the day for each ask. `BITS` in a day, each of so many `UNIT` minutes.
const TAKE: &str = "taken AS (
    UPDATE day SET taken = day.taken | ask.mask
    FROM (SELECT booking_id, spot_id, start_minute / 1440 AS day,
            (repeat('0', start_minute % 1440 / UNIT)
                || repeat('1', (end_minute - start_minute) / UNIT)
                || repeat('0', BITS - (start_minute % 1440 + end_minute - start_minute) / UNIT))::bit(BITS)
            AS mask
          FROM ASKS) AS ask
    WHERE day.spot_id = ask.spot_id AND day.day = ask.day AND bit_count(day.taken & ask.mask) = 0
    RETURNING ask.booking_id)";

pub struct GroupsBitmap {
    name: &'static str,
    unit: i32,
    guarded: bool,
    tables: &'static str,
    clients: usize,
    desk: Desk,
}

impl GroupsBitmap {
    /// The bits decide alone.
    pub fn bare(name: &'static str, unit: i32, clients: usize) -> Self {
        let tables = days(unit).leak();
        Self { name, unit, guarded: false, tables, clients, desk: Desk::default() }
    }

    /// The exclusion constraint stands behind them.
    pub fn guarded(name: &'static str, unit: i32, clients: usize) -> Self {
        let tables = format!("{}{}", days(unit), rows::EXCLUDE).leak();
        Self { name, unit, guarded: true, tables, clients, desk: Desk::default() }
    }
}

/// The table of days, as far as the loads reach. Rows are rewritten in place where there is room.
fn days(unit: i32) -> String {
    let bits = MINUTES_A_DAY / unit;
    format!(
        "CREATE TABLE day (spot_id uuid, day integer, taken bit({bits}), PRIMARY KEY (spot_id, day))
             WITH (fillfactor = 50);
         INSERT INTO day SELECT spot_id, day, repeat('0', {bits})::bit({bits})
             FROM (SELECT spot_id, row_number() OVER (ORDER BY spot_id) AS place FROM spot) AS spot
             CROSS JOIN LATERAL generate_series(0, CASE place WHEN 1 THEN 4000 ELSE 200 END) AS day;"
    )
}

/// One statement changes a row once: of two asks for one day of a spot, the second goes again.
fn same_row(one: &Want, other: &Want) -> bool {
    one.spot == other.spot && one.start / MINUTES_A_DAY == other.start / MINUTES_A_DAY
}

#[tonic::async_trait]
impl Strategy for GroupsBitmap {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        match self.guarded {
            true => {
                "groups over a bitmap of the day, EXCLUDE behind it: the index is paid all the same"
            }
            false => {
                "groups over a bitmap of the day alone: fast, and every path must keep the bits"
            }
        }
    }

    fn choice(&self) -> Choice {
        Choice::Spot
    }

    fn tables(&self) -> &'static str {
        self.tables
    }

    fn clients(&self) -> usize {
        self.clients
    }

    fn uses_connections(&self) -> bool {
        false
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let bits = MINUTES_A_DAY / self.unit;
        let take = TAKE.replace("UNIT", &self.unit.to_string());
        let take = take.replace("BITS", &bits.to_string()).replace("ASKS", rows::ASKS);
        let source = format!("{} JOIN taken USING (booking_id)", rows::ASKS);
        let insert = rows::insert(&take, &source, IN_ORDER, ground.everything);
        for _writer in 0..2 {
            let (queue, db) = (self.desk.open(), ground.connect().await?);
            ground.tasks.spawn("writer", write(queue, db, insert, same_row));
        }
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        self.desk.ask(client, want).await
    }
}
