//! Deaths at named points. In every round a process of payment or booking dies at one of them while
//! bookings are made, paid, cancelled and given back; it is started again, whoever asked repeats, and
//! then the provider's books must say that everything was done once, and ours the same.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    Booking, CancelBookingRequest, CheckInRequest, ConfirmBookingRequest, ConfirmBookingResponse,
    CreateLotRequest, EndSessionRequest, HoldSpotRequest, LotPolicy, NewSpot, SpotChoice,
    check_in_request, hold_spot_request,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::payment::v1::RefundPaymentRequest;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::time;
use parkmesh_platform::fault::reason_of;
use serde_json::json;
use sqlx::{PgConnection, Row};
use tokio::sync::Mutex;
use tonic::Status;

mod acted;
mod carded;

use super::ground::{Ground, Part};
use super::{books, insist};
use crate::Failure;
use crate::chance::Dice;
use crate::cli::Torture;
use crate::client::Gateway;
use crate::names::Role;
use crate::seed::{Maker, money};

/// How long after a death money may be on its way.
const TERMINAL_MAX: Duration = Duration::from_secs(60);
/// How long a point may take to be reached.
const REACHED_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
const WAIT: Duration = Duration::from_millis(50);
/// Systems that die beside each other.
const SYSTEMS: usize = 3;
/// Spots of the lot.
const SPOTS: usize = 40;

/// What was seen.
#[derive(Default)]
struct Tally {
    deaths: u64,
    slowest: Duration,
    broken: Vec<String>,
}

/// Every so many-th point, and who dies there.
fn points(every: usize) -> Vec<(Role, &'static str)> {
    let of = |role, points: &'static [&'static str]| points.iter().map(move |point| (role, *point));
    of(Role::Payment, &parkmesh_payment::FAILPOINTS)
        .chain(of(Role::Booking, &parkmesh_booking::FAILPOINTS))
        .chain(of(Role::Payment, &parkmesh_eventbus::FAILPOINTS))
        .chain(of(Role::Booking, &parkmesh_eventbus::FAILPOINTS))
        .step_by(every.max(1))
        .collect()
}

/// Dies so often at every point. Most of a round is waiting, so that several systems die beside each other.
pub async fn run(options: &Torture, home: &Path) -> Result<(), Failure> {
    let points = points(options.every);
    let systems = options.attempts.min(SYSTEMS as u64);
    println!(
        "· {} points, {} deaths at each, in {systems} systems",
        points.len(),
        options.attempts
    );
    let share = Share { options, points: &points, begun: Instant::now(), starting: Mutex::new(()) };
    let systems = (0..systems).map(|system| {
        let rounds = (system..options.attempts).step_by(SYSTEMS);
        share.system(home.join(format!("system-{system}")), rounds)
    });
    let mut tally = Tally::default();
    for one in futures_util::future::try_join_all(systems).await? {
        tally.deaths += one.deaths;
        tally.slowest = tally.slowest.max(one.slowest);
        tally.broken.extend(one.broken);
    }
    tell(options, &points, &tally)
}

/// What the systems have in common.
struct Share<'a> {
    options: &'a Torture,
    points: &'a [(Role, &'static str)],
    begun: Instant,
    /// One starts at a time: each looks for ports that are free.
    starting: Mutex<()>,
}

