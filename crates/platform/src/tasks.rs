//! The only place that spawns. Every task has a name and an end: a stop cancels them all and waits.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::Clock;
use crate::ids::Ids;

/// How long a stop waits for its tasks before it leaves them to the runtime's end.
const STOP_MAX: Duration = Duration::from_secs(10);
/// First wait before a supervised task is started again; doubles up to [`RESTART_MAX`].
const RESTART_MIN: Duration = Duration::from_millis(50);
/// Longest wait before a supervised task is started again.
const RESTART_MAX: Duration = Duration::from_secs(5);

/// Tasks that end together. Clones share them.
#[derive(Clone, Debug)]
pub struct Tasks {
    clock: Clock,
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// No tasks yet.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), token: CancellationToken::new(), tracker: TaskTracker::new() }
    }

    /// Runs a future until its end or the stop, whichever is first.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        self.track(async move {
            if token.run_until_cancelled_owned(future).await.is_none() {
                tracing::trace!(task = name, "stopped");
            }
        });
    }

    /// Calls `tick` now and then once in every `period` until the stop. A slow tick delays the next
    /// one; none are made up for. After the first, where in the period it is called is by chance: what a process does
    /// now and then, and replicas that began together, would else all ask the database in the same instant.
    pub fn every<F, Fut>(&self, name: &'static str, period: Duration, mut tick: F)
    where
        F: FnMut(Timestamp) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let clock = self.clock.clone();
        self.spawn(name, async move {
            tick(clock.now()).await;
            let second = tokio::time::Instant::now() + period.mul_f64(Ids::random().fraction());
            let mut interval = tokio::time::interval_at(second, period);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                tick(clock.now()).await;
            }
        });
    }

    /// Runs a future that should never end, and starts it again, with a growing wait, when it does.
    pub fn supervise<F, Fut, E>(&self, name: &'static str, mut start: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send,
        E: fmt::Display + Send,
    {
        let tasks = self.clone();
        self.spawn(name, async move {
            let mut wait = RESTART_MIN;
            loop {
                let started = tokio::time::Instant::now();
                match start().await {
                    Ok(()) => tracing::debug!(task = name, "ended; starting again"),
                    Err(error) => tracing::warn!(task = name, %error, "failed; starting again"),
                }
                if started.elapsed() > RESTART_MAX {
                    wait = RESTART_MIN;
                }
                tasks.sleep(wait).await;
                wait = (wait * 2).min(RESTART_MAX);
            }
        });
    }

    /// Runs work that must not be cut short when its caller goes away: a started transaction, an answer
    /// of a payment provider that has to be written down. The stop waits for it.
    pub fn detached<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.track(future)
    }

    /// Waits. For tasks, whose rhythm is not part of a rule; rules use due times and the clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Cancelled when the stop begins.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// The clock that the ticks are told.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Cancels all tasks and waits for them, within a bound.
    pub async fn stop(&self) {
        self.token.cancel();
        self.tracker.close();
        if tokio::time::timeout(STOP_MAX, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "tasks did not end in time and were left");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    fn track<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        tokio::spawn(self.tracker.track_future(future.in_current_span()))
    }
}

/// Runs work that must reach its own end whoever waits for it, bounded by its own timeouts. For plumbing
/// that has no [`Tasks`]; everything else uses [`Tasks::detached`].
#[expect(clippy::disallowed_methods, reason = "the other place that spawns")]
pub(crate) fn detach<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(future.in_current_span())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_failing_task_is_started_again() {
        let tasks = Tasks::new(&Clock::system());
        let (sender, mut starts) = tokio::sync::mpsc::unbounded_channel();
        tasks.supervise("failing", move || {
            let told = sender.send(());
            async move { told.map_err(|_| "gone").and(Err::<(), _>("always fails")) }
        });
        assert_eq!(starts.recv().await, Some(()));
        assert_eq!(starts.recv().await, Some(()));
        tasks.stop().await;
    }

    #[tokio::test]
    async fn a_stop_waits_for_detached_work_and_cuts_the_rest() {
        let tasks = Tasks::new(&Clock::system());
        let done = Arc::new(AtomicUsize::new(0));
        tasks.spawn("for-ever", std::future::pending());
        let (work, sleeper) = (Arc::clone(&done), tasks.clone());
        let _handle = tasks.detached(async move {
            sleeper.sleep(Duration::from_millis(50)).await;
            work.fetch_add(1, Ordering::SeqCst);
        });
        tasks.stop().await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }
}
