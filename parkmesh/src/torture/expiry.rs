//! Confirmations that race the end of their hold, with the instant swept around the deadline, and a rival who wants the
//! spot at the same time. The clockwork is stopped for the whole run: a lapsed hold must be in nobody's way all the same.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use parkmesh_contracts::booking::v1::{
    Booking, BookingState, ConfirmBookingRequest, GetBookingRequest, HoldSpotRequest, SpotChoice,
    hold_spot_request,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::time;
use parkmesh_history::{Call, Op, Outcome, Reason};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;
use serde_json::json;

use super::Run;
use super::asking::{Ask, ask};
use super::chance::Dice;
use crate::Failure;
use crate::cli::Torture;
use crate::client::Gateway;

/// Trials under way at once.
const AT_ONCE: u64 = 96;
/// How long after the deadline a confirmation may begin, in microseconds. Before it: as long, and twice the time that a
/// call takes at this moment, so that calls arrive on both sides.
const SWEEP_US: i64 = 60_000;
/// A confirmation that has begun keeps the hold for so long; then it is over whatever happens.
const PATIENCE: Duration = Duration::from_secs(33);
/// Between two asks of a patient rival.
const RETRY_WAIT: Duration = Duration::from_millis(50);
/// Broken trials that are told.
const TOLD_MAX: usize = 20;
/// Days ahead in which windows lie.
const MINUTES_AHEAD: i64 = 300 * 24 * 60;

/// What came of all trials.
#[derive(Default)]
struct Tally {
    trials: AtomicU64,
    confirmed: AtomicU64,
    expired: AtomicU64,
    /// The rival had the spot at its first try, before the confirmation had an answer.
    rival_at_once: AtomicU64,
    broken: Mutex<Vec<String>>,
}

/// Runs the trials and tells.
pub async fn run(options: &Torture, home: &Path) -> Result<(), Failure> {
    let mut options = options.clone();
    options.spots = 1_000;
    let tasks = Tasks::new(&Clock::system());
    let run = Run::open(&options, home, &super::kept::record(home), &tasks).await?;
    let run = Arc::new(run);
    println!("· {} trials, {AT_ONCE} at once; the clockwork is stopped", options.attempts);
    let begun = Instant::now();
    let tally = Arc::new(Tally::default());
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let (run, tally) = (Arc::clone(&run), Arc::clone(&tally));
            tasks.detached(async move { work(&run, &tally, number).await })
        })
        .collect();
    for worker in workers {
        if let Err(failure) = worker.await? {
            tally.note(format!("a worker gave up: {failure}"));
        }
    }
    run.world.close(&tasks).await;
    tasks.stop().await;
    tell(&options, &tally, begun.elapsed())
}

