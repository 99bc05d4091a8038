//! How bookings end, as booking would tell it: by its outbox and its relay; some facts twice under
//! another id, some after what should come later.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parkmesh_contracts::booking::v1::{
    BookingActivated, BookingCancelled, BookingCompleted, BookingExpired, BookingSummary,
    InventoryChanged, Lot, QuoteLine,
};
use parkmesh_contracts::facts::Fact;
use parkmesh_eventbus::outbox::{self, Row};
use parkmesh_eventbus::relay::{self, Relay};
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{self, PostgresConfig, url_as};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use uuid::Uuid;

use super::money_of;
use crate::Failure;
use crate::chance::Dice;
use crate::torture::money::ground::{Ground, OPERATOR};

/// Of a hundred ends so many are told twice, and before the arrival.
const TWICE_PERCENT: usize = 30;
const EARLY_PERCENT: usize = 30;
/// Facts that are written together.
const BATCH: usize = 32;
/// How long payment may take to hear, and beside that each fact.
const HEARD_MAX: Duration = Duration::from_secs(60);
const HEARD_MAX_EACH: Duration = Duration::from_millis(50);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Payment's ears: for bookings, and for whose lots are.
const CONSUMER: &str = "payment-booking";
const OF_LOTS: &str = "payment-lots";

/// How a booking ends, and for how much.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Completed(i64),
    Cancelled(i64),
    Expired,
}

impl End {
    /// What is to be captured.
    pub const fn minor(self) -> i64 {
        match self {
            Self::Completed(minor) | Self::Cancelled(minor) => minor,
            Self::Expired => 0,
        }
    }
}

/// Tells.
pub struct Facts {
    pool: PgPool,
    bus: Bus,
    relay: Relay,
    clock: Clock,
    ids: Ids,
    waiting: Mutex<Vec<Row>>,
    twice: AtomicU64,
    out_of_order: AtomicU64,
}

impl Facts {
    /// A relay of booking's schema, which nobody else runs.
    pub async fn start(ground: &Ground) -> Result<Self, Failure> {
        let (clock, ids) = (Clock::system(), Ids::random());
        let url = url_as(&ground.plan.servers.postgres, "booking")?;
        let pool = postgres::connect(&PostgresConfig::of(url), &clock)?;
        let config = BusConfig { url: ground.plan.servers.nats.clone(), ..BusConfig::default() };
        let bus = Bus::connect(&config, &clock, &ids).await?;
        bus.ensure_streams().await?;
        let relay = relay::start(&bus, &pool, "booking", &ground.tasks);
        let (waiting, twice, out_of_order) =
            (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { pool, bus, relay, clock, ids, waiting, twice, out_of_order })
    }

    /// Tells whose the lot is, and waits until payment has heard it: nobody acts at a lot before.
    pub async fn open(&self, lot: Uuid, tasks: &Tasks) -> Result<(), Failure> {
        let lot_id = lot.to_string();
        let told =
            Lot { lot_id: lot_id.clone(), operator_id: OPERATOR.to_owned(), ..Default::default() };
        let fact = InventoryChanged { lot_id, version: 1, lot: Some(told), ..Default::default() };
        self.write(vec![self.row_of(lot, 1, &fact)]).await?;
        self.published().await?;
        self.heard_by(OF_LOTS, tasks, 1).await
    }

