//! Generated requests to our gateway and to Envoy before the same upstream: what differs is explained, each class in a table
//! (`explained`) with its reason, or the proof fails.

mod answers;
mod case;
mod change;
mod client;
mod compare;
mod explained;
mod generate;
mod http1;
mod judge;
mod odd;
mod origin;
mod outcome;
mod shrink;
mod upstream;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parkmesh_platform::auth::Role;
use tokio::task::JoinSet;

use crate::Failure;
use crate::chance::Chance;
use crate::gates::{self, Gate};
use crate::proof::{Figure, repository};
use crate::up;
use case::Case;
use compare::{Difference, Trial};
use generate::Tokens;
pub use generate::{LIST, WATCH};
use judge::Facts;
use outcome::Outcome;
use upstream::Upstream;

/// Cases under way at once.
const AT_ONCE: u64 = 24;
/// Unexplained cases that are printed, each as small as it gets.
const PRINTED: usize = 12;

/// How much is compared.
#[derive(Debug, clap::Args)]
pub struct Differential {
    /// Requests.
    #[arg(long, default_value_t = 100_000)]
    size: u64,
    /// Makes other requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the request of this number, with all that differs.
    #[arg(long)]
    only: Option<u64>,
}

/// Compares.
pub fn prove(options: &Differential) -> Result<bool, Failure> {
    let home = up::home("differential")?;
    let program = gates::envoy_program()?;
    let tally = crate::runtime()?.block_on(async {
        let upstream = Upstream::start().await?;
        let house = Arc::new(House {
            envoy: gates::envoy(&program, upstream.addr, &home)?,
            ours: gates::ours(upstream.addr, &home)?,
            tokens: Tokens {
                driver: gates::token(&home, Role::Driver)?,
                device: gates::token(&home, Role::Device)?,
            },
            upstream,
        });
        match options.only {
            Some(number) => house.show(options.seed, number).await,
            None => house.all(options).await,
        }
    })?;
    tally.tell(options)
}

/// Both gateways and what is behind them.
struct House {
    envoy: Gate,
    ours: Gate,
    upstream: Upstream,
    tokens: Tokens,
}

/// What was counted.
#[derive(Default)]
struct Tally {
    cases: u64,
    same: u64,
    explained: BTreeMap<&'static str, u64>,
    unexplained: Vec<(Case, Vec<Difference>)>,
}

impl House {
    /// One request through both.
    async fn run(&self, case: Case) -> Trial {
        let envoy = self.through(&self.envoy, "envoy", &case).await;
        let ours = self.through(&self.ours, "ours", &case).await;
        let facts = Facts::of(&case, &ours.told);
        Trial { case, envoy, ours, facts, broken_once: false }
    }

    /// The same, and once more what Envoy broke off: it may have been for others on its connection to the upstream.
    async fn run_again(&self, case: Case) -> Trial {
        let mut trial = self.run(case).await;
        if trial.is_broken_by_envoy() && !explained::split(&trial).1.is_empty() {
            let tries = trial.case.tries + 1;
            let again = self.run(Case { tries, ..trial.case.clone() }).await;
            trial.broken_once = !again.is_broken_by_envoy();
        }
        trial
    }

    async fn through(&self, gate: &Gate, name: &str, case: &Case) -> Outcome {
        let told = client::ask(case, gate.addr, name).await;
        Outcome { told, seen: self.upstream.take(&case.name_through(name)) }
    }

    async fn all(self: Arc<Self>, options: &Differential) -> Result<Tally, Failure> {
        let next = Arc::new(AtomicU64::new(0));
        let mut workers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (house, next, (seed, size)) =
                (Arc::clone(&self), Arc::clone(&next), (options.seed, options.size));
            workers.spawn(async move {
                let mut tally = Tally::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= size {
                        return tally;
                    }
                    let case = generate::case(seed, number, &house.tokens);
                    tally.note(&house.run_again(case).await);
                }
            });
        }
        let mut tally = Tally::default();
        workers.join_all().await.into_iter().for_each(|part| tally.add(part));
        tally.unexplained.sort_by_key(|(case, _)| case.number);
        for (case, differences) in tally.unexplained.iter_mut().take(PRINTED) {
            let small = shrink::shrink(&self, case.clone()).await;
            let left = explained::split(&small).1;
            // What does not differ again is told as it was.
            if !left.is_empty() {
                (*case, *differences) = (small.case, left);
            }
        }
        Ok(tally)
    }

    /// One request, with all that differs and why.
    async fn show(&self, seed: u64, number: u64) -> Result<Tally, Failure> {
        let trial = self.run(generate::case(seed, number, &self.tokens)).await;
        println!("{}{trial}", trial.case);
        let mut tally = Tally::default();
        tally.note(&trial);
        Ok(tally)
    }
}

impl Tally {
    fn note(&mut self, trial: &Trial) {
        self.cases += 1;
        let (names, unexplained) = explained::split(trial);
        self.same += u64::from(names.is_empty() && unexplained.is_empty());
        for name in names {
            *self.explained.entry(name).or_default() += 1;
        }
        if !unexplained.is_empty() {
            self.unexplained.push((trial.case.clone(), unexplained));
        }
    }

    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.same += other.same;
        for (name, count) in other.explained {
            *self.explained.entry(name).or_default() += count;
        }
        self.unexplained.extend(other.unexplained);
    }

    /// How many requests show each class, with its reason.
    fn write(&self) -> Result<(), Failure> {
        let classes = explained::all().map(|one| {
            let count = self.explained.get(one.name).copied().unwrap_or_default();
            serde_json::json!({ "class": one.name, "requests": count, "reason": one.reason })
        });
        let text = serde_json::to_string_pretty(&classes.collect::<Vec<_>>())? + "\n";
        let folder = repository().join("target/proof");
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join("differential-explained.json"), text)?)
    }

    fn tell(&self, options: &Differential) -> Result<bool, Failure> {
        for (case, differences) in self.unexplained.iter().take(PRINTED) {
            print!("{case}");
            differences.iter().for_each(|one| print!("{one}"));
        }
        for (case, differences) in self.unexplained.iter().skip(PRINTED) {
            let what: Vec<_> = differences.iter().map(|one| &one.what).collect();
            println!("  case {} ({}): {what:?}", case.number, case.answer);
        }
        println!("  {} requests; of these, alike in everything: {}", self.cases, self.same);
        for (name, count) in &self.explained {
            println!("  {count:>8}  {name}");
        }
        self.write()?;
        let unexplained = self.unexplained.len();
        Figure {
            name: "differential",
            figure: unexplained as f64,
            unit: "requests that differ without a reason",
            yardstick: "Envoy 1.40 with cors, grpc_web and router",
            ask: format!("0 of {}", options.only.map_or(options.size, |_| 1)),
            holds: unexplained == 0,
        }
        .tell()
    }
}

/// How the upstream answers: mostly well.
fn answer_of(chance: &mut Chance) -> &'static str {
    if chance.once_in(2) { chance.one_of(&["ok", "echo"]) } else { chance.one_of(&answers::ALL) }
}
