//! What is done to the gateway, by a process of its own: its processor time is the attacker's, and it gives way to those who call well.
//!
//! Each attack is what one modest attacker sends, and goes on for ever. Where the gateway cuts it off, it comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{floods, slow};
use crate::Failure;

/// Between two portions of a flood.
const PORTION_PERIOD: Duration = Duration::from_millis(10);
/// Before somebody who was cut off comes back.
pub const BACK_AFTER: Duration = Duration::from_millis(50);
/// Between two lines of what was done.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// Calls that are given up in the same packet (CVE-2023-44487).
    RapidReset,
    /// Headers that never end (CVE-2024-27316).
    HeaderFlood,
    /// A long header that is told once and then named again and again, a byte each time.
    HeaderBomb,
    /// Pings and settings, each of which is to be acknowledged.
    ControlFlood,
    /// Frames longer than any server asked for, and messages longer than the gateway takes.
    Oversized,
    /// Clients of long streams who read next to nothing.
    SlowReaders,
    /// Calls whose body comes a byte at a time.
    SlowBodies,
    /// Heads of HTTP/1.1 that come a byte at a time (Slowloris).
    SlowHeads,
    /// Connections on which nothing is said after the greeting.
    Idle,
}

/// What an attacker knows, and what it has done.
#[derive(Clone)]
pub struct Attacker {
    pub addr: SocketAddr,
    pub token: String,
    done: Arc<AtomicU64>,
    cut: Arc<AtomicU64>,
}

/// The command line of an attacker's process.
#[derive(Debug, clap::Args)]
pub struct Options {
    attack: Attack,
    addr: SocketAddr,
    token: String,
}

/// Attacks until it is killed; tells every second what was done so far, and how often it was cut off.
pub fn run(options: &Options) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let attacker = Attacker {
            addr: options.addr,
            token: options.token.clone(),
            done: Arc::default(),
            cut: Arc::default(),
        };
        let tell = async {
            let mut told = interval(TOLD_EVERY);
            loop {
                told.tick().await;
                println!(
                    "{} {}",
                    attacker.done.load(Ordering::Relaxed),
                    attacker.cut.load(Ordering::Relaxed)
                );
            }
        };
        tokio::join!(attack(options.attack, &attacker), tell).1
    })
}

async fn attack(attack: Attack, attacker: &Attacker) {
    match attack {
        Attack::RapidReset => floods::rapid_reset(attacker).await,
        Attack::HeaderFlood => floods::headers(attacker).await,
        Attack::HeaderBomb => floods::header_bomb(attacker).await,
        Attack::ControlFlood => floods::control(attacker).await,
        Attack::Oversized => floods::oversized(attacker).await,
        Attack::SlowReaders => slow::readers(attacker).await,
        Attack::SlowBodies => slow::bodies(attacker).await,
        Attack::SlowHeads => slow::heads(attacker).await,
        Attack::Idle => slow::idle(attacker).await,
    }
}

impl Attacker {
    /// So many things were done.
    pub fn did(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    /// Does this again and again, also after it was cut off.
    pub async fn again<F: Future<Output = Result<(), Failure>>>(
        &self,
        mut what: impl FnMut() -> F,
    ) {
        loop {
            // How the gateway got rid of it is of no interest to an attacker.
            let _cut = what().await;
            self.cut.fetch_add(1, Ordering::Relaxed);
            crate::pause(BACK_AFTER).await;
        }
    }
}

/// Ticks for floods.
pub fn portions() -> tokio::time::Interval {
    let mut portions = interval(PORTION_PERIOD);
    portions.set_missed_tick_behavior(MissedTickBehavior::Delay);
    portions
}
