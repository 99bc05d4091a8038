//! What the person is told: progress, what came of it, and the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parkmesh_history::{Call, Op, Outcome, Reason, Report};
use serde_json::json;
use tokio::task::JoinHandle;

use super::Run;
use super::faults::Faults;

/// Between two lines of progress.
const PROGRESS_PERIOD: Duration = Duration::from_secs(5);
/// What the relay says of a stream that has forgotten what it had acknowledged.
const STREAM_LOSS: &str = "has lost facts that it had acknowledged";
/// What it says when a stream has become another one.
const STREAM_ANEW: &str = "the stream is another";
/// Violations that are printed.
const PRINTED_MAX: usize = 20;

/// How many calls ended how, and how long they took.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    by_outcome: BTreeMap<(Op, Outcome, Reason), u64>,
    won: Latencies,
    lost: Latencies,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, call: &Call) {
        *self.by_outcome.entry((call.op, call.outcome, call.reason)).or_default() += 1;
        let took = u64::try_from(call.ret - call.invoke).unwrap_or_default();
        match (call.makes(), call.outcome) {
            (true, Outcome::Done) => self.won.add(took),
            (true, Outcome::Refused) => self.lost.add(took),
            _ => {}
        }
    }

    /// Calls in all.
    pub fn calls(&self) -> u64 {
        self.by_outcome.values().sum()
    }

    fn of(&self, outcome: Outcome) -> u64 {
        self.by_outcome.iter().filter(|((_, of, _), _)| *of == outcome).map(|(_, n)| n).sum()
    }
}

/// Times in microseconds, kept in classes of an eighth of a power of two.
#[derive(Debug, Clone, Default)]
struct Latencies(BTreeMap<u32, u64>);

impl Latencies {
    fn add(&mut self, us: u64) {
        let us = us.max(8);
        let power = us.ilog2();
        let eighth = u32::try_from((us >> (power - 3)) & 7).unwrap_or_default();
        *self.0.entry(power * 8 + eighth).or_default() += 1;
    }

    /// Milliseconds that so many of a thousand did not exceed.
    fn at(&self, permille: u64) -> f64 {
        let all: u64 = self.0.values().sum();
        let mut sum = 0;
        for (class, count) in &self.0 {
            sum += count;
            if sum * 1_000 >= all * permille {
                let (power, eighth) = (class / 8, class % 8);
                let upper = (u64::from(eighth) + 9) << power.saturating_sub(3);
                return f64::from(u32::try_from(upper).unwrap_or(u32::MAX)) / 1_000.0;
            }
        }
        0.0
    }
}

/// Says now and then how it goes.
pub fn progress(run: &Arc<Run>) -> JoinHandle<()> {
    let run = Arc::clone(run);
    run.tasks.clone().detached(async move {
        let before = run.made.load(Ordering::Relaxed);
        loop {
            run.tasks.sleep(PROGRESS_PERIOD).await;
            let (counts, seconds) = (run.recorder.counts(), run.recorder.elapsed().as_secs_f64());
            let made = run.made.load(Ordering::Relaxed);
            println!(
                "  {seconds:>6.0} s  {made:>9} calls  {:>6.0}/s  {} granted, {} refused, {} unknown",
                number(made - before) / seconds,
                counts.of(Outcome::Done),
                counts.of(Outcome::Refused),
                counts.of(Outcome::Unknown)
            );
        }
    })
}

/// What came of a run.
pub struct Summary {
    counts: Counts,
    faults: Faults,
    seconds: f64,
    complaints: usize,
    stream_losses: usize,
    streams_anew: usize,
}

impl Summary {
    /// Of a run that is over.
    pub fn of(run: &Run, faults: Faults) -> Self {
        let own = run.world.own.as_ref();
        Self {
            counts: run.recorder.counts(),
            faults,
            seconds: run.seconds(),
            // A transaction that a cancelled call left open.
            complaints: own.map_or(0, |own| own.complaints("25P02")),
            stream_losses: own.map_or(0, |own| own.complaints(STREAM_LOSS)),
            streams_anew: own.map_or(0, |own| own.complaints(STREAM_ANEW)),
        }
    }

