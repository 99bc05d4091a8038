//! A crowd that pays, repeats, and takes back, while the provider fails every seventh time. We stand in
//! for booking: we ask payment to set money aside, and publish how each booking ended, twice, late and
//! in the wrong order.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::payment::v1::{AuthorizePaymentRequest, RefundPaymentRequest};
use parkmesh_platform::fault::reason_of;
use prost::Message;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tonic::{Code, Status};
use uuid::Uuid;

use self::facts::{End, Facts};
use super::ground::Ground;
use super::{books, http, insist};
use crate::Failure;
use crate::chance::Dice;
use crate::cli::Torture;
use crate::client::Gateway;
use crate::names::Role;
use crate::seed::money;

pub mod exits;

mod facts;

/// Of a hundred calls so many are repeated afterwards, and at the same time.
const REPEATED_PERCENT: usize = 30;
const AT_ONCE_PERCENT: usize = 10;
/// Of a hundred bookings so many are paid by a card that is refused, cost more later, are given back.
const DECLINED_PERCENT: usize = 4;
const ADDITION_PERCENT: usize = 15;
const REFUND_PERCENT: usize = 25;
/// Of a hundred calls of the provider so many fail in one of five ways.
const FAULTS: [(&str, f64); 5] = [
    ("timeout_before", 0.03),
    ("timeout_after", 0.03),
    ("error_before", 0.04),
    ("error_after", 0.04),
    ("slow", 0.01),
];
/// How long after the faults money may be on its way.
const TERMINAL_MAX: Duration = Duration::from_secs(60);
/// Bookings of whose end payment may not have heard, and payments that may not be at their end, before the crowd waits for them: of
/// the faults' end a minute is asked, not of a crowd that asks more than the machine can do.
const UNDER_WAY_MAX: i64 = 400;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Captured payments that one of the crowd remembers, to give something back of.
const REMEMBERED_MAX: usize = 8;

/// What the crowd shares.
struct Crowd {
    ground: Ground,
    facts: Facts,
    booking: Gateway,
    operator: Gateway,
    lot: Uuid,
    seed: u64,
    wanted: u64,
    done: AtomicU64,
    repeated: AtomicU64,
    at_once: AtomicU64,
    told_to_wait: AtomicU64,
    /// Whether payment has more under way than it should.
    lags: std::sync::atomic::AtomicBool,
}

