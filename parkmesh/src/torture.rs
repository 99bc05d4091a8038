//! `parkmesh torture`: a crowd that books at random, faults meanwhile, and a judge of all that was answered.
//!
//! [`world`] is what is tortured, [`client`] one of the crowd, [`wish`] what it wants next, [`asking`] how a call becomes a
//! line of the record, [`faults`] what goes wrong meanwhile, [`disk`] what loses its power, [`look_back`] what is read at the end, [`told`] what the
//! person is told, [`kept`] what outlives a sitting; [`money`] is of its own. The judge is `parkmesh-history`.

mod asking;
mod cancels;
mod client;
mod disk;
mod expiry;
mod faults;
mod kept;
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

use parkmesh_history::{Op, Report};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use crate::Failure;
// Found by the parts of torture as `super::chance`.
use crate::chance;
use crate::cli::{Torture, TortureKind};
use crate::stop::Stop;
use kept::Kept;
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
    if options.keep.is_some() && options.what != TortureKind::Crowd {
        return Err("only a run of --what crowd can be kept".into());
    }
    let scratch = Scratch::make()?;
    let home = options.keep.as_deref().unwrap_or(&scratch.0);
    std::fs::create_dir_all(home)?;
    let path = options.history.clone().unwrap_or_else(|| kept::record(home));
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
    let outcome = runtime.block_on(torture(&options, home, &path));
    drop(runtime);
    let Some(summary) = outcome? else {
        return Err("the run is not over; the same command goes on with it".into());
    };
    summary.tell();
    judge(&path, options.json.as_deref().map(|json| (json, &summary)))
}

/// What all tasks of a run share.
pub struct Run {
    pub options: Torture,
    pub world: World,
    /// What the sittings before this one have left.
    pub before: Kept,
    pub recorder: Recorder,
    pub tasks: Tasks,
    /// Calls made so far.
    pub made: AtomicU64,
    pub faults: AtomicBool,
    /// Whether this sitting is to end before enough calls were made.
    stopped: AtomicBool,
    /// The version of each spot that was seen last.
    seen: Vec<AtomicU32>,
}

impl Run {
    async fn open(
        options: &Torture,
        home: &Path,
        path: &Path,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let before = match &options.keep {
            Some(folder) => Kept::read(folder, options)?,
            None => Kept::default(),
        };
        let world = World::open(options, home, before.places.clone(), tasks).await?;
        let mut seen = vec![1; world.places.len()];
        let recorder = match before.sittings {
            0 => Recorder::create(path, &world.setup(options))?,
            _ => Recorder::go_on(path, before.base_us, |call| {
                if call.op == Op::SpotStatus
                    && let Some(seen) = seen.get_mut(call.spot as usize)
                {
                    *seen = call.seen;
                }
            })?,
        };
        Ok(Self {
            options: options.clone(),
            made: AtomicU64::new(recorder.counts().calls()),
            recorder,
            world,
            before,
            tasks: tasks.clone(),
            faults: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
            seen: seen.into_iter().map(AtomicU32::new).collect(),
        })
    }

    /// Chance of its own for each client of each sitting.
    pub fn dice(&self, number: u64) -> chance::Dice {
        let sitting = u64::from(self.before.sittings) << 48;
        chance::Dice::new(self.options.seed ^ sitting, number)
    }

    /// How long all sittings have been going on.
    pub fn seconds(&self) -> f64 {
        self.before.seconds + self.recorder.elapsed().as_secs_f64()
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
    fn has_enough(&self) -> bool {
        self.made.load(Ordering::Relaxed) >= self.options.attempts
    }

    /// Whether the crowd has done enough for this sitting.
    pub fn is_over(&self) -> bool {
        self.is_stopped() || self.has_enough()
    }

    /// Whether this sitting is to end now.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the run early: nothing more can come of it.
    fn give_up(&self) {
        self.made.fetch_max(self.options.attempts, Ordering::Relaxed);
    }
}

/// A sitting, and what came of the run if it is over then.
async fn torture(
    options: &Torture,
    home: &Path,
    path: &Path,
) -> Result<Option<told::Summary>, Failure> {
    let tasks = Tasks::new(&Clock::system());
    let run = Arc::new(Run::open(options, home, path, &tasks).await?);
    println!("· {} calls by {} clients; seed {}", options.attempts, options.clients, options.seed);
    println!("  recorded in {}", path.display());
    if run.before.sittings > 0 {
        println!("  {} calls were made before", run.made.load(Ordering::Relaxed));
    }
    if let Some(folder) = &options.keep {
        stop_when_told(&run)?;
        Kept::spend(folder)?;
    }
    let progress = told::progress(&run);
    let faults = faults::start(&run);
    let operator = client::operator(&run);
    let crowd: Vec<_> = (0..options.clients).map(|number| client::start(&run, number)).collect();
    let mut booked = Vec::new();
    for client in crowd {
        booked.push(client.await?);
    }
    run.faults.store(false, Ordering::Relaxed);
    operator.await?;
    let faults = faults.await??;
    progress.abort();
    println!("· waiting for what may still be under way");
    run.recorder.until_quiet(QUIET, &tasks).await;
    let length = run.recorder.length()?;
    let is_whole = run.has_enough() && look_back::all(&run).await?;
    if let Some(folder) = options.keep.as_ref().filter(|_| !is_whole) {
        let kept = Kept::of(&run, faults, &booked);
        // What was read back will be read anew.
        run.recorder.pause(length)?;
        run.world.close(&tasks).await;
        tasks.stop().await;
        kept.put(folder)?;
        return Ok(None);
    }
    let summary = told::Summary::of(&run, faults);
    run.recorder.finish()?;
    run.world.close(&tasks).await;
    tasks.stop().await;
    Ok(Some(summary))
}

/// Ends the sitting at Ctrl-C or SIGTERM.
fn stop_when_told(run: &Arc<Run>) -> Result<(), Failure> {
    let (mut stop, run) = (Stop::listen()?, Arc::clone(run));
    run.tasks.clone().spawn("stop", async move {
        stop.told().await;
        println!("· ending this sitting; that may take a minute");
        run.stopped.store(true, Ordering::Relaxed);
    });
    Ok(())
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