    /// Tells that a booking has ended; soon.
    pub async fn end(
        &self,
        booking: Uuid,
        lot: Uuid,
        end: End,
        dice: &mut Dice,
    ) -> Result<(), Failure> {
        let mut rows = vec![self.row(booking, lot, 4, end)];
        if dice.percent(TWICE_PERCENT) {
            self.twice.fetch_add(1, Ordering::Relaxed);
            rows.push(self.row(booking, lot, 5, end));
        }
        if dice.percent(EARLY_PERCENT) {
            self.out_of_order.fetch_add(1, Ordering::Relaxed);
            rows.push(self.arrival(booking, lot, 3));
        }
        let full = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(rows);
            if waiting.len() < BATCH { Vec::new() } else { std::mem::take(&mut *waiting) }
        };
        self.write(full).await
    }

    /// Tells at once.
    pub async fn write(&self, rows: Vec<Row>) -> Result<(), Failure> {
        if !rows.is_empty() {
            let mut connection = self.pool.acquire().await?;
            outbox::append(&mut connection, &rows).await?;
            self.relay.wake();
        }
        Ok(())
    }

    /// Waits until everything is published.
    pub async fn published(&self) -> Result<(), Failure> {
        let rest =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.write(rest).await?;
        Ok(self.relay.idle().await?)
    }

    /// Has payment hear everything from the beginning. How many facts that are.
    pub async fn deliver_again(&self) -> Result<u64, Failure> {
        let mut stream = self.bus.jetstream().get_stream(self.bus.name("BOOKING")).await?;
        stream.delete_consumer(&self.bus.name(CONSUMER)).await?;
        Ok(stream.info().await?.state.messages)
    }

    /// Waits until payment has heard all that is published, so many facts.
    pub async fn heard(&self, tasks: &Tasks, facts: u64) -> Result<(), Failure> {
        self.heard_by(CONSUMER, tasks, facts).await
    }

    async fn heard_by(&self, ear: &str, tasks: &Tasks, facts: u64) -> Result<(), Failure> {
        let begun = Instant::now();
        let max = HEARD_MAX + HEARD_MAX_EACH * u32::try_from(facts).unwrap_or(u32::MAX);
        loop {
            let stream = self.bus.jetstream().get_stream(self.bus.name("BOOKING")).await?;
            // One that was deleted is made again in a moment.
            if let Ok(info) = stream.consumer_info(&self.bus.name(ear)).await
                && info.num_pending == 0
                && info.num_ack_pending == 0
            {
                return Ok(());
            }
            if begun.elapsed() > max {
                return Err("payment has not heard all facts".into());
            }
            tasks.sleep(LOOK).await;
        }
    }

    /// Ends that were told twice.
    pub fn twice(&self) -> u64 {
        self.twice.load(Ordering::Relaxed)
    }

    /// Arrivals that were told after the end.
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order.load(Ordering::Relaxed)
    }

    /// That a booking has ended so.
    pub fn row(&self, booking: Uuid, lot: Uuid, version: i64, end: End) -> Row {
        let (lot_id, summary) = (lot.to_string(), Some(summary(booking, lot, version)));
        match end {
            End::Completed(minor) => {
                let amount = money_of(minor);
                let line = QuoteLine {
                    description: "Parking".to_owned(),
                    quantity: 1,
                    unit_amount: amount.clone(),
                    amount: amount.clone(),
                };
                let fact = BookingCompleted {
                    lot_id,
                    version,
                    booking: summary,
                    amount,
                    lines: vec![line],
                    ..Default::default()
                };
                self.row_of(booking, version, &fact)
            }
            End::Cancelled(minor) => {
                let fee = money_of(minor);
                let fact = BookingCancelled {
                    lot_id,
                    version,
                    booking: summary,
                    fee,
                    ..Default::default()
                };
                self.row_of(booking, version, &fact)
            }
            End::Expired => {
                let fact = BookingExpired { lot_id, version, booking: summary };
                self.row_of(booking, version, &fact)
            }
        }
    }

    /// That its car came.
    pub fn arrival(&self, booking: Uuid, lot: Uuid, version: i64) -> Row {
        let fact = BookingActivated {
            lot_id: lot.to_string(),
            version,
            booking: Some(summary(booking, lot, version)),
            ..Default::default()
        };
        self.row_of(booking, version, &fact)
    }

    fn row_of<F: Fact>(&self, booking: Uuid, version: i64, fact: &F) -> Row {
        Row::of(&self.ids, self.clock.now(), booking, version, fact)
    }
}

fn summary(booking: Uuid, lot: Uuid, version: i64) -> BookingSummary {
    BookingSummary {
        booking_id: booking.to_string(),
        lot_id: lot.to_string(),
        lot_name: "Torture".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        spot_number: "1".to_owned(),
        user_id: "torture".to_owned(),
        version,
        ..Default::default()
    }
}