impl Share<'_> {
    /// The rounds of one system.
    async fn system(
        &self,
        home: PathBuf,
        rounds: impl Iterator<Item = u64>,
    ) -> Result<Tally, Failure> {
        let starting = self.starting.lock().await;
        let ground = Ground::start(self.options, &home).await?;
        let mut sandbox = ground.role(Role::PaymentSandbox);
        let (mut payment, mut booking) = (ground.role(Role::Payment), ground.role(Role::Booking));
        for part in [&mut sandbox, &mut payment, &mut booking] {
            part.start(None).await?;
        }
        drop(starting);
        let town = Town::make(&ground, self.options.seed).await?;
        let (mut tally, mut database) = (Tally::default(), ground.database().await?);
        for round in rounds {
            for (role, point) in self.points {
                let part = if *role == Role::Booking { &mut booking } else { &mut payment };
                match town.round(part, point, tally.deaths, &mut database).await {
                    Ok(took) => tally.slowest = tally.slowest.max(took),
                    Err(failure) => tally.broken.push(format!("{role} at {point}: {failure}")),
                }
                tally.deaths += 1;
            }
            tally.broken.extend(books::compare(&mut database).await?);
            let seconds = self.begun.elapsed().as_secs_f64();
            println!("  {seconds:>6.0} s  round {} of {}", round + 1, self.options.attempts);
            if !tally.broken.is_empty() {
                break;
            }
        }
        for part in [&mut booking, &mut payment, &mut sandbox] {
            part.stop().await?;
        }
        Ok(tally)
    }
}

fn tell(options: &Torture, points: &[(Role, &str)], tally: &Tally) -> Result<(), Failure> {
    let slowest = tally.slowest.as_secs_f64();
    println!(
        "{} deaths at {} points; the slowest money was at its end {slowest:.1} s after the process was there again; {} broken",
        tally.deaths,
        points.len(),
        tally.broken.len()
    );
    tally.broken.iter().for_each(|text| println!("  {text}"));
    let holds = tally.broken.is_empty();
    if let Some(path) = &options.json {
        let report = json!({
            "points": points.len(),
            "deaths": tally.deaths,
            "slowest_seconds": slowest,
            "violations": tally.broken.len(),
            "holds": holds,
        });
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    if holds { Ok(()) } else { Err(format!("{} rounds ended wrongly", tally.broken.len()).into()) }
}

/// A lot with prices, and who parks there.
struct Town<'a> {
    ground: &'a Ground,
    spots: Vec<String>,
    driver: Gateway,
    operator: Gateway,
    seed: u64,
}

impl<'a> Town<'a> {
    async fn make(ground: &'a Ground, seed: u64) -> Result<Self, Failure> {
        let maker = Maker::new(ground.operator(Role::Booking)?, "failpoints");
        let lot = maker
            .lot(CreateLotRequest {
                name: "failpoints".to_owned(),
                address: "nowhere".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
                hourly_rate: money(2, 0, "EUR"),
                policy: Some(LotPolicy {
                    early_arrival_seconds: 7_200,
                    max_holds_per_user: 10,
                    unpaid_holds_per_hour: 100_000_000,
                    ..Default::default()
                }),
                ..Default::default()
            })
            .await?;
        let floor = maker.floor(&lot, 0, "Ground floor", (100.0, 100.0)).await?;
        let spots = (0..SPOTS).map(|at| NewSpot {
            spot_number: format!("{at:03}"),
            spot_type: parkmesh_contracts::common::v1::SpotType::Regular.into(),
            ..Default::default()
        });
        let spots = maker.spots(&floor, spots.collect()).await?;
        Ok(Self {
            ground,
            spots: spots.into_iter().map(|spot| spot.spot_id).collect(),
            driver: ground.driver(Role::Booking, "torture-driver")?,
            operator: ground.operator(Role::Payment)?,
            seed,
        })
    }

