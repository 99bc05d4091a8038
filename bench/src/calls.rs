//! Calls again and again: as fast as they go, or at a rate; by so many callers, or whatever becomes of those before.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinError, JoinSet};

use crate::Failure;

/// Calls that are due within so short a time go out together.
pub const PACE: Duration = Duration::from_micros(100);

/// Calls made in this time, as fast as they go.
pub async fn load(
    callers: Vec<impl AsyncFnMut() -> Result<(), Failure>>,
    time: Duration,
) -> Result<u64, Failure> {
    let until = Instant::now() + time;
    let loops = callers.into_iter().map(|mut call| async move {
        let mut calls = 0;
        while Instant::now() < until {
            call().await?;
            calls += 1;
        }
        Ok::<u64, Failure>(calls)
    });
    join_all(loops).await.into_iter().sum()
}

/// How long each call took from when it was due, at this rate.
pub async fn paced(
    callers: Vec<impl AsyncFnMut() -> Result<(), Failure>>,
    rate: f64,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let due = &Mutex::new(pace(rate, time));
    let loops = callers.into_iter().map(|mut call| async move {
        let mut took = Vec::new();
        loop {
            let Some(next) = due.lock().await.recv().await else { return Ok::<_, Failure>(took) };
            call().await?;
            took.push(next.elapsed());
        }
    });
    let all = join_all(loops).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(all.concat())
}

/// What came of calls that are made when they are due, whatever becomes of those before. A call is told its number and when it was due.
pub async fn offered<T, F>(
    rate: f64,
    time: Duration,
    mut call: impl FnMut(usize, Instant) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (mut due, mut calls, mut number) = (pace(rate, time), JoinSet::new(), 0);
    let mut done = Vec::new();
    while let Some(due) = due.recv().await {
        calls.spawn(call(number, due));
        number += 1;
        // Kept, a call that is over would take the memory of its whole future, which by the hundred thousand is what is measured then.
        while let Some(joined) = calls.try_join_next() {
            done.push(outcome(joined));
        }
    }
    while let Some(joined) = calls.join_next().await {
        done.push(outcome(joined));
    }
    done
}

/// Of a call that nobody cancels.
fn outcome<T>(joined: Result<T, JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// Tells when each call is due. A thread's sleep is exact to some 60 µs; the timers of the runtime go by whole milliseconds, which is all
/// that a call may take.
fn pace(rate: f64, time: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let period = Duration::from_secs_f64(1.0 / rate.max(1.0));
        let began = Instant::now();
        let mut due = began;
        while due < began + time {
            let now = Instant::now();
            if due > now {
                std::thread::sleep((due - now).max(PACE));
            }
            // All that has become due while this thread slept.
            let woken = Instant::now();
            while due <= woken && due < began + time {
                if sender.send(due).is_err() {
                    return;
                }
                due += period;
            }
        }
    });
    receiver
}
