//! Exits that are told again and again, in any order: each stay is captured once.

use std::path::Path;
use std::time::{Duration, Instant};

use parkmesh_contracts::payment::v1::AuthorizePaymentRequest;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use serde_json::json;
use uuid::Uuid;

use super::facts::{End, Facts};
use super::{money_of, tell};
use crate::Failure;
use crate::chance::Dice;
use crate::cli::Torture;
use crate::names::Role;
use crate::torture::money::ground::Ground;
use crate::torture::money::{books, insist};

/// Stays that are paid.
const STAYS: usize = 100;
/// Of a hundred facts so many tell of the arrival, also long after the exit.
const ARRIVALS_PERCENT: usize = 20;
/// Facts that are written together.
const BATCH: usize = 500;
/// How long money may be on its way when all is heard.
const TERMINAL_MAX: Duration = Duration::from_secs(60);
/// Above every other version.
const LATE: i64 = 1_000_000_000;

/// Pays for the stays, tells of their exits, and judges.
pub async fn run(options: &Torture, home: &Path) -> Result<(), Failure> {
    let ground = Ground::start(options, home).await?;
    let facts = Facts::start(&ground).await?;
    let (mut sandbox, mut payment) =
        (ground.role(Role::PaymentSandbox), ground.role(Role::Payment));
    sandbox.start(None).await?;
    payment.start(None).await?;
    let mut dice = Dice::new(options.seed, 0);
    let lot = dice.uuid();
    let stays: Vec<(Uuid, End)> = (0..STAYS)
        .map(|_| {
            let cents = 1 + i64::try_from(dice.below(900)).unwrap_or_default();
            (dice.uuid(), End::Completed(cents))
        })
        .collect();
    for (booking, _) in &stays {
        set_aside(&ground, &mut dice, *booking, lot).await?;
    }
    println!("· {} facts of {STAYS} stays", options.attempts);
    let begun = Instant::now();
    let mut rows: Vec<_> =
        stays.iter().map(|(booking, end)| facts.row(*booking, lot, 2, *end)).collect();
    for number in 0..options.attempts {
        let (booking, end) = stays[dice.below(STAYS)];
        let place = i64::try_from(number).unwrap_or_default();
        // As if told in its turn, and as if told before all others.
        let version = if dice.percent(50) { 3 + place } else { LATE - place };
        rows.push(match dice.percent(ARRIVALS_PERCENT) {
            true => facts.arrival(booking, lot, version),
            false => facts.row(booking, lot, version, end),
        });
        if rows.len() >= BATCH {
            facts.write(std::mem::take(&mut rows)).await?;
        }
    }
    facts.write(rows).await?;
    facts.published().await?;
    facts.heard(&ground.tasks, options.attempts).await?;
    let took = begun.elapsed();
    let mut database = ground.database().await?;
    let open = Instant::now();
    while books::open(&mut database).await? > 0 && open.elapsed() < TERMINAL_MAX {
        ground.tasks.sleep(super::LOOK).await;
    }
    let mut broken = books::compare(&mut database).await?;
    let captured: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM payment_sandbox.ledger_entry
         WHERE kind = 'capture' AND account = 'held'",
    )
    .fetch_one(&mut database)
    .await?;
    if usize::try_from(captured).ok() != Some(STAYS) {
        broken.push(format!("the provider has captured {captured} times for {STAYS} stays"));
    }
    payment.stop().await?;
    sandbox.stop().await?;
    let report = json!({
        "facts": options.attempts,
        "stays": STAYS,
        "captures": captured,
        "per_second": options.attempts as f64 / took.as_secs_f64(),
        "violations": broken.len(),
        "holds": broken.is_empty(),
    });
    tell(options, &report, &broken)
}

async fn set_aside(
    ground: &Ground,
    dice: &mut Dice,
    booking: Uuid,
    lot: Uuid,
) -> Result<(), Failure> {
    let way = ground.service(Role::Payment, Role::Booking)?;
    let request = AuthorizePaymentRequest {
        request_id: dice.uuid().to_string(),
        booking_id: booking.to_string(),
        lot_id: lot.to_string(),
        user_id: "torture".to_owned(),
        amount: money_of(1_000),
        payment_method: "pm_card_ok".to_owned(),
        ..Default::default()
    };
    insist(&ground.tasks, || {
        let mut client = PaymentServiceClient::new(way.clone());
        let request = request.clone();
        async move { client.authorize_payment(request).await }
    })
    .await?;
    Ok(())
}
