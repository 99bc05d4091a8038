//! The record while it is written, and what is counted on the way.

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parkmesh_contracts::time;
use parkmesh_history::file::Writer;
use parkmesh_history::{Call, Fact, Outcome, Setup, Span};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use super::told::Counts;
use crate::Failure;

/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// Writes lines, from any number of tasks.
pub struct Recorder {
    began: Instant,
    /// The server's time at the beginning, in microseconds: windows are told from it.
    base_us: i64,
    clock: Clock,
    inner: Mutex<Inner>,
    last_unknown: AtomicI64,
    /// Calls that did what they asked for.
    done: AtomicU64,
}

struct Inner {
    writer: Option<Writer>,
    counts: Counts,
}

impl Recorder {
    /// Begins a record.
    pub fn create(path: &Path, setup: &Setup) -> Result<Self, Failure> {
        let clock = Clock::system();
        let inner = Inner { writer: Some(Writer::create(path, setup)?), counts: Counts::default() };
        Ok(Self {
            began: Instant::now(),
            base_us: clock.now().as_microsecond(),
            clock,
            inner: Mutex::new(inner),
            last_unknown: AtomicI64::new(i64::MIN / 2),
            done: AtomicU64::new(0),
        })
    }

    /// Microseconds since the beginning.
    pub fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// How long it has been going on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time of day of an instant of windows.
    pub fn of_window(&self, us: i64) -> prost_types::Timestamp {
        time::to_proto(Timestamp::from_microsecond(self.base_us + us).unwrap_or(Timestamp::MAX))
    }

    /// The first quarter after an instant, by the server's time of day.
    pub fn next_quarter(&self, us: i64, quarter_us: i64) -> i64 {
        us + quarter_us - (self.base_us + us).rem_euclid(quarter_us)
    }

    /// A window as it stands in the record.
    pub fn window(&self, window: Option<&parkmesh_contracts::common::v1::Window>) -> Span {
        let of = |time: Option<&prost_types::Timestamp>| {
            time.and_then(|time| time::from_proto(time).ok())
                .map_or(0, |time| time.as_microsecond() - self.base_us)
        };
        window.map_or(Span::default(), |window| {
            Span::new(of(window.start_time.as_ref()), of(window.end_time.as_ref()))
        })
    }

    /// An instant of the server's clock on ours: the two may drift apart, so they are held against each other anew.
    pub fn instant(&self, time: Option<&prost_types::Timestamp>) -> i64 {
        let Some(time) = time.and_then(|time| time::from_proto(time).ok()) else { return 0 };
        time.as_microsecond() - self.clock.now().as_microsecond() + self.now()
    }

    /// Writes a call down.
    pub fn call(&self, call: &Call) -> Result<(), Failure> {
        if call.outcome == Outcome::Unknown {
            self.last_unknown.fetch_max(self.now(), Ordering::Relaxed);
        }
        if call.outcome == Outcome::Done {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        let mut inner = self.inner();
        inner.counts.add(call);
        inner.writer.as_mut().map_or(Ok(()), |writer| Ok(writer.call(call)?))
    }

    /// How many calls did what they asked for so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Writes a call down that is none of the crowd's: it is not counted.
    pub fn read(&self, call: &Call) -> Result<(), Failure> {
        self.inner().writer.as_mut().map_or(Ok(()), |writer| Ok(writer.call(call)?))
    }

    /// Writes a fact down.
    pub fn fact(&self, fact: &Fact) -> Result<(), Failure> {
        self.inner().writer.as_mut().map_or(Ok(()), |writer| Ok(writer.fact(fact)?))
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.inner().counts.clone()
    }

    /// Waits until nothing whose outcome is unknown can have an effect any more.
    pub async fn until_quiet(&self, quiet: Duration, tasks: &Tasks) {
        let quiet = i64::try_from(quiet.as_micros()).unwrap_or(i64::MAX);
        while self.now() - self.last_unknown.load(Ordering::Relaxed) < quiet {
            tasks.sleep(LOOK_PERIOD).await;
        }
    }

    /// Ends the record.
    pub fn finish(&self) -> Result<(), Failure> {
        let writer = self.inner().writer.take();
        Ok(writer.map_or(Ok(()), Writer::finish)?)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