/// Runs the crowd and judges.
pub async fn run(options: &Torture, home: &Path) -> Result<(), Failure> {
    let ground = Ground::start(options, home).await?;
    let plan = ground.plan.clone();
    let mut database = ground.database().await?;
    books::prepare(&mut database).await?;
    // Their processes are ended with the ground, of which the crowd has its share.
    let crowd = Arc::new(Crowd {
        facts: Facts::start(&ground).await?,
        booking: ground.service(Role::Payment, Role::Booking)?,
        operator: ground.operator(Role::Payment)?,
        lot: Dice::new(options.seed, u64::MAX).uuid(),
        seed: options.seed,
        wanted: options.attempts,
        done: AtomicU64::new(0),
        repeated: AtomicU64::new(0),
        at_once: AtomicU64::new(0),
        told_to_wait: AtomicU64::new(0),
        lags: false.into(),
        ground,
    });
    let mut sandbox = crowd.ground.role(Role::PaymentSandbox);
    let mut payment = crowd.ground.role(Role::Payment);
    sandbox.start(None).await?;
    payment.start(None).await?;
    crowd.facts.open(crowd.lot, &crowd.ground.tasks).await?;
    let provider = plan.address(Role::PaymentSandbox).unwrap_or_default();
    let rates =
        serde_json::Map::from_iter(FAULTS.map(|(name, rate)| (name.to_owned(), json!(rate))));
    http(&provider, "PUT", "/admin/faults", &json!({ "rates": rates, "slow_ms": 200 })).await?;
    println!("· {} operations by {} clients", options.attempts, options.clients);
    let begun = Instant::now();
    let workers: Vec<_> = (0..options.clients)
        .map(|number| {
            let crowd_member = Arc::clone(&crowd);
            crowd.ground.tasks.detached(async move { crowd_member.work(u64::from(number)).await })
        })
        .collect();
    crowd.look_after(&mut database, begun).await?;
    let mut broken = Vec::new();
    for worker in workers {
        if let Err(failure) = worker.await? {
            broken.push(failure.to_string());
        }
    }
    let took = begun.elapsed();
    crowd.facts.published().await?;
    http(&provider, "PUT", "/admin/faults", &json!({})).await?;
    let terminal = until_terminal(&crowd, &mut database, TERMINAL_MAX).await?;
    let slowest = terminal.unwrap_or(TERMINAL_MAX).as_secs_f64();
    if terminal.is_none() {
        broken.push(format!("{} payments are not at their end", books::open(&mut database).await?));
    }
    broken.extend(books::compare(&mut database).await?);
    let again = crowd.hear_all_again(&mut database).await?;
    broken.extend(books::compare(&mut database).await?);
    let verdict: Value =
        serde_json::from_str(&http(&provider, "GET", "/admin/verdict", &Value::Null).await?)?;
    payment.stop().await?;
    sandbox.stop().await?;
    let report = json!({
        "operations": crowd.done.load(Ordering::Relaxed),
        "per_second": crowd.done.load(Ordering::Relaxed) as f64 / took.as_secs_f64(),
        "repeated": crowd.repeated.load(Ordering::Relaxed),
        "repeated_at_once": crowd.at_once.load(Ordering::Relaxed),
        "told_to_wait": crowd.told_to_wait.load(Ordering::Relaxed),
        "facts_delivered_again": again,
        "facts_told_twice": crowd.facts.twice(),
        "facts_out_of_order": crowd.facts.out_of_order(),
        "terminal_seconds": slowest,
        "verdict": verdict,
        "violations": broken.len(),
        "holds": broken.is_empty(),
    });
    tell(options, &report, &broken)
}

fn tell(options: &Torture, report: &Value, broken: &[String]) -> Result<(), Failure> {
    println!("{report:#}");
    broken.iter().for_each(|text| println!("  {text}"));
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(report)?)?;
    }
    match broken.len() {
        0 => Ok(()),
        many => Err(format!("{many} things are wrong with the money").into()),
    }
}

/// How long it took; `None` when it took too long.
async fn until_terminal(
    crowd: &Crowd,
    database: &mut PgConnection,
    max: Duration,
) -> Result<Option<Duration>, Failure> {
    let begun = Instant::now();
    // In this order: what is heard of in between is open then, and is counted once at least.
    while unheard(database).await? + books::open(database).await? > 0 {
        if begun.elapsed() > max {
            return Ok(None);
        }
        crowd.ground.tasks.sleep(LOOK).await;
    }
    Ok(Some(begun.elapsed()))
}

/// Bookings of whose end payment has not heard; each of the crowd's ends.
async fn unheard(database: &mut PgConnection) -> Result<i64, Failure> {
    let unheard = "SELECT count(*) FROM payment.booking_money WHERE settle_time IS NULL";
    Ok(sqlx::query_scalar(unheard).persistent(false).fetch_one(database).await?)
}

