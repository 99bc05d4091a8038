//! The loads: what drivers ask for, how many at once. The same for every strategy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Failure;
use crate::chance::Chance;
use crate::lab::strategy::{Client, Outcome, Strategy, Want};

/// Spots of the lot.
pub const SPOTS: u32 = 500;
/// Days over which windows are spread.
const DAYS: u64 = 180;
/// Days over which the windows of one spot are spread: so many that it does not fill up.
const DAYS_ONE_SPOT: u64 = 4_000;
/// Length of every window: an hour.
const LENGTH: i32 = 60;
const MINUTES_A_DAY: i32 = 24 * 60;
/// Rounds of a crowd at most.
pub const ROUNDS_MAX: u32 = 30;
/// Places that are left in the rounds of a pool.
pub const PLACES_LEFT: u32 = 60;
/// A strategy that answers nothing for so long has got stuck.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How drivers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Each asks for a spot and an hour at random, again and again.
    Spread,
    /// The same, but all for one spot, at hours spread.
    OneSpot,
    /// Rounds: all ask at once for one spot and windows that all cross.
    Herd,
    /// Rounds: all ask at once for the last places of one hour.
    LastPlaces,
}

/// One question and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub want: Want,
    pub round: u32,
    /// Since the begin of the run.
    pub asked: Duration,
    pub answered: Duration,
    /// None: an error, the driver knows nothing.
    pub outcome: Option<Outcome>,
}

impl Attempt {
    /// How long the driver waited.
    pub fn waited(&self) -> Duration {
        self.answered - self.asked
    }
}

/// Runs a load to its end. Gives all attempts, and the first error's text if there was one.
pub async fn run(
    load: Load,
    strategy: &Arc<dyn Strategy>,
    clients: Vec<Client>,
    time: Duration,
) -> Result<(Vec<Attempt>, Option<String>), Failure> {
    let crowd = Arc::new(Crowd {
        load,
        begin: Instant::now(),
        time,
        barrier: Barrier::new(clients.len()),
        over: AtomicBool::new(false),
    });
    let mut running = JoinSet::new();
    for client in clients {
        running.spawn(drive(Arc::clone(&crowd), Arc::clone(strategy), client));
    }
    let (mut attempts, mut trouble) = (Vec::new(), None);
    while let Some(joined) = running.join_next().await {
        let (theirs, error) = joined?;
        attempts.extend(theirs);
        trouble = trouble.or(error);
    }
    attempts.sort_by_key(|attempt| attempt.asked);
    Ok((attempts, trouble))
}

struct Crowd {
    load: Load,
    begin: Instant,
    time: Duration,
    barrier: Barrier,
    over: AtomicBool,
}

impl Crowd {
    /// Whether there is another round. One decides for all, between two barriers.
    async fn another(&self, round: u32) -> bool {
        if matches!(self.load, Load::Spread | Load::OneSpot) {
            return self.begin.elapsed() < self.time;
        }
        if self.barrier.wait().await.is_leader() {
            let over = round >= ROUNDS_MAX || (round > 0 && self.begin.elapsed() > self.time);
            self.over.store(over, Ordering::SeqCst);
        }
        self.barrier.wait().await;
        !self.over.load(Ordering::SeqCst)
    }
}

async fn drive(
    crowd: Arc<Crowd>,
    strategy: Arc<dyn Strategy>,
    mut client: Client,
) -> (Vec<Attempt>, Option<String>) {
    let mut chance = Chance(client.number as u64);
    let (mut attempts, mut trouble, mut round) = (Vec::new(), None, 0);
    while crowd.another(round).await {
        let want = wish(crowd.load, round, client.number, &mut chance);
        let asked = crowd.begin.elapsed();
        let answer = tokio::time::timeout(ANSWER_MAX, strategy.reserve(&mut client, &want)).await;
        let outcome = match answer {
            Ok(Ok(outcome)) => Some(outcome),
            Ok(Err(error)) => {
                trouble.get_or_insert(error.to_string());
                None
            }
            Err(_) => {
                trouble.get_or_insert("no answer".to_owned());
                None
            }
        };
        attempts.push(Attempt { want, round, asked, answered: crowd.begin.elapsed(), outcome });
        round += 1;
    }
    client.close().await;
    (attempts, trouble)
}

fn wish(load: Load, round: u32, client: usize, chance: &mut Chance) -> Want {
    match load {
        Load::Spread => Want { spot: chance.spot(), ..chance.window(DAYS) },
        Load::OneSpot => chance.window(DAYS_ONE_SPOT),
        Load::LastPlaces => hour_of(round),
        Load::Herd => {
            // Every other round the windows differ, and still all of them cross.
            let hour = hour_of(round);
            let shift =
                if round % 2 == 1 { i32::try_from(client % 4).unwrap_or(0) * 15 } else { 0 };
            Want { start: hour.start + shift, end: hour.end + shift, ..hour }
        }
    }
}

/// The hour that everybody wants in this round; two rounds never cross.
pub fn hour_of(round: u32) -> Want {
    let round = i32::try_from(round).unwrap_or(0);
    let start = round / 7 * MINUTES_A_DAY + round % 7 * 180;
    Want { spot: 0, start, end: start + LENGTH }
}

/// SQL that takes all but the last places, in the hours of all rounds.
pub fn all_but_the_last_places() -> String {
    format!(
        "INSERT INTO booking (booking_id, code, lot_id, floor_id, spot_id, spot_number, user_id, plate,
             during, start_time, state, tariff_version, hourly_rate_minor, amount_minor, currency_code,
             hold_expire_time, due_time, hold_slot, version, create_time)
         SELECT id, id::text, lot_id, floor_id, spot_id, spot_number, id::text, 'P',
             tstzrange(at(start), at(start + {LENGTH}), '[)'), at(start), 1, 1, 0, 0, 'EUR', at(start),
             at(start), 1, 1, clock_timestamp()
         FROM (SELECT spot.*, gen_random_uuid() AS id, n / 7 * {MINUTES_A_DAY} + n % 7 * 180 AS start,
                   row_number() OVER (PARTITION BY n ORDER BY md5(spot_id::text || n)) AS place
               FROM spot, generate_series(0, {ROUNDS_MAX}) AS n) AS taken
         WHERE place > {PLACES_LEFT};"
    )
}

impl Chance {
    fn spot(&mut self) -> u32 {
        u32::try_from(self.below(u64::from(SPOTS))).unwrap_or(0)
    }

    /// An hour of the first spot, at a quarter of some day; it does not cross midnight.
    fn window(&mut self, days: u64) -> Want {
        let day = i32::try_from(self.below(days)).unwrap_or(0);
        let quarter = i32::try_from(self.below(93)).unwrap_or(0);
        let start = day * MINUTES_A_DAY + quarter * 15;
        Want { spot: 0, start, end: start + LENGTH }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_windows_of_a_herd_cross_and_rounds_do_not() {
        let mut chance = Chance(1);
        let mut of = |round, client| wish(Load::Herd, round, client, &mut chance);
        let (one, two, next) = (of(1, 0), of(1, 3), of(2, 0));
        assert_ne!(one, two);
        assert!(one.crosses(&two));
        assert!(!two.crosses(&next));
        assert!(!of(6, 0).crosses(&of(7, 0)));
    }

    #[test]
    fn chance_is_the_same_each_time_and_differs_by_client() {
        let want = |seed| wish(Load::Spread, 0, 0, &mut Chance(seed));
        assert_eq!(want(7), want(7));
        assert_ne!(want(7), want(8));
    }
}