    /// One death. How long money was on its way after it.
    async fn round(
        &self,
        part: &mut Part<'_>,
        point: &str,
        number: u64,
        database: &mut PgConnection,
    ) -> Result<Duration, Failure> {
        part.kill().await?;
        part.start(Some(point)).await?;
        let stories = self.stories(number, point);
        tokio::pin!(stories);
        // The stories go on while the process is dead: who asks repeats.
        let died = tokio::select! {
            done = &mut stories => Err(done.map_or_else(|failure| failure.to_string(), |_| "not reached".to_owned())),
            ended = part.ended(REACHED_MAX) => ended.ok_or_else(|| "not reached in time".to_owned()),
        };
        let (died, told) = match died {
            // The stories do not wait for the last step of money: it may come after them.
            Err(text) if text == "not reached" => {
                (part.ended(REACHED_MAX).await.ok_or("the point was not reached")?, true)
            }
            Err(text) => return Err(text.into()),
            Ok(status) => (status, false),
        };
        if died.signal() != Some(Signal::SIGABRT as i32) {
            return Err(format!("the process ended otherwise: {died}").into());
        }
        part.start(None).await?;
        let begun = Instant::now();
        if !told {
            stories.await?;
        }
        self.until_terminal(database).await?;
        let took = begun.elapsed();
        wrong_ends(database).await?;
        Ok(took)
    }

    async fn until_terminal(&self, database: &mut PgConnection) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            // In this order: what is heard of in between is open then, and is counted once at least.
            let open = unheard(database).await? + books::open(database).await?;
            if open == 0 {
                return Ok(());
            }
            if begun.elapsed() > TERMINAL_MAX {
                return Err(format!("money of {open} bookings is not at its end").into());
            }
            self.ground.tasks.sleep(WAIT).await;
        }
    }

    /// A booking that is cancelled, and one that is used, paid and given back in part; or, where the point is
    /// of such a thing, drivers who are to act at their banks, or whose cards fail them.
    async fn stories(&self, number: u64, point: &str) -> Result<(), Failure> {
        let (first, second) = (2 * number, 2 * number + 1);
        if point.contains(".action.") {
            let (accepted, other) = tokio::join!(self.accepted(first), self.paid_otherwise(second));
            return accepted.and(other);
        }
        if point.contains(".renew.") {
            return self.renewed(first).await;
        }
        if point.contains(".retry.") {
            return self.paid_later(first).await;
        }
        let (cancelled, used) = tokio::join!(self.cancelled(first), self.used(second));
        cancelled.and(used)
    }

    async fn cancelled(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let booking = self.reserved(number, &mut dice).await?;
        self.cancel(booking.booking_id, &mut dice).await
    }

    async fn cancel(&self, booking_id: String, dice: &mut Dice) -> Result<(), Failure> {
        let request = CancelBookingRequest { request_id: dice.uuid().to_string(), booking_id };
        insist(&self.ground.tasks, || {
            let (mut client, request) = (self.bookings(), request.clone());
            async move { client.cancel_booking(request).await }
        })
        .await?;
        Ok(())
    }

    async fn used(&self, number: u64) -> Result<(), Failure> {
        let mut dice = Dice::new(self.seed, number);
        let booking = self.reserved(number, &mut dice).await?;
        self.parked(&booking.booking_id, &mut dice).await?;
        self.given_back(&booking.payment_id, &mut dice).await
    }

    /// Comes and goes.
    async fn parked(&self, booking_id: &str, dice: &mut Dice) -> Result<(), Failure> {
        let request = CheckInRequest {
            request_id: dice.uuid().to_string(),
            key: Some(check_in_request::Key::BookingId(booking_id.to_owned())),
        };
        insist(&self.ground.tasks, || {
            let (mut client, request) = (self.bookings(), request.clone());
            async move { client.check_in(request).await }
        })
        .await?;
        let (request_id, booking_id) = (dice.uuid().to_string(), booking_id.to_owned());
        let request = EndSessionRequest { request_id, booking_id };
        insist(&self.ground.tasks, || {
            let (mut client, request) = (self.bookings(), request.clone());
            async move { client.end_session(request).await }
        })
        .await?;
        Ok(())
    }

    /// As soon as it is captured.
    async fn given_back(&self, payment_id: &str, dice: &mut Dice) -> Result<(), Failure> {
        let request = RefundPaymentRequest {
            request_id: dice.uuid().to_string(),
            payment_id: payment_id.to_owned(),
            amount: money(0, 700_000_000, "EUR"),
            reason: "torture".to_owned(),
        };
        insist(&self.ground.tasks, || {
            let mut client = PaymentServiceClient::new(self.operator.clone());
            let request = request.clone();
            async move {
                let answer = client.refund_payment(request).await;
                // Not captured yet: the end of the session is still on its way to payment.
                answer.map_err(|status| match reason_of(&status).as_deref() {
                    Some("PAYMENT_STATE_WRONG") => Status::unavailable("not captured yet"),
                    _ => status,
                })
            }
        })
        .await?;
        Ok(())
    }

    async fn reserved(&self, number: u64, dice: &mut Dice) -> Result<Booking, Failure> {
        let held = self.held(number, dice).await?;
        let reserved = self.confirmed(&held, "pm_card_ok", dice).await?;
        reserved.booking.ok_or_else(|| "a confirmation without a booking".into())
    }

    async fn held(&self, number: u64, dice: &mut Dice) -> Result<Booking, Failure> {
        let spot = usize::try_from(number).unwrap_or_default() % self.spots.len();
        let now = self.ground.tasks.clock().now();
        let start = now + jiff::SignedDuration::from_secs(60);
        let choice = SpotChoice { spot_id: self.spots[spot].clone(), spot_version: 0 };
        let request = HoldSpotRequest {
            request_id: dice.uuid().to_string(),
            choice: Some(hold_spot_request::Choice::Spot(choice)),
            window: Some(Window {
                start_time: Some(time::to_proto(start)),
                end_time: Some(time::to_proto(start + jiff::SignedDuration::from_hours(1))),
            }),
            ..Default::default()
        };
        let held = insist(&self.ground.tasks, || {
            let (mut client, request) = (self.bookings(), request.clone());
            async move { client.hold_spot(request).await }
        })
        .await?;
        held.booking.ok_or_else(|| "a hold without a booking".into())
    }

    async fn confirmed(
        &self,
        held: &Booking,
        card: &str,
        dice: &mut Dice,
    ) -> Result<ConfirmBookingResponse, Failure> {
        let request = ConfirmBookingRequest {
            request_id: dice.uuid().to_string(),
            booking_id: held.booking_id.clone(),
            payment_method: card.to_owned(),
        };
        let confirmed = insist(&self.ground.tasks, || {
            let (mut client, request) = (self.bookings(), request.clone());
            async move { client.confirm_booking(request).await }
        });
        Ok(confirmed.await?)
    }

    fn bookings(&self) -> BookingServiceClient<Gateway> {
        BookingServiceClient::new(self.driver.clone())
    }
}