impl Crowd {
    /// Until enough is done: tells how far it is, and holds the crowd up while payment lags.
    async fn look_after(&self, database: &mut PgConnection, begun: Instant) -> Result<(), Failure> {
        let mut looks = 0_u32;
        while !self.is_over() {
            self.ground.tasks.sleep(LOOK).await;
            let (unheard, open) = (unheard(database).await?, books::open(database).await?);
            self.lags.store(unheard + open > UNDER_WAY_MAX, Ordering::Relaxed);
            looks += 1;
            if looks.is_multiple_of(20) {
                let done = self.done.load(Ordering::Relaxed);
                println!(
                    "  {:>6.0} s  {done} operations, {unheard} bookings and {open} payments under way",
                    begun.elapsed().as_secs_f64()
                );
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.done.load(Ordering::Relaxed) >= self.wanted
    }

    fn note(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    async fn work(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let mut captured: VecDeque<(String, i64)> = VecDeque::new();
        while !self.is_over() {
            while self.lags.load(Ordering::Relaxed) && !self.is_over() {
                self.ground.tasks.sleep(LOOK).await;
            }
            if let Some(paid) = self.booking(&mut dice).await? {
                captured.push_back(paid);
            }
            if captured.len() > REMEMBERED_MAX
                && let Some((payment_id, minor)) = captured.pop_front()
                && dice.percent(REFUND_PERCENT)
            {
                self.give_back(&mut dice, &payment_id, minor).await?;
            }
        }
        Ok(())
    }

    /// One booking from its first cent to its end: what was asked to be captured of which payment.
    async fn booking(&self, dice: &mut Dice) -> Result<Option<(String, i64)>, Failure> {
        let booking_id = dice.uuid();
        let cents = 100 + i64::try_from(dice.below(5_000)).unwrap_or_default();
        let card = if dice.percent(DECLINED_PERCENT) { "pm_card_declined" } else { "pm_card_ok" };
        let Some(payment_id) = self.set_aside(dice, booking_id, cents, card, false).await? else {
            return self.facts.end(booking_id, self.lot, End::Expired, dice).await.map(|()| None);
        };
        let mut set_aside = cents;
        if dice.percent(ADDITION_PERCENT) {
            let more = 50 + i64::try_from(dice.below(500)).unwrap_or_default();
            if self.set_aside(dice, booking_id, more, "", true).await?.is_some() {
                set_aside += more;
            }
        }
        let part = |dice: &mut Dice, of: i64| {
            1 + i64::try_from(dice.below(usize::try_from(of).unwrap_or(1))).unwrap_or_default()
        };
        let end = match dice.below(10) {
            0..6 => End::Completed(part(dice, set_aside)),
            6 => End::Cancelled(part(dice, set_aside)),
            7 => End::Cancelled(0),
            _ => End::Expired,
        };
        self.note();
        self.facts.end(booking_id, self.lot, end, dice).await?;
        let taken = end.minor().min(cents);
        Ok((taken > 0).then_some((payment_id, taken)))
    }

    /// Sets aside, with all that a caller may do wrong; `None`: the card was refused.
    async fn set_aside(
        &self,
        dice: &mut Dice,
        booking_id: Uuid,
        minor: i64,
        card: &str,
        additional: bool,
    ) -> Result<Option<String>, Failure> {
        let request = AuthorizePaymentRequest {
            request_id: dice.uuid().to_string(),
            booking_id: booking_id.to_string(),
            lot_id: self.lot.to_string(),
            user_id: "torture".to_owned(),
            amount: money_of(minor),
            payment_method: card.to_owned(),
            additional,
            ..Default::default()
        };
        let ask = || {
            let mut client = PaymentServiceClient::new(self.booking.clone());
            let request = request.clone();
            async move {
                self.note();
                client.authorize_payment(request).await
            }
        };
        let first = self.asked(dice, ask).await;
        if dice.percent(1) {
            let mut other = request.clone();
            other.amount = money_of(minor + 1);
            let ask = || {
                let (mut client, other) =
                    (PaymentServiceClient::new(self.booking.clone()), other.clone());
                async move { client.authorize_payment(other).await }
            };
            is_reused(insist(&self.ground.tasks, ask).await.map(drop))?;
        }
        match first {
            Ok(answer) => Ok(answer.payment.map(|payment| payment.payment_id)),
            Err(status) if reason_of(&status).as_deref() == Some("PAYMENT_DECLINED") => Ok(None),
            Err(status) => Err(Box::new(status)),
        }
    }

    async fn give_back(
        &self,
        dice: &mut Dice,
        payment_id: &str,
        minor: i64,
    ) -> Result<(), Failure> {
        let part =
            1 + i64::try_from(dice.below(usize::try_from(minor).unwrap_or(1))).unwrap_or_default();
        let request = RefundPaymentRequest {
            request_id: dice.uuid().to_string(),
            payment_id: payment_id.to_owned(),
            amount: money_of(part),
            reason: "torture".to_owned(),
        };
        let ask = || {
            let mut client = PaymentServiceClient::new(self.operator.clone());
            let request = request.clone();
            async move {
                self.note();
                client.refund_payment(request).await
            }
        };
        match self.asked(dice, ask).await {
            Ok(_) => Ok(()),
            // The end is still on its way: nothing is given back then.
            Err(status) if reason_of(&status).as_deref() == Some("PAYMENT_STATE_WRONG") => Ok(()),
            Err(status) => Err(Box::new(status)),
        }
    }

    /// Asks until there is an answer; sometimes at once with a twin, sometimes again afterwards. All
    /// answers must be one.
    async fn asked<T, F>(&self, dice: &mut Dice, ask: impl Fn() -> F) -> Result<T, Status>
    where
        T: Message + Default + PartialEq,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let tasks = &self.ground.tasks;
        let counted = || async {
            let answer = ask().await;
            if answer.as_ref().is_err_and(|status| status.code() == Code::Aborted) {
                self.told_to_wait.fetch_add(1, Ordering::Relaxed);
            }
            answer
        };
        let first = match dice.percent(AT_ONCE_PERCENT) {
            false => insist(tasks, counted).await,
            true => {
                self.at_once.fetch_add(1, Ordering::Relaxed);
                let (one, twin) = tokio::join!(insist(tasks, counted), insist(tasks, counted));
                same(&one, &twin)?;
                one
            }
        };
        if dice.percent(REPEATED_PERCENT) {
            self.repeated.fetch_add(1, Ordering::Relaxed);
            same(&first, &insist(tasks, counted).await)?;
        }
        first
    }

    /// Has every fact delivered once more, and waits until all are heard. How many there were.
    async fn hear_all_again(&self, database: &mut PgConnection) -> Result<u64, Failure> {
        let facts = self.facts.deliver_again().await?;
        self.facts.heard(&self.ground.tasks, facts).await?;
        until_terminal(self, database, TERMINAL_MAX).await?;
        Ok(facts)
    }
}

/// Whether two callers of one request were told the same, to the byte.
fn same<T: Message + Default>(
    one: &Result<T, Status>,
    other: &Result<T, Status>,
) -> Result<(), Status> {
    let alike = match (one, other) {
        (Ok(one), Ok(other)) => one.encode_to_vec() == other.encode_to_vec(),
        (Err(one), Err(other)) => reason_of(one) == reason_of(other),
        // Only money that came a moment later makes a refusal good.
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => {
            reason_of(refused).as_deref() == Some("PAYMENT_STATE_WRONG")
        }
    };
    match alike {
        true => Ok(()),
        false => {
            let told = |one: &Result<T, Status>| match one {
                Ok(answer) => format!("{:?}", answer.encode_to_vec()),
                Err(status) => status.to_string(),
            };
            Err(Status::data_loss(format!("two answers: {} and {}", told(one), told(other))))
        }
    }
}

fn is_reused(answer: Result<(), Status>) -> Result<(), Failure> {
    match answer {
        Err(status) if reason_of(&status).as_deref() == Some("REQUEST_ID_REUSED") => Ok(()),
        other => Err(format!("another body under a used id was answered by {other:?}").into()),
    }
}

fn money_of(minor: i64) -> Option<parkmesh_contracts::google::r#type::Money> {
    let nanos = i32::try_from(minor % 100).unwrap_or_default() * 10_000_000;
    money(minor / 100, nanos, "EUR")
}
