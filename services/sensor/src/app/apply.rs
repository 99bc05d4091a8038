//! StreamReadings: batches become durable. Batches that come while a transaction is under way ride the next one
//! together, whichever stream they are from, and so does what settles meanwhile: one fsync pays for all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox::Row;
use parkmesh_platform::fault;
use parkmesh_platform::postgres::{is_retryable, transaction};
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};

use super::due::Settling;
use super::keep::by_lot;
use super::read_plate::keep_plates;
use super::{App, write_with_facts};
use crate::domain::order::Heard;
use crate::domain::plate::PlateRead;
use crate::domain::sensor::{Sensor, Stray, Told, UNKNOWN_DEVICE};
use crate::error::Error;
use crate::store::plate::Asked;
use crate::store::{ground, quarantine};

/// Batches that wait for the next transaction; then streams wait, and their devices' brokers keep
/// the rest.
const BATCHES_WAITING_MAX: usize = 256;
/// Readings in one transaction at most, give or take a batch.
const READINGS_MAX: usize = 4_000;
/// Changes that settle in one transaction at most.
const SETTLED_MAX: usize = 500;
/// Tries of one transaction that the database refuses because of others at the same moment.
const TRIES_MAX: usize = 5;

/// What one device said.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its own name.
    pub device_id: String,
    /// What it said.
    pub heard: Heard,
    /// The same as it came, to look back at.
    pub raw: Vec<u8>,
}

/// What came together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In the order in which they came.
    pub readings: Vec<Reading>,
    /// Frames that could not be read.
    pub strays: Vec<Stray>,
    /// Plates that cameras told.
    pub plates: Vec<(Asked, PlateRead)>,
}

/// Tells when a batch is durable, or why it is not.
pub type Committed = oneshot::Receiver<Result<(), Error>>;

struct Job {
    batch: Batch,
    done: oneshot::Sender<Result<(), Error>>,
}

/// The one who writes batches. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the writer of this process.
    pub fn start(app: &App) -> Self {
        let (jobs, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
        app.tasks.spawn("readings-writer", run(app.clone(), receiver));
        Self { jobs }
    }

    /// Hands a batch over; batches are written in the order of these calls. Waits while too many
    /// are waiting.
    ///
    /// # Errors
    /// [`Error::StreamEnding`] when the service stops.
    pub async fn submit(&self, batch: Batch) -> Result<Committed, Error> {
        let (done, committed) = oneshot::channel();
        let job = Job { batch, done };
        self.jobs.send(job).await.map_err(|_stopped| Error::StreamEnding)?;
        Ok(committed)
    }
}

async fn run(app: App, mut jobs: mpsc::Receiver<Job>) {
    let mut moves = app.clock.moves();
    loop {
        let mut next = tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => Some(job),
                None => return,
            },
            () = until_due(&app) => None,
            // The time to wait for is another.
            () = app.due.earlier() => continue,
            () = moves.next() => continue,
        };
        let (mut batches, mut waiting, mut size) = (Vec::new(), Vec::new(), 0);
        while let Some(job) = next {
            size += job.batch.readings.len();
            batches.push(job.batch);
            waiting.push(job.done);
            next = if size < READINGS_MAX { jobs.try_recv().ok() } else { None };
        }
        let due = app.due.take(app.clock.now(), SETTLED_MAX);
        if batches.is_empty() && due.is_empty() {
            continue;
        }
        let outcome = app.commit(batches, due).await.map_err(Arc::new);
        if let (Err(error), true) = (&outcome, waiting.is_empty()) {
            // It is found among the rows again.
            tracing::warn!(error = %fault::chain(error), "what is due has not settled");
        }
        for done in waiting {
            // A stream that is gone sends its batch again, which then changes nothing.
            let _gone = done.send(outcome.clone().map_err(Error::Shared));
        }
    }
}

/// Until the next pending change that is known of settles.
async fn until_due(app: &App) {
    let Some(next) = app.due.next() else { return std::future::pending().await };
    let wait = next.duration_since(app.clock.now()).try_into().unwrap_or_default();
    app.tasks.sleep(wait).await;
}

/// What a transaction has left to do for others.
struct Outcome {
    facts: Vec<Row>,
    /// Whether there are others in the outbox.
    seen: bool,
    pending: Vec<Settling>,
    lots: HashMap<String, LotId>,
}

