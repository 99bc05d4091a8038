//! What goes wrong meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::Run;

/// Between two looks at the time.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Replicas of booking that were killed.
    pub booking_kills: u32,
    /// Times that Postgres was killed.
    pub postgres_kills: u32,
    /// Times that Postgres was shut down and started again.
    pub postgres_restarts: u32,
}

/// Breaks things until the run is over.
pub fn start(run: &Arc<Run>) -> JoinHandle<Faults> {
    let run = Arc::clone(run);
    run.tasks.clone().detached(async move {
        let mut done = Faults::default();
        let (mut next_kill, mut next_restart) = (1, 1);
        while run.faults.load(Ordering::Relaxed) {
            run.tasks.sleep(LOOK_PERIOD).await;
            let Some(own) = &run.world.own else { continue };
            let seconds = run.recorder.elapsed().as_secs_f64();
            let is_due = |next: u32, every: f64| every > 0.0 && seconds >= every * f64::from(next);
            if is_due(next_kill, run.options.kill_booking_every) {
                let turn = usize::try_from(next_kill).unwrap_or_default() % own.replicas.len();
                done.booking_kills += u32::from(own.signal(&own.replicas[turn], Signal::SIGKILL));
                next_kill += 1;
            }
            if is_due(next_restart, run.options.restart_postgres_every) {
                let (signal, count) = match next_restart % 2 {
                    1 => (Signal::SIGKILL, &mut done.postgres_kills),
                    _ => (Signal::SIGINT, &mut done.postgres_restarts),
                };
                *count += u32::from(own.signal("postgres", signal));
                next_restart += 1;
            }
        }
        done
    })
}
