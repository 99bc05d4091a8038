//! Redis flushed, killed, and given an image of before, again and again under load, each time with a replica of availability that
//! starts anew: how long until it shows everything as it is, and whether anybody was told something wrong meanwhile.

mod wire;

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parkmesh_contracts::availability::v1::GetAvailabilityRequest;
use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::time::from_proto;
use tonic::Request;

use crate::Failure;
use crate::city::{City, bearer};
use crate::proof::Figure;
use wire::{Image, Redis};

/// What is asked of a rebuild, in seconds: of so many spots, and of more.
const SPOTS_FEW: u32 = 10_000;
const FEW_SECONDS_MAX: f64 = 2.0;
const MANY_SECONDS_MAX: f64 = 10.0;
/// What is not said to be stale is no older than this: availability's bound, and a second for the way.
const BEHIND_MAX: Duration = Duration::from_secs(16);
/// How long a replica may take to show everything.
const BACK_MAX: Duration = Duration::from_secs(120);
const LOOK_PERIOD: Duration = Duration::from_millis(10);
/// Cars that come or go in a minute meanwhile.
const CHANGES_PER_MINUTE: &str = "600";
/// Those who ask all the time.
const ASKERS: usize = 8;

/// How much is proved.
#[derive(Debug, clap::Args)]
pub struct Rounds {
    /// Spots; more than 10,000 may take 10 s to rebuild.
    #[arg(long, default_value_t = 10_000)]
    spots: u32,
    /// Flushes, kills and images of before, in turn.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
}

/// Proves it.
pub fn prove(options: &Rounds) -> Result<bool, Failure> {
    let city = City::start("redis", options.spots)?;
    let mut redis = Redis::at(&city.redis()?);
    let image = Image::take(&mut redis)?;
    let (told, slowest) = crate::runtime()?.block_on(async {
        let cars = Cars::start(&city, options.spots)?;
        let asking = Asking::start(&city).await?;
        let mut slowest = Duration::ZERO;
        for round in 0..options.rounds {
            harm(&city, &mut redis, &image, round).await?;
            slowest = slowest.max(rebuild(&city).await?);
        }
        drop(cars);
        Ok::<_, Failure>((asking.end().await, slowest))
    })?;
    // The truth of another city on the same spots: whatever is wrong in the picture differs from it.
    let check = ["--minutes", "1", "--check", "--wait-minutes", "5", "--occupancy", "0.5"];
    let exact = city.simulation(options.spots, &check)?.status()?;
    judge(options, slowest.as_secs_f64(), told, exact.success())
}

fn judge(options: &Rounds, slowest: f64, told: Told, exact: bool) -> Result<bool, Failure> {
    let few = options.spots <= SPOTS_FEW;
    let seconds_max = if few { FEW_SECONDS_MAX } else { MANY_SECONDS_MAX };
    println!("  {} answers, {} of them stale", told.answers, told.stale);
    let rebuild = Figure {
        name: if few { "redis-rebuild" } else { "redis-rebuild-large" },
        figure: slowest,
        unit: "s, the slowest replica from its start to answers that are not stale, Redis empty, dead or of before",
        yardstick: "none",
        ask: format!("< {seconds_max} with {} spots", options.spots),
        holds: slowest < seconds_max,
    };
    let wrong = Figure {
        name: if few { "redis-wrong" } else { "redis-wrong-large" },
        figure: told.wrong as f64,
        unit: "answers past the staleness bound that did not say so, below nothing or above the capacity",
        yardstick: "none",
        ask: format!(
            "= 0 in {} rounds, and every spot and counter exact after quiet",
            options.rounds
        ),
        holds: told.wrong == 0 && told.answers > u64::from(options.rounds) * 10 && exact,
    };
    let (rebuild, wrong) = (rebuild.tell()?, wrong.tell()?);
    Ok(rebuild && wrong)
}

