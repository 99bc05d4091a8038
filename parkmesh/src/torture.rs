//! `parkmesh torture`: a crowd that books at random, faults meanwhile, and a judge of all that was answered.
//!
//! [`world`] is what is tortured, [`client`] one of the crowd, [`wish`] what it wants next, [`asking`] how a call becomes a
//! line of the record, [`faults`] what goes wrong meanwhile, [`disk`] what loses its power, [`look_back`] what is read at the end, [`told`] what the
//! person is told; [`money`] is of its own. The judge is `parkmesh-history`.

mod asking;
mod cancels;
mod client;
mod disk;
mod expiry;
mod faults;
mod look_back;
mod money;
mod recorder;
mod told;
mod wish;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parkmesh_history::Report;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use crate::Failure;
// Found by the parts of torture as `super::chance`.
use crate::chance;
use crate::cli::{Torture, TortureKind};
use recorder::Recorder;
use world::World;

/// Calls that the judge holds in memory at once, about.
const CALLS_AT_ONCE: usize = 1_000_000;
/// A call whose outcome is not known may still have an effect for as long: the longest deadline and a retry.
const QUIET: Duration = Duration::from_secs(40);

/// Tortures, judges, and fails when a promise was broken.
pub fn run(options: Torture) -> Result<(), Failure> {
    if let Some(path) = &options.judge {
        return judge(path, None);
    }
    if options.clients == 0 || options.spots == 0 || options.replicas == 0 {
        return Err("--clients, --spots and --replicas must be at least 1".into());
    }
    if options.cut_power_every > 0.0 && !options.sees_own_mounts {
        return disk::see_own_mounts();
    }
    let scratch = Scratch::make()?;
    let path = options.history.clone().unwrap_or_else(|| scratch.0.join("history.bin"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match options.what {
        TortureKind::Crowd => {}
        TortureKind::Expiry => return runtime.block_on(expiry::run(&options, &scratch.0)),
        TortureKind::Cancels => return runtime.block_on(cancels::run(&options, &scratch.0)),
        TortureKind::Payments => {
            return runtime.block_on(money::payments::run(&options, &scratch.0));
        }
        TortureKind::Exits => {
            return runtime.block_on(money::payments::exits::run(&options, &scratch.0));
        }
        TortureKind::Failpoints => {
            return runtime.block_on(money::failpoints::run(&options, &scratch.0));
        }
    }
    let outcome = runtime.block_on(torture(&options, &scratch.0, &path));
    drop(runtime);
    let summary = outcome?;
    summary.tell();
    judge(&path, options.json.as_deref().map(|json| (json, &summary)))
}

/// What all tasks of a run share.
pub struct Run {
    pub options: Torture,
    pub world: World,
    pub recorder: Recorder,
    pub tasks: Tasks,
    /// Calls made so far.
    pub made: AtomicU64,
    pub faults: AtomicBool,
    /// The version of each spot that was seen last.
    seen: Vec<AtomicU32>,
}

impl Run {
    fn new(options: &Torture, world: World, path: &Path, tasks: &Tasks) -> Result<Self, Failure> {
        Ok(Self {
            options: options.clone(),
            recorder: Recorder::create(path, &world.setup(options))?,
            seen: world.places.iter().map(|_| AtomicU32::new(1)).collect(),
            world,
            tasks: tasks.clone(),
            made: AtomicU64::new(0),
            faults: AtomicBool::new(true),
        })
    }

    /// The version of a spot that was seen last.
    pub fn seen(&self, spot: u32) -> u32 {
        self.seen.get(spot as usize).map_or(0, |version| version.load(Ordering::Relaxed))
    }

    /// Notes a newer one.
    pub fn note_seen(&self, spot: u32, version: u32) {
        if let Some(seen) = self.seen.get(spot as usize) {
            seen.fetch_max(version, Ordering::Relaxed);
        }
    }

    /// Whether enough calls were made.
    pub fn is_over(&self) -> bool {
        self.made.load(Ordering::Relaxed) >= self.options.attempts
    }

    /// Ends the run early: nothing more can come of it.
    fn give_up(&self) {
        self.made.fetch_max(self.options.attempts, Ordering::Relaxed);
    }
}

async fn torture(options: &Torture, home: &Path, path: &Path) -> Result<told::Summary, Failure> {
    let tasks = Tasks::new(&Clock::system());
    let world = World::open(options, home, &tasks).await?;
    let run = Arc::new(Run::new(options, world, path, &tasks)?);
    println!("· {} calls by {} clients; seed {}", options.attempts, options.clients, options.seed);
    println!("  recorded in {}", path.display());
    let progress = told::progress(&run);
    let faults = faults::start(&run);
    let operator = client::operator(&run);
    let crowd: Vec<_> = (0..options.clients).map(|number| client::start(&run, number)).collect();
    for client in crowd {
        client.await?;
    }
    run.faults.store(false, Ordering::Relaxed);
    operator.await?;
    let faults = faults.await??;
    progress.abort();
    println!("· waiting for what may still be under way");
    run.recorder.until_quiet(QUIET, &tasks).await;
    println!("· reading everything back");
    look_back::all(&run).await?;
    let summary = told::Summary::of(&run, faults);
    run.recorder.finish()?;
    run.world.close(&tasks).await;
    tasks.stop().await;
    Ok(summary)
}

fn judge(path: &Path, json: Option<(&Path, &told::Summary)>) -> Result<(), Failure> {
    let size = std::fs::metadata(path)?.len();
    println!("· judging {} ({} MB)", path.display(), size / 1_000_000);
    let begun = std::time::Instant::now();
    let report: Report = parkmesh_history::check_file(path, CALLS_AT_ONCE)?;
    told::verdict(&report, begun.elapsed());
    if let Some((json, summary)) = json {
        std::fs::write(json, serde_json::to_string_pretty(&summary.json(&report))?)?;
    }
    if report.holds() {
        Ok(())
    } else {
        Err(format!("{} promises were broken", report.violations_total).into())
    }
}

/// A folder that goes away with us.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("parkmesh-torture-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
