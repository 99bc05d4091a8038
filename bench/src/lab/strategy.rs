//! What a strategy is: it is asked for a place in a window, and says who got it.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::load::Load;

/// What a strategy can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A spot that the driver has chosen.
    Spot,
    /// Any spot of the lot.
    Pool,
    /// A numbered ticket of an event; spot and window are the event's.
    Ticket,
}

/// A wish. Minutes count from the lab's own zero (see the tables), windows are half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Which spot, from 0; a pool pays no attention to it.
    pub spot: u32,
    /// First minute of the window.
    pub start: i32,
    /// First minute after the window.
    pub end: i32,
}

impl Want {
    /// The id of the spot.
    pub fn spot_id(&self) -> Uuid {
        spot_id(self.spot)
    }

    /// Whether both want the same spot at the same time.
    pub fn crosses(&self, other: &Self) -> bool {
        self.spot == other.spot && self.start < other.end && other.start < self.end
    }
}

/// The id of the spot with this number.
pub fn spot_id(number: u32) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
}

/// What the driver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// "It is yours."
    Won,
    /// "It is taken", "all are taken", or "too many want it, try again": the driver goes without.
    Refused,
}

/// One driver, with a connection of their own, as a strategy sees them.
pub struct Client {
    /// From 0.
    pub number: usize,
    connection: Option<PgConnection>,
    asked: u64,
}

impl Client {
    /// A driver with this connection; strategies with writers of their own need none.
    pub fn new(number: usize, connection: Option<PgConnection>) -> Self {
        Self { number, connection, asked: 0 }
    }

    /// The connection.
    pub fn db(&mut self) -> Result<&mut PgConnection, Failure> {
        self.connection.as_mut().ok_or_else(|| "this strategy was given no connections".into())
    }

    /// A user who has never asked before: limits per user are not what the lab measures.
    pub fn user(&mut self) -> String {
        self.asked += 1;
        format!("user-{}-{}", self.number, self.asked)
    }

    /// Ends the connection, so that the server has counted all that it did.
    pub async fn close(self) {
        if let Some(connection) = self.connection {
            let _closed = connection.close().await;
        }
    }
}

/// One way to hand out places.
#[tonic::async_trait]
pub trait Strategy: Send + Sync {
    /// Its name on the command line and in the table.
    fn name(&self) -> &'static str;

    /// What it shows, in a line.
    fn shows(&self) -> &'static str;

    /// What it can be asked for.
    fn choice(&self) -> Choice;

    /// What it needs besides the tables that all have: constraints, indexes, tables of its own.
    fn tables(&self) -> &'static str;

    /// Drivers who ask at once, unless the command says otherwise.
    fn clients(&self) -> usize {
        64
    }

    /// The loads that it is measured under.
    fn loads(&self) -> &'static [Load] {
        match self.choice() {
            Choice::Spot => &[Load::Spread, Load::OneSpot, Load::Herd],
            Choice::Pool => &[Load::Spread, Load::LastPlaces],
            Choice::Ticket => &[Load::LastPlaces],
        }
    }

    /// Whether each driver needs a connection.
    fn uses_connections(&self) -> bool {
        true
    }

    /// Makes its statements ready and starts its writers, if it has any.
    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure>;

    /// Asks once, and waits for the answer.
    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure>;
}
