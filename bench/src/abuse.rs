//! What others feel of an attack on the gateway: the p99 of a client that calls well, in turn without and with the attack, and the memory
//! that the gateway holds.
//!
//! The gateway is the built binary with the settings that it is shipped with, and has one processor for itself. The other one has the good
//! client, the upstream and, at the lowest priority and in a process of its own, the attacker: what an attacker's own work takes must not look
//! like the gateway's. An attacker is a modest one, with the rates in `attack.rs`; whoever has a thousand machines needs other means.

mod attack;
mod floods;
mod good;
mod slow;
mod watched;
mod wire;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::ValueEnum;
use parkmesh_platform::auth::Role;

use crate::differential::{LIST, WATCH};
use crate::gate::pin;
use crate::gate::upstream::{Upstream, Watches};
use crate::gates::{self, Gate};
use crate::lab::stats::p99_ms;
use crate::memory::resident_megabytes;
use crate::proof::Figure;
use crate::{Failure, up};
use attack::Attack;
use good::Good;
use watched::Watched;

pub use attack::{Options as AttackOptions, run as attack};

/// A message without fields, in its frame.
const MESSAGE: &[u8] = b"\0\0\0\0\0";

/// What is asked: of the good client's p99 as a multiple of itself in peace, and of the gateway's memory beyond what it held before.
const P99_RATIO_MAX: f64 = 2.0;
/// The most that any of the attackers holds open are a thousand streams that it does not read, and the gateway lets each hold what a replica
/// may send ahead (64 KiB), what waits to be sent (32 KiB) and a message on its way between the two: about 115 MB. As much again is for
/// everything else.
const GROWTH_MB_MAX: f64 = 230.0;
/// How long it is measured before the attack is turned on or off again.
const PEACE: Duration = Duration::from_secs(15);
const ATTACK: Duration = Duration::from_secs(60);
/// Before an attack counts: until the last of its connections is there.
const GATHER: Duration = Duration::from_secs(5);
/// After the last attack, before memory is looked at. Others go on meanwhile: an allocator gives back what is free while it is asked for more.
const SETTLE: Duration = Duration::from_secs(15);

/// How long, and what.
#[derive(Debug, clap::Args)]
pub struct Abuse {
    /// Minutes of each attack.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Only these attacks.
    #[arg(long)]
    only: Vec<Attack>,
}

/// What one attack came to.
struct Outcome {
    p99_ratio: f64,
    /// Megabytes beyond what was held before, at the peak and afterwards.
    growth: f64,
    kept: f64,
}

/// Makes each attack, on a gateway of its own.
pub fn prove(options: &Abuse) -> Result<bool, Failure> {
    let home = up::home("abuse")?;
    pin::ourselves()?;
    let chosen = |attack: &Attack| options.only.is_empty() || options.only.contains(attack);
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcomes = runtime.block_on(async {
        let token = gates::token(&home, Role::Driver)?;
        let house = House { home, upstream: Upstream::start(Watches::Endless).await?, token };
        let mut outcomes = Vec::new();
        for attack in Attack::value_variants().iter().filter(|attack| chosen(attack)) {
            outcomes.push(house.suffer(*attack, time).await?);
        }
        Ok::<_, Failure>(outcomes)
    })?;
    let worst = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    let (ratio, growth) = (worst(|one| one.p99_ratio), worst(|one| one.growth));
    let p99 = Figure {
        name: "abuse-p99",
        figure: ratio,
        unit: "× its p99 in peace, of a client that calls well while another attacks; the worst attack",
        yardstick: "none",
        ask: format!("≤ {P99_RATIO_MAX}"),
        holds: ratio <= P99_RATIO_MAX,
    };
    let memory = Figure {
        name: "abuse-memory",
        figure: growth,
        unit: "MB that the gateway held under attack beyond what it held before; the worst attack",
        yardstick: "none",
        ask: format!("≤ {GROWTH_MB_MAX}"),
        holds: growth <= GROWTH_MB_MAX,
    };
    let kept =
        Figure::told("abuse-memory-kept", worst(|one| one.kept), "MB of these after the attack");
    let (p99, memory, _) = (p99.tell()?, memory.tell()?, kept.tell()?);
    Ok(p99 && memory)
}

/// What every attack finds.
struct House {
    home: PathBuf,
    upstream: Upstream,
    token: String,
}

impl House {
    /// Peace and this attack in turn, until it was made for this time.
    async fn suffer(&self, attack: Attack, time: Duration) -> Result<Outcome, Failure> {
        let gate = gates::ours(self.upstream.addr, &self.home)?;
        pin::gate(gate.pid())?;
        let good = Good::connect(gate.addr, &self.token).await?;
        good.calls(GATHER).await?;
        let (before, memory) = (resident_megabytes(gate.pid())?, Watched::start(gate.pid()));
        let (mut calm, mut attacked, mut left) = (Vec::new(), Vec::new(), time);
        let mut told = String::new();
        while !left.is_zero() {
            calm.extend(good.calls(PEACE.min(time)).await?);
            let attacker = Attacker::start(attack, &gate, &self.token)?;
            crate::pause(GATHER).await;
            let slice = ATTACK.min(left);
            let calls = good.calls(slice).await;
            attacked.extend(calls.map_err(|error| format!("under {attack:?}: {error}"))?);
            told = attacker.end()?;
            left -= slice;
        }
        good.calls(SETTLE).await?;
        let none = || Failure::from("nothing was measured");
        let (peace, war) = (p99_ms(calm).ok_or_else(none)?, p99_ms(attacked).ok_or_else(none)?);
        let (growth, kept) = (memory.end()? - before, resident_megabytes(gate.pid())? - before);
        println!(
            "{attack:?} (done and cut off in the last round: {told}): p99 {peace:.2} ms, under attack {war:.2} ms; \
             {before:.0} MB before, {growth:.0} MB more at the peak, {kept:.0} MB more afterwards"
        );
        Ok(Outcome { p99_ratio: war / peace, growth, kept })
    }
}

/// An attacker's process.
struct Attacker {
    child: Child,
}

impl Attacker {
    fn start(attack: Attack, gate: &Gate, token: &str) -> Result<Self, Failure> {
        let name = attack.to_possible_value().ok_or("an attack has no name")?;
        // Where this process may run, its children run too.
        let child = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe()?)
            .args(["attack", name.get_name(), &gate.addr.to_string(), token])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self { child })
    }

    /// Ends it; what it said last.
    fn end(mut self) -> Result<String, Failure> {
        self.child.kill()?;
        let said = self.child.stdout.take().map(BufReader::new);
        let last = said.and_then(|said| said.lines().map_while(Result::ok).last());
        Ok(last.ok_or("the attacker did nothing")?)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