impl App {
    /// Makes batches durable, in their order, and settles what is due of these devices, in one transaction.
    async fn commit(&self, batches: Vec<Batch>, due: Vec<String>) -> Result<(), Error> {
        let work = Arc::new((batches, due));
        let mut tries = 1;
        let outcome = loop {
            let (app, work) = (self.clone(), Arc::clone(&work));
            let attempt = transaction(&self.pool, move |connection| {
                Box::pin(async move { apply(connection, &app, &work.0, &work.1).await })
            });
            match attempt.await {
                Err(Error::Store(error)) if tries < TRIES_MAX && is_retryable(&error) => tries += 1,
                outcome => break outcome?,
            }
        };
        self.relay.flash(&outcome.facts);
        if outcome.seen {
            self.relay.wake();
        }
        self.due.tell(outcome.pending);
        // Not before: while rows are locked nobody waits for what is only to look back at.
        let readings = work.0.iter().flat_map(|batch| &batch.readings);
        self.keeper.keep(by_lot(&outcome.lots, readings));
        Ok(())
    }
}

async fn apply(
    connection: &mut PgConnection,
    app: &App,
    batches: &[Batch],
    due: &[String],
) -> Result<Outcome, Error> {
    let readings = || batches.iter().flat_map(|batch| &batch.readings);
    let names: BTreeSet<&String> =
        readings().map(|reading| &reading.device_id).chain(due).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let mut sensors =
        if names.is_empty() { Vec::new() } else { ground::lock(connection, &names).await? };
    // After the wait for the locks: what was due meanwhile is due.
    let now = app.clock.now();
    let mut strays: Vec<Stray> =
        batches.iter().flat_map(|batch| batch.strays.iter().cloned()).collect();
    let (touched, told) = hear_all(app, &mut sensors, readings(), due, now, &mut strays);
    let changed: Vec<&Sensor> =
        touched.iter().filter_map(|position| sensors.get(*position)).collect();
    let facts = write_with_facts(connection, app, &changed, &told).await?;
    quarantine::note(connection, &strays).await?;
    let plates = batches.iter().flat_map(|batch| &batch.plates);
    let seen = keep_plates(connection, &app.ids, plates, now).await?;
    let pending = changed
        .iter()
        .filter_map(|sensor| Some((sensor.ground.pending?.settle_time, sensor.device_id.clone())));
    let pending = pending.collect();
    let lots = sensors.into_iter().map(|sensor| (sensor.device_id, sensor.lot_id)).collect();
    Ok(Outcome { facts, seen, pending, lots })
}

/// Applies readings to the sensors, and lets settle what is due; readings of nobody become strays. Says which sensors have
/// changed, by position, and what became of their spots.
fn hear_all<'a>(
    app: &App,
    sensors: &mut [Sensor],
    readings: impl Iterator<Item = &'a Reading>,
    due: &[String],
    now: Timestamp,
    strays: &mut Vec<Stray>,
) -> (BTreeSet<usize>, Vec<Told>) {
    let places: HashMap<String, usize> =
        sensors.iter().enumerate().map(|(at, sensor)| (sensor.device_id.clone(), at)).collect();
    let (mut touched, mut told, mut changes) = (BTreeSet::new(), Vec::new(), Vec::new());
    for reading in readings {
        let place = places.get(&reading.device_id).copied();
        let Some((place, sensor)) = place.and_then(|at| Some((at, sensors.get_mut(at)?))) else {
            strays.push(stray(reading, now));
            continue;
        };
        let rules = sensor.rules(&app.models);
        if sensor.ground.hear(reading.heard.clone(), &rules, now, &mut changes) {
            touched.insert(place);
        }
        told.extend(changes.drain(..).map(|changed| Told::of(sensor, changed)));
    }
    // With those whose settle time has passed while they waited for us.
    let due = due.iter().filter_map(|device_id| places.get(device_id));
    for place in touched.iter().chain(due).copied().collect::<BTreeSet<_>>() {
        let Some(sensor) = sensors.get_mut(place) else { continue };
        if let Some(changed) = sensor.ground.settle(now) {
            told.push(Told::of(sensor, changed));
            touched.insert(place);
        }
    }
    (touched, told)
}

fn stray(reading: &Reading, now: Timestamp) -> Stray {
    let said = match reading.heard.occupied {
        Some(true) => "says occupied",
        Some(false) => "says vacant",
        None => "says nothing about its spot",
    };
    Stray {
        device_id: reading.device_id.clone(),
        reason: UNKNOWN_DEVICE.to_owned(),
        detail: format!("not registered; {said}"),
        topic: String::new(),
        payload: Vec::new(),
        receive_time: reading.heard.receive_time.min(now),
    }
}