/// Empties Redis, kills it, or makes it what it was in the beginning.
async fn harm(city: &City, redis: &mut Redis, image: &Image, round: u32) -> Result<(), Failure> {
    match round % 3 {
        0 => redis.flush(),
        1 => city.kill("redis").await,
        _ => image.restore(redis),
    }
}

/// Kills availability; how long the next one takes until it is not stale.
async fn rebuild(city: &City) -> Result<Duration, Failure> {
    city.kill("availability").await?;
    let began = Instant::now();
    for lot in city.lots().await? {
        while began.elapsed() < BACK_MAX {
            match ask(city, &lot).await {
                Ok(answer) if !answer.freshness.unwrap_or_default().stale => break,
                _ => crate::pause(LOOK_PERIOD).await,
            }
        }
    }
    Ok(began.elapsed())
}

async fn ask(
    city: &City,
    lot: &str,
) -> Result<parkmesh_contracts::availability::v1::GetAvailabilityResponse, Failure> {
    let request = Request::new(GetAvailabilityRequest { lot_id: lot.to_owned() });
    let mut client = AvailabilityServiceClient::new(city.channel("availability")?);
    Ok(client.get_availability(bearer(request, &city.token("driver")?)?).await?.into_inner())
}

/// Cars that come and go until this ends.
struct Cars(Child);

impl Cars {
    fn start(city: &City, spots: u32) -> Result<Self, Failure> {
        let args = ["--occupancy", "0.5", "--changes-per-minute", CHANGES_PER_MINUTE];
        let mut command = city.simulation(spots, &args)?;
        Ok(Self(command.stdout(Stdio::null()).spawn()?))
    }
}

impl Drop for Cars {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// What those who asked were told.
#[derive(Debug, Default)]
struct Told {
    answers: u64,
    stale: u64,
    wrong: u64,
}

#[derive(Default)]
struct Counts {
    over: AtomicBool,
    answers: AtomicU64,
    stale: AtomicU64,
    wrong: AtomicU64,
}

/// Those who ask.
struct Asking {
    counts: Arc<Counts>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Asking {
    async fn start(city: &City) -> Result<Self, Failure> {
        let counts = Arc::new(Counts::default());
        let (lots, token) = (city.lots().await?, city.token("driver")?);
        let mut tasks = Vec::new();
        for number in 0..ASKERS {
            let lot = lots[number % lots.len()].clone();
            let client = AvailabilityServiceClient::new(city.channel("availability")?);
            let (counts, token) = (Arc::clone(&counts), token.clone());
            #[expect(clippy::disallowed_methods, reason = "a bench is outside of the house")]
            tasks.push(tokio::spawn(async move {
                while !counts.over.load(Ordering::Relaxed) {
                    let request = Request::new(GetAvailabilityRequest { lot_id: lot.clone() });
                    let Ok(request) = bearer(request, &token) else { return };
                    // Nobody answers while a replica starts: that is no wrong answer.
                    match client.clone().get_availability(request).await {
                        Ok(answer) => counts.judge(&answer.into_inner()),
                        Err(_away) => crate::pause(LOOK_PERIOD).await,
                    }
                }
            }));
        }
        Ok(Self { counts, tasks })
    }

    async fn end(self) -> Told {
        self.counts.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _ended = task.await;
        }
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { answers, stale, wrong, .. } = &*self.counts;
        Told { answers: read(answers), stale: read(stale), wrong: read(wrong) }
    }
}

impl Counts {
    fn judge(&self, answer: &parkmesh_contracts::availability::v1::GetAvailabilityResponse) {
        let freshness = answer.freshness.unwrap_or_default();
        let as_of = freshness.as_of.as_ref().and_then(|time| from_proto(time).ok());
        let age = as_of.map_or(Duration::MAX, crate::city::since);
        let late = !freshness.stale && age > BEHIND_MAX;
        let impossible = answer.free < 0 || answer.free > answer.total;
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.stale.fetch_add(u64::from(freshness.stale), Ordering::Relaxed);
        self.wrong.fetch_add(u64::from(late || impossible), Ordering::Relaxed);
    }
}