    /// Prints it.
    pub fn tell(&self) {
        println!("\n{:<10} {:<8} {:<18} {:>10}", "call", "outcome", "reason", "count");
        for ((op, outcome, reason), count) in &self.counts.by_outcome {
            let reason =
                if *reason == Reason::None { String::new() } else { format!("{reason:?}") };
            println!(
                "{:<10} {:<8} {reason:<18} {count:>10}",
                format!("{op:?}"),
                format!("{outcome:?}")
            );
        }
        println!(
            "\n{} calls in {:.0} s, faults and reading back included",
            self.counts.calls(),
            self.seconds
        );
        for (who, times) in [("winners", &self.counts.won), ("losers", &self.counts.lost)] {
            let (half, most, all) = (times.at(500), times.at(990), times.at(1_000));
            println!("{who}: p50 {half:.1} ms, p99 {most:.1} ms, longest {all:.0} ms");
        }
        let Faults { booking_kills, postgres_kills, postgres_restarts, .. } = self.faults;
        println!(
            "booking was killed {booking_kills} times, Postgres killed {postgres_kills} times and \
             restarted {postgres_restarts} times, NATS killed {} times, the stream of facts deleted {} times; \
             {} statements found a broken transaction (25P02)",
            self.faults.nats_kills, self.faults.streams_deleted, self.complaints
        );
        println!(
            "the power of Postgres and NATS was cut {} times; the stream was found {} times to be another, and {} times \
             to have lost some of what it had acknowledged",
            self.faults.power_cuts, self.streams_anew, self.stream_losses
        );
    }

    /// The same for programs.
    pub fn json(&self, report: &Report) -> serde_json::Value {
        let outcomes = self.counts.by_outcome.iter();
        let outcomes = outcomes.map(|((op, outcome, reason), count)| {
            json!({
                "call": format!("{op:?}"),
                "outcome": format!("{outcome:?}"),
                "reason": format!("{reason:?}"),
                "count": count,
            })
        });
        json!({
            "calls": self.counts.calls(),
            "seconds": self.seconds,
            "outcomes": outcomes.collect::<Vec<_>>(),
            "winners_p99_ms": self.counts.won.at(990),
            "losers_p99_ms": self.counts.lost.at(990),
            "booking_kills": self.faults.booking_kills,
            "postgres_kills": self.faults.postgres_kills,
            "postgres_restarts": self.faults.postgres_restarts,
            "nats_kills": self.faults.nats_kills,
            "streams_deleted": self.faults.streams_deleted,
            "power_cuts": self.faults.power_cuts,
            "streams_anew": self.streams_anew,
            "stream_losses": self.stream_losses,
            "broken_transactions": self.complaints,
            "bookings": report.bookings,
            "facts": report.facts,
            "violations": report.violations_total,
            "undecided": report.undecided,
            "first_violations": report.violations.iter().take(PRINTED_MAX)
                .map(|one| format!("{}: {}", one.kind, one.text)).collect::<Vec<_>>(),
            "holds": report.holds(),
        })
    }
}

/// Prints the judge's word.
pub fn verdict(report: &Report, took: Duration) {
    println!(
        "judged {} calls, {} bookings and {} facts in {:.1} s",
        report.calls,
        report.bookings,
        report.facts,
        took.as_secs_f64()
    );
    if report.facts == 0 {
        println!("no facts were read: nothing is said of them");
    }
    for violation in report.violations.iter().take(PRINTED_MAX) {
        println!("  {}: {}", violation.kind, violation.text);
    }
    if report.violations_total > PRINTED_MAX {
        println!("  … {} in all", report.violations_total);
    }
    if report.undecided > 0 {
        println!("{} spots or bookings could not be decided: too many orders", report.undecided);
    }
    let kept = "every promise was kept";
    let broken = "PROMISES WERE BROKEN, OR NOT PROVEN";
    println!("verdict: {}", if report.holds() { kept } else { broken });
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_within_an_eighth() {
        let mut times = Latencies::default();
        (1..=1_000).for_each(|ms| times.add(ms * 1_000));
        assert!((500.0..=563.0).contains(&times.at(500)), "{}", times.at(500));
        assert!((990.0..=1_125.0).contains(&times.at(990)), "{}", times.at(990));
    }
}