fn tell(options: &Torture, tally: &Tally, took: Duration) -> Result<(), Failure> {
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let broken = tally.broken.lock().unwrap_or_else(PoisonError::into_inner);
    let (confirmed, expired) = (count(&tally.confirmed), count(&tally.expired));
    println!(
        "{} trials in {:.0} s: {confirmed} confirmed, {expired} expired, {} of them with a rival \
         who had the spot before the confirmation was answered; {} broken",
        count(&tally.trials),
        took.as_secs_f64(),
        count(&tally.rival_at_once),
        broken.len()
    );
    broken.iter().take(TOLD_MAX).for_each(|text| println!("  {text}"));
    // A sweep that only ever met one side of the deadline proves nothing.
    let both_sides = confirmed * 50 > options.attempts && expired * 50 > options.attempts;
    let holds = broken.is_empty() && both_sides;
    if let Some(path) = &options.json {
        let report = json!({
            "trials": count(&tally.trials),
            "confirmed": confirmed,
            "expired": expired,
            "rival_at_once": count(&tally.rival_at_once),
            "violations": broken.len(),
            "both_sides": both_sides,
            "holds": holds,
        });
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    match holds {
        true => Ok(()),
        false if !both_sides => Err("the sweep met one side of the deadline only".into()),
        false => Err(format!("{} trials ended wrongly", broken.len()).into()),
    }
}

impl Tally {
    fn note(&self, text: String) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

async fn work(run: &Run, tally: &Tally, number: u64) -> Result<(), Failure> {
    let client = u32::try_from(number * 2).unwrap_or_default();
    let (driver, rival) = (run.world.ways(client)?, run.world.ways(client + 1)?);
    let mut dice = Dice::new(run.options.seed, number);
    let places = &run.world.places;
    for round in 0_i64.. {
        let trial = run.made.fetch_add(1, Ordering::Relaxed);
        if trial >= run.options.attempts {
            break;
        }
        // Every worker has spots of its own, every round a window of its own.
        let share = places.len() / usize::try_from(AT_ONCE).unwrap_or(1);
        let spot = usize::try_from(number).unwrap_or_default() * share + dice.below(share.max(1));
        let start = 600 + (round * 7) % MINUTES_AHEAD;
        let place = places[spot % places.len()].spot_id.clone();
        let trial = Trial {
            run,
            driver: &driver,
            rival: &rival,
            wish: hold(run, &place, start, &mut dice),
            rivals: hold(run, &place, start, &mut dice),
        };
        if let Err(text) = trial.go(tally, &mut dice).await {
            tally.note(format!("spot {place}, minute {start}: {text}"));
        }
        if tally.trials.fetch_add(1, Ordering::Relaxed) % 5_000 == 4_999 {
            println!(
                "  {:>6.0} s  {trial_number} trials",
                run.recorder.elapsed().as_secs_f64(),
                trial_number = tally.trials.load(Ordering::Relaxed)
            );
        }
    }
    Ok(())
}

fn hold(run: &Run, spot_id: &str, start_minute: i64, dice: &mut Dice) -> HoldSpotRequest {
    let choice = SpotChoice { spot_id: spot_id.to_owned(), spot_version: 0 };
    let of = |minute: i64| Some(run.recorder.of_window(minute * 60_000_000));
    HoldSpotRequest {
        request_id: dice.uuid().to_string(),
        choice: Some(hold_spot_request::Choice::Spot(choice)),
        window: Some(Window { start_time: of(start_minute), end_time: of(start_minute + 7) }),
        ..Default::default()
    }
}

struct Trial<'a> {
    run: &'a Run,
    driver: &'a [Gateway],
    rival: &'a [Gateway],
    wish: HoldSpotRequest,
    rivals: HoldSpotRequest,
}

impl Trial<'_> {
    async fn go(&self, tally: &Tally, dice: &mut Dice) -> Result<(), String> {
        let (call, held) = self.ask(&self.driver[0], Op::Hold, Ask::Hold(self.wish.clone())).await;
        // A lapsed hold of an earlier round may count against nobody.
        let held = held.ok_or("the first hold was refused")?;
        let end = held.hold_expire_time.as_ref().and_then(|time| time::from_proto(time).ok());
        let end = end.ok_or("a hold without an end")?.as_microsecond();
        let before = SWEEP_US + 2 * (call.ret - call.invoke);
        let sweep = |dice: &mut Dice| {
            let width = usize::try_from(before + SWEEP_US).unwrap_or(1);
            end - before + i64::try_from(dice.below(width)).unwrap_or_default()
        };
        let (confirm_at, rival_at) = (sweep(dice), sweep(dice));
        let confirm = Ask::Confirm(ConfirmBookingRequest {
            request_id: dice.uuid().to_string(),
            booking_id: held.booking_id.clone(),
            payment_method: "pm_card_ok".to_owned(),
        });
        let replica = dice.below(self.driver.len());
        let other = dice.below(self.rival.len());
        let (confirmed, rival) = tokio::join!(
            async {
                self.until(confirm_at).await;
                self.ask(&self.driver[replica], Op::Confirm, confirm.clone()).await
            },
            async {
                self.until(rival_at).await;
                self.ask(&self.rival[other], Op::Hold, Ask::Hold(self.rivals.clone())).await
            }
        );
        self.judge(&held, (confirmed, confirm), rival, tally).await
    }

    async fn judge(
        &self,
        held: &Booking,
        (mut confirmed, confirm): ((Call, Option<Booking>), Ask),
        rival: (Call, Option<Booking>),
        tally: &Tally,
    ) -> Result<(), String> {
        let begun = Instant::now();
        while confirmed.0.outcome == Outcome::Unknown && begun.elapsed() < PATIENCE {
            self.run.tasks.sleep(RETRY_WAIT).await;
            confirmed = self.ask(&self.driver[0], Op::Confirm, confirm.clone()).await;
        }
        let stands = self.look(held).await?;
        let rival_first = rival.1.is_some();
        match (confirmed.0.outcome, confirmed.0.reason) {
            (Outcome::Done, _) => {
                tally.confirmed.fetch_add(1, Ordering::Relaxed);
                if rival_first {
                    return Err("both had it: the confirmation and the rival".to_owned());
                }
                if stands.state() != BookingState::Reserved {
                    return Err(format!("confirmed, and yet {:?}", stands.state()));
                }
                let blocked =
                    self.ask(&self.rival[0], Op::Hold, Ask::Hold(self.rivals.clone())).await;
                match blocked.0.reason {
                    Reason::SpotTaken => Ok(()),
                    reason => Err(format!("confirmed, and a rival was told {reason:?}")),
                }
            }
            (Outcome::Refused, Reason::HoldExpired) => {
                tally.expired.fetch_add(1, Ordering::Relaxed);
                tally.rival_at_once.fetch_add(u64::from(rival_first), Ordering::Relaxed);
                if !matches!(stands.state(), BookingState::Held | BookingState::Expired) {
                    return Err(format!("expired, and yet {:?}", stands.state()));
                }
                // Now it is in nobody's way: no clockwork runs, and the rival gets it at once.
                let got = self.ask(&self.rival[0], Op::Hold, Ask::Hold(self.rivals.clone())).await;
                let got = got
                    .1
                    .ok_or_else(|| format!("expired, and a rival was told {:?}", got.0.reason))?;
                match self.look(held).await?.state() {
                    BookingState::Expired if got.booking_id != held.booking_id => Ok(()),
                    state => Err(format!("the rival has it, and the first is {state:?}")),
                }
            }
            (outcome, reason) => Err(format!("the confirmation ended {outcome:?} {reason:?}")),
        }
    }

    async fn look(&self, held: &Booking) -> Result<Booking, String> {
        let request = GetBookingRequest { booking_id: held.booking_id.clone() };
        let read = self.ask(&self.driver[0], Op::Get, Ask::Get(request)).await;
        read.1.ok_or_else(|| format!("it cannot be read: {:?}", read.0.reason))
    }

    /// Asks, again while the house is too busy to answer; not of confirmations, whose moment matters.
    async fn ask(&self, way: &Gateway, op: Op, ask_: Ask) -> (Call, Option<Booking>) {
        let begun = Instant::now();
        loop {
            let mut call = Call::new(0, op, 0);
            let booking = ask(self.run, way.clone(), ask_.clone(), &mut call).await;
            let busy = call.outcome == Outcome::Unknown && op != Op::Confirm;
            if !busy || begun.elapsed() > PATIENCE {
                return (call, booking);
            }
            self.run.tasks.sleep(RETRY_WAIT).await;
        }
    }

    async fn until(&self, wall_us: i64) {
        let left = wall_us - Clock::system().now().as_microsecond();
        self.run.tasks.sleep(Duration::from_micros(u64::try_from(left).unwrap_or_default())).await;
    }
}
