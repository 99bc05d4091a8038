//! What goes wrong meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::Signal;
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::Run;
use crate::Failure;

/// Where booking's facts are.
const STREAM: &str = "BOOKING";

/// Between two looks at the time.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Calls that must have done something between two cuts of the power. A house that is struck again
/// before it stands has acknowledged nothing that it could lose.
const DONE_BETWEEN_CUTS: u64 = 25;

/// What was done.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Faults {
    /// Replicas of booking that were killed.
    pub booking_kills: u32,
    /// Times that Postgres was killed.
    pub postgres_kills: u32,
    /// Times that Postgres was shut down and started again.
    pub postgres_restarts: u32,
    /// Times that NATS was killed.
    pub nats_kills: u32,
    /// Times that the stream of facts was deleted.
    pub streams_deleted: u32,
    /// Times that the disk of Postgres and NATS lost its power.
    pub power_cuts: u32,
}

/// Breaks things until the run is over; tells what was broken in all its sittings.
pub fn start(run: &Arc<Run>) -> JoinHandle<Result<Faults, Failure>> {
    let run = Arc::clone(run);
    run.tasks.clone().detached(async move {
        let outcome = break_things(&run).await;
        if outcome.is_err() {
            run.give_up();
        }
        outcome
    })
}

async fn break_things(run: &Run) -> Result<Faults, Failure> {
    let Some(own) = &run.world.own else { return Ok(Faults::default()) };
    let options = &run.options;
    let mut done = run.before.faults;
    let mut kills = Rhythm::of(options.kill_booking_every);
    let mut restarts = Rhythm::of(options.restart_postgres_every);
    let mut nats = Rhythm::of(options.kill_nats_every);
    let mut streams = Rhythm::of(options.delete_stream_every);
    let mut power = Rhythm::of(options.cut_power_every);
    let mut cut_again_at = DONE_BETWEEN_CUTS;
    while run.faults.load(Ordering::Relaxed) {
        run.tasks.sleep(LOOK_PERIOD).await;
        let now = run.recorder.elapsed().as_secs_f64();
        if let Some(turn) = kills.due(now) {
            let replica = &own.replicas[turn % own.replicas.len()];
            done.booking_kills += u32::from(own.signal(replica, Signal::SIGKILL));
        }
        if let Some(turn) = restarts.due(now) {
            let (signal, count) = match turn % 2 {
                1 => (Signal::SIGKILL, &mut done.postgres_kills),
                _ => (Signal::SIGINT, &mut done.postgres_restarts),
            };
            *count += u32::from(own.signal("postgres", signal));
        }
        if nats.due(now).is_some() {
            done.nats_kills += u32::from(own.signal("nats", Signal::SIGKILL));
        }
        if streams.due(now).is_some() {
            match delete_stream(run).await {
                Ok(()) => done.streams_deleted += 1,
                Err(failure) => eprintln!("  the stream was not deleted: {failure}"),
            }
        }
        let Some(disk) = own.disk.as_ref().filter(|_| run.recorder.done() >= cut_again_at) else {
            continue;
        };
        if power.due(now).is_some() {
            disk.cut(&run.tasks).await?;
            done.power_cuts += 1;
            cut_again_at = run.recorder.done() + DONE_BETWEEN_CUTS;
        }
    }
    Ok(done)
}

async fn delete_stream(run: &Run) -> Result<(), Failure> {
    let url = run.world.nats_url.clone().ok_or("no NATS is known")?;
    let config = BusConfig { url, ..Default::default() };
    let bus = Bus::connect(&config, &Clock::system(), &Ids::random()).await?;
    bus.jetstream().delete_stream(bus.name(STREAM)).await?;
    Ok(())
}

/// What comes every so many seconds, counted from when it came last: what takes its time is not made
/// up for.
struct Rhythm {
    every: f64,
    next: f64,
    turns: usize,
}

impl Rhythm {
    /// Never, if it is 0.
    fn of(every: f64) -> Self {
        Self { every, next: every, turns: 0 }
    }

    /// Which time it is, from 1, if it is time.
    fn due(&mut self, now: f64) -> Option<usize> {
        if self.every <= 0.0 || now < self.next {
            return None;
        }
        self.next = now + self.every;
        self.turns += 1;
        Some(self.turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let mut rhythm = Rhythm::of(3.0);
        assert_eq!([1.0, 3.0, 3.1].map(|now| rhythm.due(now)), [None, Some(1), None]);
        assert_eq!(
            [20.0, 20.1, 22.9, 23.0].map(|now| rhythm.due(now)),
            [Some(2), None, None, Some(3)]
        );
        assert_eq!(Rhythm::of(0.0).due(1_000.0), None);
    }
}