/// Bookings that are over and of whose end payment has not heard.
async fn unheard(database: &mut PgConnection) -> Result<i64, Failure> {
    let unheard = "SELECT count(*) FROM booking.booking AS b
         LEFT JOIN payment.booking_money AS m USING (booking_id)
         WHERE b.state IN (4, 5, 6) AND m.settle_time IS NULL";
    Ok(sqlx::query_scalar(unheard).fetch_one(database).await?)
}

/// Whether the money of every booking is where its end says.
async fn wrong_ends(database: &mut PgConnection) -> Result<(), Failure> {
    let wrong = sqlx::query(
        "SELECT b.booking_id::text || ' is in state ' || b.state || ', its money ' || p.status
         FROM booking.booking AS b JOIN payment.payment AS p USING (booking_id)
         -- Where a card was refused, another payment may have taken its place.
         WHERE (b.state = 4 AND p.status <> 'captured' AND NOT EXISTS (SELECT FROM payment.payment AS paid
                WHERE paid.booking_id = b.booking_id AND paid.status = 'captured'
                  AND p.status IN ('declined', 'voided')))
            OR (b.state IN (5, 6) AND p.status NOT IN ('voided', 'declined'))",
    )
    .fetch_optional(database)
    .await?;
    match wrong {
        Some(row) => Err(row.try_get::<String, _>(0)?.into()),
        None => Ok(()),
    }
}
