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

/// In whose name the record tells what the operator did.
pub const OPERATOR: u32 = u32::MAX;

/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// Writes lines, from any number of tasks.
pub struct Recorder {
    /// When this sitting began, and how many microseconds after the record did.
    began: Instant,
    began_us: i64,
    /// The server's time at the beginning, in microseconds: windows are told from it.
    base_us: i64,
    clock: Clock,
    inner: Mutex<Inner>,
    last_unknown: AtomicI64,
    /// Calls of this sitting that did what they asked for.
    done: AtomicU64,
}

struct Inner {
    writer: Option<Writer>,
    counts: Counts,
}

impl Recorder {
    /// Begins a record.
    pub fn create(path: &Path, setup: &Setup) -> Result<Self, Failure> {
        let base_us = Clock::system().now().as_microsecond();
        Ok(Self::new(base_us, 0, Writer::create(path, setup)?))
    }

    /// Goes on with the record of an earlier sitting, which began at `base_us`; each of its calls is given away.
    pub fn go_on(path: &Path, base_us: i64, mut each: impl FnMut(&Call)) -> Result<Self, Failure> {
        let (mut counts, mut last) = (Counts::default(), 0);
        parkmesh_history::file::each_call(path, |call| {
            last = last.max(call.ret);
            if call.client != OPERATOR {
                counts.add(&call);
            }
            each(&call);
        })?;
        let began_us = Clock::system().now().as_microsecond() - base_us;
        if began_us <= last {
            return Err("the clock was set back since the last sitting".into());
        }
        let recorder = Self::new(base_us, began_us, Writer::go_on(path)?);
        recorder.inner().counts = counts;
        Ok(recorder)
    }

    fn new(base_us: i64, began_us: i64, writer: Writer) -> Self {
        let inner = Inner { writer: Some(writer), counts: Counts::default() };
        Self {
            began: Instant::now(),
            began_us,
            base_us,
            clock: Clock::system(),
            inner: Mutex::new(inner),
            last_unknown: AtomicI64::new(i64::MIN / 2),
            done: AtomicU64::new(0),
        }
    }

    /// The server's time when the record began, in microseconds.
    pub fn base_us(&self) -> i64 {
        self.base_us
    }

    /// Microseconds since the record began.
    pub fn now(&self) -> i64 {
        self.began_us + i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX / 2)
    }

    /// How long this sitting has been going on.
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

    /// How many calls did what they asked for in this sitting.
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

    /// How long the record is, in bytes.
    pub fn length(&self) -> Result<u64, Failure> {
        self.inner().writer.as_mut().map_or(Ok(0), |writer| Ok(writer.length()?))
    }

    /// Pauses the record until the next sitting; what was written after these bytes is left out.
    pub fn pause(&self, length: u64) -> Result<(), Failure> {
        let writer = self.inner().writer.take();
        Ok(writer.map_or(Ok(()), |writer| writer.pause(length))?)
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
